"""A text file → the Dumps of the logs in it.

Source: ../shared/facts/windbg.md §3; parameters by KeBugCheckEx's prototype (Microsoft) where STACK_TEXT shows them.

Folklore: a listing may lack the bug check's arguments (the story's does): the words on KeBugCheckEx's line are the code
and the first two parameters on x86, three on x64; TRAP_FRAME and CONTEXT are the parameter that means them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, KernelHeader, UserFacts, VirtualRun
from bugcheck.dump.log.decode import MAX_BYTES, PROBED, lines_of, text_of
from bugcheck.dump.log.facts import LogContext, LogFacts, LogFrame, LogSystem
from bugcheck.dump.log.modules import find_modules, raw_modules, unloaded_modules
from bugcheck.dump.log.registers import code_lines, error_code, named_places, read_context, read_exception
from bugcheck.dump.log.sections import MAX_LOGS, Log, could_be_log, number, split_logs
from bugcheck.dump.log.stack import parse_symbol, read_stack
from bugcheck.dump.log.system import read_system
from bugcheck.gaps import Gap
from bugcheck.knowledge.bugchecks import describe_bugcheck

FORMAT = "windbg_log"
SMALL_DUMP_BIT = 0x1000_0000
MASK32 = 0xFFFF_FFFF
_MACHINES = {Architecture.X86: 0x14C, Architecture.X64: 0x8664, Architecture.ARM64: 0xAA64, Architecture.ARM32: 0x1C4}
_TRANSFER = re.compile(r"^from ([0-9a-fA-F`]{8,17}) to ([0-9a-fA-F`]{8,17})")
_CODE_IN_STR = re.compile(r"^0x([0-9A-Fa-f]{1,8})(?:_|$)")
_BARE_PREAMBLE = re.compile(r"\bFree (x86|x64|ARM)")
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
    seen: set[object] = set()
    for log in split_logs(lines_of(text)):
        key = (tuple(sorted(log.arguments.items())), tuple((name, tuple(lines)) for name, lines in log.fields))
        if key in seen:
            continue
        seen.add(key)
        if len(found) == MAX_LOGS:
            found[-1].gaps.append(Gap("more logs in this file", f"the first {MAX_LOGS} are read (the limit)"))
            break
        found.append(_dump_of(log, view))
    if found and view.size > MAX_BYTES:
        found[-1].gaps.append(Gap("the rest of the text", f"the first {MAX_BYTES >> 20} MiB are read (the limit)"))
    return found


def _dump_of(log: Log, view: BinaryView) -> Dump:
    architecture = _architecture(log)
    frames = read_stack(_stack_lines(log), _first_ip(log), architecture.bits)
    code = _code(log, frames)
    is_kernel = code is not None or not _is_user(log)
    context, system = read_context(log), read_system(log)
    named = [*named_places(log), *((f.ip, f.module, f.function, f.offset) for f in frames if f.ip and not f.inline)]
    frames = _placed(frames, log)
    memory, runs = _memory(log)
    dump = Dump(FORMAT, architecture, view, virtual=runs, left_out=(_LEFT_OUT,), exception=read_exception(log))
    program = log.first("PROCESS_NAME")[:260]
    places = find_modules(log, named, is_kernel)
    dump.modules = raw_modules(places, is_kernel, program, 1 << architecture.bits)
    dump.unloaded_modules = unloaded_modules(named)
    irql = number(log.first("CURRENT_IRQL"))
    fields = tuple((name, tuple(lines)) for name, lines in log.fields)
    names = {
        address: _name(module, function, offset) for address, module, function, offset in reversed(named) if module
    }
    dump.log = LogFacts(
        fields, log.title, frames, context, names, memory, program,
        irql if irql is not None and irql < 32 else None, system,
    )  # fmt: skip
    parameters = _parameters(log, code or 0, frames, context, architecture) if is_kernel else None
    if parameters is not None:
        dump.kernel = _header(code or 0, parameters, architecture, system)
    else:
        dump.user = _user(system, log)
    dump.gaps += _gaps(log, dump, code, [place.name for place in places if place.is_covering])
    return dump


def _name(module: str, function: str, offset: int) -> str:
    base = f"{module}!{function}" if function else module
    return f"{base}+{offset:#x}" if offset or not function else base


def _stack_lines(log: Log) -> list[str]:
    """STACK_TEXT; without one the lines of a `k` command that stand outside the fields."""
    return log.lines("STACK_TEXT") or log.loose


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
    text = next((match[1] for line in log.loose if (match := _BARE_PREAMBLE.search(line))), "")
    if text:
        return {"x86": Architecture.X86, "x64": Architecture.X64, "ARM": Architecture.ARM64}[text]
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


def _is_user(log: Log) -> bool:
    bucket = log.first("BUGCHECK_STR", "BUCKET_ID", "FAILURE_BUCKET_ID")
    words = (log.first("FAILURE_ID_HASH_STRING"), log.first("STACK_COMMAND"), log.first("ANALYSIS_SOURCE"))
    return (
        bucket.startswith("APPLICATION_")
        or words[0].startswith("um:")
        or words[1].startswith("~")
        or words[2].startswith("UM")
        or any("Exception Analysis" in line for line in log.loose)
    )


# --- the bug check ---


def _codes(log: Log, frames: tuple[LogFrame, ...]) -> list[int]:
    """Every code the log tells, the surest first."""
    found = [log.codes[key] for key in ("title", "field", "short", "command", "fatal") if key in log.codes]
    match = _CODE_IN_STR.match(log.first("BUGCHECK_STR"))
    if match is not None:
        found.append(int(match[1], 16))
    words = _bugcheck_words(frames)
    return [*found, words[0] & MASK32] if words else found


def _code(log: Log, frames: tuple[LogFrame, ...]) -> int | None:
    return None if _is_user(log) else next(iter(_codes(log, frames)), None)


def _bugcheck_words(frames: tuple[LogFrame, ...]) -> tuple[int, ...]:
    """The words on the line of KeBugCheckEx: code and parameters."""
    names = ("KeBugCheckEx", "KeBugCheck2", "KeBugCheck")
    return next((f.arguments for f in frames if f.module == "nt" and f.function in names and f.arguments), ())


def _parameters(
    log: Log, code: int, frames: tuple[LogFrame, ...], context: LogContext | None, architecture: Architecture
) -> tuple[int, int, int, int]:
    mask = (1 << architecture.bits) - 1
    values: list[int | None] = [log.arguments.get(index) for index in (1, 2, 3, 4)]
    words = _bugcheck_words(frames)
    if words and (words[0] ^ code) & MASK32 & ~SMALL_DUMP_BIT == 0:
        for index, word in enumerate(words[1:5]):
            values[index] = word if values[index] is None else values[index]
    roles = _roles(code, [value or 0 for value in values])
    for index, role in enumerate(roles):
        if values[index] is None and context is not None and context.source.startswith(role or "?"):
            values[index] = context.address
    first, second, third, fourth = ((value or 0) & mask for value in values)
    return first, second, third, fourth


def _roles(code: int, values: list[int]) -> list[str]:
    """What the parameters mean, in LogContext's words."""
    knowledge = describe_bugcheck(code)
    if knowledge is None:
        return []
    case = knowledge.case((values[0], values[1], values[2], values[3]))
    return [(meaning.role or "").replace("_", " ") if meaning else "" for meaning in case.parameters]


