"""Register blocks, exception records and instruction lines of a log → LogContext, RawException, code bytes and names.

Source: TRAP_FRAME, CONTEXT, EXCEPTION_RECORD, FAULTING_IP of the logs in docs/logs-read.md; ErrCode lies at
0x64 of an x86 KTRAP_FRAME (../shared/facts/windbg.md §3.2).

Folklore: an x64 trap frame holds no rbx, rsi, rdi and r12 to r15; the debugger prints zeros for them and says so in a
note.  Those zeros are left out here: they are no values.  A process's console log may have no record of its exception
but the line that told of it, with the registers behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.dump.dump import RawException
from bugcheck.dump.log.facts import LogContext
from bugcheck.dump.log.sections import EVENT, Log, number
from bugcheck.dump.log.stack import parse_symbol

INSTRUCTION_POINTERS = ("rip", "eip", "pc")
NOT_IN_TRAP_FRAME = frozenset(["rbx", "rsi", "rdi", "r12", "r13", "r14", "r15"])
ERROR_CODE_OFFSET = 0x64
EVENT_LINES = 20
"""Lines behind an event within which its registers are printed."""
_REGISTERS = frozenset(
    [f"{width}{name}" for width in "er" for name in ("ax", "bx", "cx", "dx", "si", "di", "ip", "sp", "bp")]
    + ["cs", "ss", "ds", "es", "fs", "gs", "efl", "fp", "lr", "sp", "pc", "psr"]
    + [f"r{n}" for n in range(16)]
    + [f"x{n}" for n in range(29)]
)
_REGISTER = re.compile(r"\b([a-z][a-z0-9]{1,2}) ?= ?([0-9a-fA-F]{1,8}`?[0-9a-fA-F]{0,8})\b")
_CODE = re.compile(
    r"^([0-9a-fA-F]{8}`[0-9a-fA-F]{8}|[0-9a-fA-F]{8,16})\s+((?:[0-9a-fA-F]{2}){1,15})\s+([a-z][a-z0-9]{1,15})\b"
)
_PLACE = re.compile(r"^([\w.$-]{1,80}(?:!.{1,1000}?)?)\+(?:0x)?([0-9a-fA-F]{1,16})(?: \[.*)?:?$")
_EXCEPTION_ADDRESS = re.compile(r"^ExceptionAddress: ([0-9a-fA-F`]{8,17})(?: \(([^()]{1,1000})\))?")
_EXCEPTION_CODE = re.compile(r"^ExceptionCode: ([0-9a-fA-F]{8})\b")
_EXCEPTION_FLAGS = re.compile(r"^ExceptionFlags: ([0-9a-fA-F]{8})\b")
_EXCEPTION_PARAMETER = re.compile(r"^Parameter\[(\d{1,2})\]: ([0-9a-fA-F`]{8,17})\b")
_ERROR_CODE = re.compile(r"^ErrCode ?= ?([0-9a-fA-F]{8})\b")
PLACES = ("FAULTING_IP", "TRAP_FRAME", "CONTEXT", "FOLLOWUP_IP")


def read_context(log: Log) -> LogContext | None:
    """Read the registers at the fault: those of the trap frame, else of the context record, else of the exception."""
    for name, kind in (("TRAP_FRAME", "trap frame"), ("CONTEXT", "context record")):
        lines = log.lines(name)
        registers = _registers(lines)
        if not registers:
            continue
        address = number(lines[0]) if lines else None
        if kind == "trap frame" and "rip" in registers:
            registers = {r: v for r, v in registers.items() if v or r not in NOT_IN_TRAP_FRAME}
        source = f"{kind} {address:#x}" if address else "exception"
        return LogContext(source, address or 0, registers)
    registers = _registers(_event_lines(log))
    return LogContext("exception", 0, registers) if registers else None


def _event_lines(log: Log) -> list[str]:
    return log.loose[log.event : log.event + EVENT_LINES] if log.event is not None else []


def _registers(lines: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        for name, digits in _REGISTER.findall(line):
            if name in _REGISTERS:
                found.setdefault(name, int(digits.replace("`", ""), 16))
    return found if any(name in found for name in INSTRUCTION_POINTERS) else {}


def error_code(log: Log) -> tuple[int, int] | None:
    """Read ErrCode and the address it lay at."""
    lines = log.lines("TRAP_FRAME")
    address = number(lines[0]) if lines else None
    code = next((match[1] for line in lines if (match := _ERROR_CODE.match(line))), None)
    return (address + ERROR_CODE_OFFSET, int(code, 16)) if address and code else None


def read_exception(log: Log) -> RawException | None:
    """Read the exception record the log prints, else what the fields say of a process's exception."""
    lines = log.lines("EXCEPTION_RECORD") or log.loose
    code = _first(_EXCEPTION_CODE, lines)
    address = _first(_EXCEPTION_ADDRESS, lines)
    if code is None or address is None:
        return _from_fields(log)
    parameters = [match for line in lines if (match := _EXCEPTION_PARAMETER.match(line))]
    values = tuple(int(match[2].replace("`", ""), 16) for match in parameters[:15])
    return RawException(code, _first(_EXCEPTION_FLAGS, lines) or 0, 0, address, values)


