"""A Context → the register block of `!analyze` (TRAP_FRAME, CONTEXT), with the instruction and what it touches.

Source: the listing of ../shared/story and a debugger engine's answers beside it (expected.json: spacing of the last
line, flags) for x86; the layout of `r` in the debugger documentation for x64.

Folklore: flags are printed as pairs of letters, in the order overflow, direction, interrupt, sign, zero, auxiliary,
parity, carry.  An x64 trap frame has no segment registers worth printing, so its block ends behind the flags.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_address
from bugcheck.findings.findings import Crash
from bugcheck.machine.code import FaultingCode, read_code
from bugcheck.machine.context import Context

BYTES_COLUMN = 15
FLAGS = (
    (11, "ov", "nv"), (10, "dn", "up"), (9, "ei", "di"), (7, "ng", "pl"),
    (6, "zr", "nz"), (4, "ac", "na"), (2, "pe", "po"), (0, "cy", "nc"),
)  # fmt: skip
"""Bit of EFLAGS, letters when set, letters when clear, in the order printed."""
X86_ROWS = (("eax", "ebx", "ecx", "edx", "esi", "edi"),)
X64_ROWS = (
    ("rax", "rbx", "rcx"), ("rdx", "rsi", "rdi"), ("rip", "rsp", "rbp"),
    (" r8", " r9", "r10"), ("r11", "r12", "r13"), ("r14", "r15"),
)  # fmt: skip
SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")
STACK_REGISTERS = ("ebp", "esp", "rbp", "rsp")


def flag_letters(flags: int) -> str:
    """Write EFLAGS as a debugger does: `nv up ei pl zr na pe nc`."""
    return " ".join(yes if flags >> bit & 1 else no for bit, yes, no in FLAGS)


def register_lines(context: Context) -> list[str]:
    """Write the registers; what a context does not hold is printed as zero, as debuggers do."""
    if context.architecture.is_x86:
        return list(_x86(context))
    if "rip" in context.registers:
        return list(_x64(context))
    return list(_arm(context))


def _row(context: Context, names: tuple[str, ...], digits: int) -> str:
    return " ".join(f"{name}={context.registers.get(name.strip(), 0):0{digits}x}" for name in names)


def _x86(context: Context) -> Iterator[str]:
    flags = context.registers.get("efl", 0)
    for names in X86_ROWS:
        yield _row(context, names, 8)
    yield f"{_row(context, ('eip', 'esp', 'ebp'), 8)} {_iopl(flags)}"
    yield _segments(context, flags)


def _x64(context: Context) -> Iterator[str]:
    flags = context.registers.get("efl", 0)
    for names in X64_ROWS:
        yield _row(context, names, 16)
    yield _iopl(flags)
    if not context.source.startswith("trap frame"):
        yield _segments(context, flags)


def _iopl(flags: int) -> str:
    return f"iopl={flags >> 12 & 3}         {flag_letters(flags)}"


def _segments(context: Context, flags: int) -> str:
    shown = "  ".join(f"{name}={context.registers.get(name, 0):04x}" for name in SEGMENTS)
    return f"{shown}             efl={flags:08x}"


def _arm(context: Context) -> Iterator[str]:
    digits = context.architecture.bits // 4
    names = [*context.registers]
    for start in range(0, len(names), 4):
        yield _row(context, tuple(names[start : start + 4]), digits)


def code_line(crash: Crash, address: int) -> str:
    """Write the instruction at an address: `f535e785 894104          mov     dword ptr [ecx+4],eax`."""
    place = format_address(address, crash.machine.architecture.bits)
    code = _code_at(crash, address)
    if code is None:
        return f"{place} {'??':<{BYTES_COLUMN}} ???"
    mnemonic, _, operands = code.text.partition(" ")
    return f"{place} {code.data.hex():<{BYTES_COLUMN}} {mnemonic:<7} {operands}".rstrip()


def _code_at(crash: Crash, address: int) -> FaultingCode | None:
    known = crash.faulting_code
    if known is not None and known.address == address:
        return known
    return read_code(crash.machine, address, crash.context) if crash.context else None


def touched(code: FaultingCode, context: Context) -> str:
    """Write what an instruction touches, to stand behind it: `ds:0023:00000004=????????`; "" when it cannot be told."""
    if code.access_address is None:
        return ""
    size = code.access_size or context.architecture.bits // 8
    value = "?" * 2 * size if code.access_value is None else f"{code.access_value:0{2 * size}x}"
    segment = "ss" if any(f"[{name}" in code.text for name in STACK_REGISTERS) else "ds"
    selector = f"{context.registers[segment]:04x}:" if segment in context.registers else ""
    return f"{segment}:{selector}{format_address(code.access_address, context.architecture.bits)}={value}"
