"""A text file → the Dumps of the logs in it.

Source: ../shared/facts/windbg.md §3 for the fields.

Folklore: people quote parts of a log again that they have shown before: such an excerpt is no log of its own.
"""

from __future__ import annotations

import re

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, KernelHeader, UserFacts, VirtualRun
from bugcheck.dump.log.bugcheck import MASK32, code_of, is_kernel, parameters_of
from bugcheck.dump.log.decode import MAX_BYTES, PROBED, lines_of, text_of
from bugcheck.dump.log.doubts import doubts
from bugcheck.dump.log.facts import LogFacts, LogFrame, LogSystem
from bugcheck.dump.log.modules import find_modules, raw_modules, unloaded_modules
from bugcheck.dump.log.registers import code_lines, error_code, named_places, read_context, read_exception
from bugcheck.dump.log.sections import MAX_LOGS, Log, could_be_log, number, split_logs
from bugcheck.dump.log.stack import read_stack
from bugcheck.dump.log.system import read_system
from bugcheck.gaps import Gap

FORMAT = "windbg_log"
_NAMES = {"x86": Architecture.X86, "x64": Architecture.X64, "ARM 64": Architecture.ARM64, "ARM": Architecture.ARM32}
_MACHINES = {Architecture.X86: 0x14C, Architecture.X64: 0x8664, Architecture.ARM64: 0xAA64, Architecture.ARM32: 0x1C4}
_TRANSFER = re.compile(r"^from ([0-9a-fA-F`]{8,17}) to ([0-9a-fA-F`]{8,17})")
_STACK_HEAD = re.compile(r"^#? ?(?:ChildEBP|Child-SP)\b")
_ARCHITECTURE = re.compile(r"\bFree (x86|x64|ARM 64|ARM)")
NUMBER_WIDTHS = {Architecture.ARM64: 4, Architecture.ARM32: 2}
"""ARM instructions are printed as numbers of this many bytes."""
_LEFT_OUT = "everything but what a debugger's log says: memory, other threads, modules that are not named in it"


def read_logs(view: BinaryView) -> list[Dump]:
    """Read the logs in a text file, at most MAX_LOGS; an empty list for what is no text or holds none."""
    head = text_of(view, PROBED)
    if head is None or (not could_be_log(head) and view.size <= PROBED):
        return []
    text = text_of(view)
    if text is None or not could_be_log(text):
        return []
    found: list[Dump] = []
    seen: list[tuple[Log, set[tuple[str, str]]]] = []
    for log in split_logs(lines_of(text)):
        said = {(name, line) for name, lines in log.fields for line in lines if line}
        if any(_is_excerpt(log, said, *other) for other in seen):
            continue
        seen.append((log, said))
        if len(found) == MAX_LOGS:
            found[-1].gaps.append(Gap("more logs in this file", f"the first {MAX_LOGS} are read (the limit)"))
            break
        found.append(_dump_of(log, view))
    if found and view.size > MAX_BYTES:
        found[-1].gaps.append(Gap("the rest of the text", f"the first {MAX_BYTES >> 20} MiB are read (the limit)"))
    return found


def _is_excerpt(log: Log, said: set[tuple[str, str]], other: Log, before: set[tuple[str, str]]) -> bool:
    """Tell whether a log says nothing that another one has not said before."""
    return (
        log.arguments.items() <= other.arguments.items()
        and set(log.codes.values()) <= set(other.codes.values())
        and said <= before
    )


def _dump_of(log: Log, view: BinaryView) -> Dump:
    architecture = _architecture(log)
    frames = read_stack(_stack_lines(log), _first_ip(log), architecture.bits)
    code = code_of(log, frames)
    of_kernel = code is not None or is_kernel(log, frames, architecture)
    context, system = read_context(log), read_system(log)
    named = [*named_places(log), *((f.ip, f.module, f.function, f.offset) for f in frames if f.ip and not f.inline)]
    frames = _placed(frames, log)
    memory, runs = _memory(log, architecture)
    dump = Dump(FORMAT, architecture, view, virtual=runs, left_out=(_LEFT_OUT,), exception=read_exception(log))
    program = log.first("PROCESS_NAME")[:260]
    places = find_modules(log, named, of_kernel)
    dump.modules = raw_modules(places, of_kernel, program, 1 << architecture.bits)
    dump.unloaded_modules = unloaded_modules(named)
    irql = number(log.first("CURRENT_IRQL"))
    fields = tuple((name, tuple(lines)) for name, lines in log.fields)
    names = {
        address: _name(module, function, offset) for address, module, function, offset in reversed(named) if module
    }
    dump.log = LogFacts(
        fields, log.title, frames, context, names, memory, program,
        irql if irql is not None and irql < 32 else None, system, code is not None, log.probable_cause,
        frozenset(raw.base for raw, place in zip(dump.modules, places, strict=True) if place.is_covering),
    )  # fmt: skip
    parameters = parameters_of(log, code or 0, frames, context, architecture) if of_kernel else None
    if parameters is not None:
        dump.kernel = _header(code or 0, parameters, architecture, system)
    else:
        dump.user = _user(system, log)
    dump.gaps += doubts(log, dump, [place.name for place in places if place.is_covering])
    return dump