def _first(pattern: re.Pattern[str], lines: list[str]) -> int | None:
    return next((int(match[1].replace("`", ""), 16) for line in lines if (match := pattern.match(line))), None)


def _from_fields(log: Log) -> RawException | None:
    text = log.first("EXCEPTION_CODE", "EXCEPTION_CODE_STR").removeprefix("(NTSTATUS)").strip()
    code = number(text)
    address = next((at for at, _ in code_lines(log, ("FAULTING_IP",))), None)
    context = read_context(log)
    if log.event is not None and not code and context is not None:
        match = EVENT.match(log.loose[log.event])
        code = int(match[1], 16) if match else None
        address = next((context.registers[name] for name in INSTRUCTION_POINTERS if name in context.registers), None)
    if not code or address is None or code < 0x4000_0000:
        return None
    parameters = [number(log.first(f"EXCEPTION_PARAMETER{n}")) for n in (1, 2)]
    return RawException(code, 0, 0, address, tuple(value for value in parameters if value is not None))


def code_lines(log: Log, names: tuple[str, ...] = PLACES) -> Iterator[tuple[int, bytes]]:
    """Yield the instructions the log shows: address and bytes."""
    for name in names:
        lines = log.lines(name)
        for line, following in zip(lines, [*lines, ""][1:], strict=True):
            match = _CODE.match(line) or _CODE.match(f"{line} {following}")
            if match is not None:
                yield int(match[1].replace("`", ""), 16), bytes.fromhex(match[2])


def named_places(log: Log) -> Iterator[tuple[int, str, str, int]]:
    """Yield (address, module, function, offset) of the instructions the fields name."""
    for name in PLACES:
        lines = log.lines(name)
        for index, line in enumerate(lines):
            match = _PLACE.match(line)
            after = next(iter(code_addresses(lines[index + 1 : index + 4])), None)
            if match is not None and after is not None:
                module, _, function = match[1].partition("!")
                yield after, module, function, int(match[2], 16)
    for line in (*log.lines("EXCEPTION_RECORD"), *log.loose):
        match = _EXCEPTION_ADDRESS.match(line)
        symbol = parse_symbol(match[2]) if match and match[2] else None
        if match is not None and symbol is not None:
            yield int(match[1].replace("`", ""), 16), symbol.module, symbol.function, symbol.offset


def code_addresses(lines: list[str]) -> Iterator[int]:
    """Yield the addresses that lines of disassembly begin with, bytes or not (`??              ???`)."""
    for line in lines:
        match = re.match(r"^([0-9a-fA-F]{8}`[0-9a-fA-F]{8}|[0-9a-fA-F]{8}|[0-9a-fA-F]{16})(?:\s|$)", line)
        if match is not None:
            yield int(match[1].replace("`", ""), 16)
