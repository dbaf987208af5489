"""A user-mode minidump (MDMP) → Dump: modules, threads, exception, memory of one process.

Source: minidumpapiset.h as documented by Microsoft ("Minidump Files"); the streams are read in the minidump_*.py beside
this file, each with its own sources.

Folklore: a file without SystemInfo (cut short, or made by a tool) is still worth its threads; the architecture is then
recognised from the ContextFlags of a context, or else from how wide the addresses are.
"""

from __future__ import annotations

from collections.abc import Iterable

from bugcheck.binary import BinaryView, Record
from bugcheck.dump.dump import Architecture, Dump, RawContext, RawModule
from bugcheck.dump.minidump_left_out import left_out
from bugcheck.dump.minidump_memory import has_memory_stream, read_memory
from bugcheck.dump.minidump_modules import module_entries, read_modules, read_unloaded_modules
from bugcheck.dump.minidump_streams import Minidump, StreamKind
from bugcheck.dump.minidump_system import (
    architecture_of_context,
    known_architecture,
    read_system_info,
    read_user_facts,
)
from bugcheck.dump.minidump_threads import (
    read_contexts,
    read_exception,
    read_threads,
    thread_entries,
    widen_exception,
)
from bugcheck.errors import CorruptDump, TruncatedDump
from bugcheck.gaps import Gap


def read_minidump(view: BinaryView) -> Dump:
    """Read a minidump of a Windows process; what is damaged or absent is a Gap.

    Raises:
        NotADump: the process ran on another system, or on a processor bugcheck does not know.
        CorruptDump, TruncatedDump: nothing in the file can be read.
    """
    minidump = Minidump(view)
    system = read_system_info(minidump)
    entries = thread_entries(minidump)
    contexts = read_contexts(minidump, entries)
    exception, context = read_exception(minidump)
    modules = module_entries(minidump)
    known = known_architecture(minidump, system)
    architecture, guessed_from = (known, "") if known else _guess([context, *contexts], modules)
    bits = architecture.bits
    dump = Dump("user_minidump", architecture, view, context=context)
    dump.user = read_user_facts(minidump, system)
    dump.modules = read_modules(minidump, modules, bits)
    dump.unloaded_modules = read_unloaded_modules(minidump, bits)
    dump.threads = read_threads(minidump, entries, contexts, bits)
    dump.exception = widen_exception(minidump, exception, bits) if exception else None
    dump.virtual = read_memory(minidump, entries, bits)
    dump.streams = tuple(minidump.streams)
    dump.truncated_at = minidump.truncated_at
    dump.gaps = minidump.gaps()
    if not (known or dump.modules or dump.threads or dump.exception or dump.virtual):
        raise _unreadable(minidump, dump)
    dump.left_out = left_out(minidump)
    if guessed_from:
        dump.damage(
            "architecture", f"no SystemInfo stream names it; taken to be {architecture.value} from {guessed_from}"
        )
    dump.gaps += _absent(minidump, dump)
    return dump


def _guess(contexts: Iterable[RawContext | None], modules: Iterable[Record]) -> tuple[Architecture, str]:
    for context in contexts:
        architecture = architecture_of_context(context) if context else None
        if context and architecture:
            return architecture, f"the context of {context.source}"
    wide = any(module.base >> 32 not in (0, 0xFFFF_FFFF) for module in modules)
    return Architecture.X64 if wide else Architecture.X86, "the width of addresses"


def _unreadable(minidump: Minidump, dump: Dump) -> CorruptDump:
    kind = CorruptDump if minidump.truncated_at is None else TruncatedDump
    reason = "no stream of this minidump can be read"
    if dump.gaps:
        reason += f": {dump.gaps[0].what}: {dump.gaps[0].missing}"
    return kind(minidump.view.name, reason, minidump.header.directory)


def _absent(minidump: Minidump, dump: Dump) -> list[Gap]:
    gaps: list[Gap] = []
    if not dump.threads:
        gaps.append(Gap("threads and their stacks", "a list of threads in the dump"))
    if not dump.modules:
        gaps.append(Gap("modules", "a list of modules in the dump"))
    if not has_memory_stream(minidump):
        gaps.append(Gap("contents of stacks and data", "memory in the dump"))
    if minidump.find(StreamKind.EXCEPTION) is not None and dump.context is None:
        gaps.append(Gap("registers at the exception", "the exception's context in the dump"))
    if dump.architecture is Architecture.X64 and any(_is_wow64(module) for module in dump.modules):
        gaps.append(_WOW64)
    return gaps


def _is_wow64(module: RawModule) -> bool:
    return module.path.lower().replace("/", "\\").rsplit("\\", 1)[-1] == "wow64.dll"


_WOW64 = Gap(
    "stacks of the 32-bit code in this WOW64 process",
    "a dump by a 32-bit writer: a 64-bit one keeps the contexts of the emulation layer",
    r"dump the process again with C:\Windows\SysWOW64\Taskmgr.exe, or with procdump without -64",
)