def _name(module: str, function: str, offset: int) -> str:
    base = f"{module}!{function}" if function else module
    return f"{base}+{offset:#x}" if offset or not function else base


def _stack_lines(log: Log) -> list[str]:
    """STACK_TEXT; without one the first `k` that stands outside the fields, behind the exception where one is told."""
    if shown := log.lines("STACK_TEXT"):
        return shown
    lines = log.loose[log.event or 0 :]
    heads = [index for index, line in enumerate(lines) if _STACK_HEAD.match(line)]
    return lines[heads[0] : heads[1] if len(heads) > 1 else None] if heads else lines


def _first_ip(log: Log) -> int:
    match = _TRANSFER.match(log.first("LAST_CONTROL_TRANSFER"))
    return int(match[2].replace("`", ""), 16) if match else 0


def _placed(frames: tuple[LogFrame, ...], log: Log) -> tuple[LogFrame, ...]:
    """Give the first level the address that a field tells for the same symbol, where no transfer told it."""
    if not frames or frames[0].ip:
        return frames
    first = frames[0]
    wanted = (first.module, first.function, first.offset)
    ip = next((address for address, *symbol in named_places(log) if tuple(symbol) == wanted), 0)
    return (first._replace(ip=ip), *frames[1:])


def _architecture(log: Log) -> Architecture:
    text = next((match[1] for line in log.loose if (match := _ARCHITECTURE.search(line))), "")
    if text:
        return _NAMES[text]
    context = read_context(log)
    registers = context.registers if context else {}
    for register, architecture in (("eip", Architecture.X86), ("rip", Architecture.X64), ("x0", Architecture.ARM64)):
        if register in registers:
            return architecture
    platform = log.first("OSPLATFORM_TYPE").lower()
    if platform in ("x86", "x64", "arm64"):
        return Architecture(platform)
    if log.wide is not None:
        return Architecture.X64 if log.wide else Architecture.X86
    narrow = len(read_stack(_stack_lines(log), 0, 32))
    lines = " ".join(_stack_lines(log)[:40])
    return (
        Architecture.X86
        if narrow and "`" not in lines and not re.search(r"\b[0-9a-f]{16}\b", lines)
        else Architecture.X64
    )


# --- the dump's records ---


def _in_order(code: bytes, width: int) -> bytes:
    """Put the bytes of an instruction as debuggers print it into the order they have in memory."""
    return b"".join(code[at : at + width][::-1] for at in range(0, len(code), width))


def _memory(log: Log, architecture: Architecture) -> tuple[BinaryView, tuple[VirtualRun, ...]]:
    """The bytes the log shows: instructions and the error code in the trap frame."""
    data = bytearray()
    runs: list[VirtualRun] = []
    width = NUMBER_WIDTHS.get(architecture, 1)
    pieces = [(address, _in_order(code, width), "an instruction in the log") for address, code in code_lines(log)]
    error = error_code(log)
    if error is not None:
        pieces.append((error[0], error[1].to_bytes(4, "little"), "ErrCode in the log"))
    for address, piece, what in pieces:
        runs.append(VirtualRun(address, len(piece), len(data), what))
        data += piece
    return BinaryView(bytes(data), "the log's bytes"), tuple(sorted(runs, key=lambda run: run.start))


def _header(
    code: int, parameters: tuple[int, int, int, int], architecture: Architecture, system: LogSystem
) -> KernelHeader:
    return KernelHeader(
        dump_type=0, major_version=15, build=system.build & 0xFFFF, directory_table_base=0, pfn_database=0,
        loaded_module_list=0, active_process_head=0, machine_type=_MACHINES.get(architecture, 0),
        processor_count=system.processors or 0, bugcheck_code=code & MASK32, bugcheck_parameters=parameters,
        debugger_data_block=0, pae_enabled=None, comment="", system_time=system.time or None,
        system_up_time=system.uptime or None, required_dump_space=None, mini_dump_fields=None,
        secondary_data_state=None, product_type=None if system.is_server is None else 3 if system.is_server else 1,
        suite_mask=None, writer_status=None, kd_secondary_version=None, attributes=None, boot_id=None,
    )  # fmt: skip


def _user(system: LogSystem, log: Log) -> UserFacts:
    seconds = max(0, system.time // 10_000_000 - 11_644_473_600)
    pack = "" if system.service_pack is None else f"Service Pack {system.service_pack}"
    thread = number(log.first("FAULTING_THREAD"))
    return UserFacts(
        flags=0, time=seconds, processor_count=system.processors or 0, product_type=0, major_version=0,
        minor_version=0, build=system.build, platform_id=2, service_pack=pack, suite_mask=0, processor_level=0,
        processor_revision=0, cpu="", process_id=None, process_create_time=0, comment="",
        requesting_thread_id=thread,
    )  # fmt: skip