# --- the dump's records ---


def _memory(log: Log) -> tuple[BinaryView, tuple[VirtualRun, ...]]:
    """The bytes the log shows: instructions and the error code in the trap frame."""
    data = bytearray()
    runs: list[VirtualRun] = []
    pieces = [(address, code, "an instruction in the log") for address, code in code_lines(log)]
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


# --- what is missing, and what contradicts ---


def _gaps(log: Log, dump: Dump, code: int | None, covering: list[str]) -> Iterator[Gap]:
    remedy = "analyse the dump itself, where it still exists"
    if not any(line for name, lines in log.fields if name == "STACK_TEXT" for line in lines):
        yield Gap("the stack", "STACK_TEXT in this log", remedy)
    elif dump.log is not None and not dump.log.frames:
        yield Gap("the stack", "a line of STACK_TEXT that could be read", remedy)
    if dump.kernel is not None and code is None:
        yield Gap("the bug check's code", "a line of this log that tells it", remedy)
    if dump.kernel is not None and len(log.arguments) < 4:
        yield Gap("parameters of the bug check", "Arg1 to Arg4 in this log; what the stack shows is used", remedy)
    if covering:
        yield Gap(
            f"where {', '.join(covering[:8])} lie", "their bases in this log: only addresses in them are known", remedy
        )
    if dump.log is not None and dump.log.system.is_build_guess:
        yield Gap("the Windows build", "the debugger's first lines; it is taken from the kind of report", remedy)
    yield from _contradictions(log, dump)


def _contradictions(log: Log, dump: Dump) -> Iterator[Gap]:
    """What the log says twice and differently."""
    told = _codes(log, dump.log.frames if dump.log else ()) if dump.kernel else ()
    codes = {code & ~SMALL_DUMP_BIT for code in told}
    if len(codes) > 1:
        names = ", ".join(f"{code:#x}" for code in sorted(codes))
        yield Gap("which bug check it was", f"the log contradicts itself: {names}; the analysis's own heading is used")
    symbol = parse_symbol(log.first("SYMBOL_NAME").replace("+", "+0x", 1))
    name = log.first("MODULE_NAME").split(" ")[0]
    if symbol is not None and name and symbol.module.lower() != name.lower():
        yield Gap(
            "which module was blamed", f"the log contradicts itself: MODULE_NAME {name}, SYMBOL_NAME {symbol.module}"
        )
