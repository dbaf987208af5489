"""An Analysis → the values of single `!analyze` fields: texts of statuses, stack lines, addresses, build strings.

Source: ../shared/facts/windbg.md §3.2 (TRAP_FRAME and bug check name by era) and the story's listing.

Folklore: EXCEPTION_CODE carries the status's message, in the debugger's language and with its inserts unfilled
(`"0x%08lx" "0x%08lx" "%s"` is what is left of it in the story, where the Chinese words were lost).  The words are
Microsoft's, and each language's; scripts read the code.  So the old report gives a message's inserts without its words
where it has any, and the new one the status in our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bugcheck.addresses import format_address, sign_extend_32
from bugcheck.dump.dump import Architecture
from bugcheck.findings.access import failed_access
from bugcheck.knowledge.statuses import describe_status
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.context import Context
from bugcheck.stack.frame import Frame
from bugcheck.stack.render_kb import render_kb
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.eras import Era

MESSAGE_INSERTS = {
    0xC000_0005: '"0x%08lx" "0x%08lx" "%s"',
    0xC000_0006: '"0x%08lx" "0x%08lx" "0x%08lx"',
}
"""Status → the inserts of its message, in order ([MS-ERREF] 2.3.1)."""
ERROR_CODE_OFFSET = 0x64
"""Of ErrCode in an x86 KTRAP_FRAME (../shared/facts/windbg.md §3.2)."""
PLATFORMS = {Architecture.X64: "x64", Architecture.ARM64: "arm64", Architecture.ARM32: "arm"}


def status_text(code: int, era: Era) -> str:
    """Write a status as EXCEPTION_CODE does: `(NTSTATUS) 0xc0000005 - …`."""
    words = describe_status(code)
    return f"(NTSTATUS) {code:#010x} - {MESSAGE_INSERTS.get(code, words) if era in (Era.X86, Era.X64_TO_7) else words}"


def bugcheck_title(check: BugCheck) -> str:
    """Write the first line: `KERNEL_MODE_EXCEPTION_NOT_HANDLED (8e)`, with `_M` where a small dump marked the code."""
    name = check.name.removesuffix("_M") + ("_M" if check.recorded_code != check.code else "")
    return f"{name} ({check.recorded_code:x})"


def arguments(check: BugCheck, bits: int) -> Iterator[str]:
    """Write the four parameters with what they mean: `Arg1: c0000005, exception code …`."""
    for number, parameter in enumerate(check.parameters, 1):
        meaning = f", {parameter.meaning}" if parameter.meaning else ""
        resolved = f" = {parameter.resolved}" if parameter.resolved else ""
        yield f"Arg{number}: {parameter.value:0{bits // 4}x}{meaning}{resolved}"


def trap_frame_text(address: int, bits: int, era: Era) -> str:
    """Write TRAP_FRAME: `f4c0bb54 -- (.trap fffffffff4c0bb54)`; with 0x since Windows 8, where the back-tick goes."""
    wide = sign_extend_32(address) if bits == 32 else address
    shown = f"{address:0{bits // 4}x}"
    return f"{shown} -- (.trap {'0x' if era.is_modern else ''}{wide:016x})"


def context_text(address: int, bits: int) -> str:
    """Write CONTEXT: `ffffed05d2b1a920 -- (.cxr 0xffffed05d2b1a920)`."""
    wide = sign_extend_32(address) if bits == 32 else address
    return f"{address:0{bits // 4}x} -- (.cxr {wide:#x})"


def trap_error_code(analysis: Analysis, address: int) -> int | None:
    """Read ErrCode of the x86 trap frame at an address; None where the machine is another or memory lacks it."""
    machine = analysis.machine
    return machine.memory.try_u32(address + ERROR_CODE_OFFSET) if machine.architecture.is_x86 else None


def stack_lines(frames: Iterable[Frame], architecture: Architecture, era: Era) -> Iterator[str]:
    """Write STACK_TEXT: `kb` lines on 32-bit machines; stack pointer, return address, four words on others."""
    if architecture.bits == 32:
        yield from render_kb(frames, architecture)
        return
    gap = " " if era is Era.X64_TO_7 else "     "
    for frame in frames:
        if frame.warning:
            yield frame.warning
        yield _line64(frame, gap)


def _line64(frame: Frame, gap: str) -> str:
    place = format_address(frame.frame_address)
    if frame.inline:
        return f"(Inline Function) --------`--------{gap}: --------`-------- {'--------`-------- ' * 3}: {frame.name}"
    words = " ".join(format_address(word) for word in (*frame.arguments, 0, 0, 0, 0)[:4])
    return f"{place} {format_address(frame.return_address)}{gap}: {words} : {frame.name}"


def access_field(analysis: Analysis) -> tuple[str, str] | None:
    """READ_ADDRESS or WRITE_ADDRESS where the bug check's parameters or the exception tell the address."""
    access = failed_access(analysis.crash)
    if access is None or access.kind not in ("read", "write"):
        return None
    text = format_address(access.address, analysis.machine.architecture.bits).replace("`", "")
    return f"{access.kind.upper()}_ADDRESS", text


def process_name(analysis: Analysis) -> str | None:
    """The name PROCESS_NAME shows: of the current process, or of a user dump's program."""
    machine = analysis.machine
    if machine.dump.is_kernel:
        return machine.process.name if machine.process else None
    program = next((m.image for m in machine.modules if m.image.lower().endswith(".exe")), None)
    return program or (machine.modules[0].image if machine.modules else None)


def broken_driver(analysis: Analysis) -> str | None:
    """The driver the kernel itself named when it stopped (KiBugCheckDriver), as far as a small dump tells it."""
    triage = analysis.dump.triage
    return (triage.broken_driver or None) if triage else None


def build_fields(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """OS_VERSION, BUILDLAB_STR, OSPLATFORM_TYPE, OSNAME, as far as known."""
    system = analysis.system
    if system is None:
        return
    parts = (system.build_lab or "").split(".")
    release = next((name for name in ("11", "10", "8.1", "8") if f"Windows {name}" in system.os), None)
    major = "10.0" if system.build >= 10240 else "6.3" if system.build >= 9600 else "6.2"
    if len(parts) >= 4:
        yield "OS_VERSION", f"{major}.{parts[0]}.{parts[1]}"
        yield "BUILDLAB_STR", parts[3]
    elif system.kernel_version:
        yield "OS_VERSION", system.kernel_version
    yield "OSPLATFORM_TYPE", PLATFORMS.get(analysis.machine.architecture, "x86")
    if release:
        yield "OSNAME", f"Windows {release}"


def is_first_context(context: Context | None, kind: str) -> bool:
    """Tell whether registers come from a trap frame or a context record ("trap frame", "context record")."""
    return context is not None and context.source.startswith(kind)


def hexadecimal(value: int | None) -> str | None:
    """Write a number as these fields do, `3f99bc4f`; None stays None."""
    return None if value is None else f"{value:x}"
