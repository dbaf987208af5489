"""An Analysis → the report of `!analyze -v` that WinDbg's users and their scripts know.

Source: the story's listing for the classic fields and their order (../shared/story/original.txt), public outputs for
the modern ones (../shared/facts/windbg.md §3.2 to §3.4).  The words are our own where Microsoft's describe a bug check.

Folklore: scripts search for `NAME:` at the start of a line, some with one blank behind it, some with two.  The old
report writes two for most fields and one for MODULE_NAME and the fields that go on in the next line; since 2019 the
P1 to P4 follow with one.  A field that is not known is left out, never printed empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bugcheck.addresses import format_address
from bugcheck.records import dataclass
from bugcheck.reports.escape import printable
from bugcheck.reports.windbg_registers import code_line, register_lines, touched
from bugcheck.reports.windbg_values import (
    access_field,
    arguments,
    broken_driver,
    bugcheck_title,
    build_fields,
    context_text,
    hexadecimal,
    is_first_context,
    process_name,
    stack_lines,
    status_text,
    trap_error_code,
    trap_frame_text,
)
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.eras import Era, era_of
from bugcheck.verdict.followup import Followup, Place, context_address, corruption_pattern, follow_up
from bugcheck.verdict.signature import Signature, sign

STARS, BLANK = "*" * 79, "*" + " " * 77 + "*"


@dataclass(frozen=True, slots=True)
class _Report:
    """What the fields are made from."""

    analysis: Analysis
    era: Era
    where: Followup
    signature: Signature

    @property
    def bits(self) -> int:
        return self.analysis.machine.architecture.bits


Field = Callable[[_Report], Iterator[str]]
"""Yields the lines of a field, or of several; nothing when it is not known."""


def windbg_report(analysis: Analysis, era: Era | None = None) -> str:
    """Write the report in the style of an era, by default the dump's own. Walks the stacks.

    Raises:
        UsageError: the era given does not suit this kind of dump.
    """
    crash, blame = analysis.crash, analysis.blame
    chosen = era_of(crash, era)
    report = _Report(analysis, chosen, follow_up(crash, blame, chosen), sign(crash, blame, chosen))
    lines = [*_banner(report)]
    for field in _FIELDS[chosen]:
        lines.extend(field(report))
    return "".join(printable(line) + "\n" for line in lines)


def _banner(report: _Report) -> Iterator[str]:
    check = report.analysis.bugcheck
    title = "Bugcheck Analysis" if report.era is not Era.USER else "Exception Analysis"
    yield from (STARS, BLANK, f"*{' ' * 24}{title:<53}*", BLANK, STARS, "")
    if check is not None:
        yield bugcheck_title(check)
        yield check.summary
        yield "Arguments:"
        yield from arguments(check, report.bits)
        yield ""
    yield from ("Debugging Details:", "------------------", "", "")


def _line(name: str, value: str | None, *, blanks: int = 2) -> Iterator[str]:
    if value is not None and value != "":
        yield f"{name}:{' ' * blanks}{value}"
        yield ""


# --- what happened ---


def _key_values(report: _Report) -> Iterator[str]:
    yield "KEY_VALUES_STRING: 1"
    yield ""
    for key, value in _keys(report):
        yield f"    Key  : {key}"
        yield f"    Value: {value}"
        yield ""


def _keys(report: _Report) -> Iterator[tuple[str, str]]:
    check, exception = report.analysis.bugcheck, report.analysis.machine.exception
    built = dict(build_fields(report.analysis))
    if check is not None:
        yield "Bugcheck.Code.LegacyAPI", f"{check.recorded_code:#x}"
    yield "Failure.Bucket", report.signature.failure_bucket_id
    if exception is not None:
        yield "Failure.Exception.Code", f"{exception.code:#x}"
    yield "Failure.Hash", report.signature.failure_id_hash
    if "BUILDLAB_STR" in built:
        yield "WER.OS.Branch", built["BUILDLAB_STR"]
    if "OS_VERSION" in built:
        yield "WER.OS.Version", built["OS_VERSION"]


def _bugcheck_code(report: _Report) -> Iterator[str]:
    check = report.analysis.bugcheck
    if check is not None:
        yield from _line("BUGCHECK_CODE", f"{check.recorded_code:x}")


def _bugcheck_parameters(report: _Report) -> Iterator[str]:
    check = report.analysis.bugcheck
    for number, parameter in enumerate(check.parameters if check else (), 1):
        yield from _line(f"BUGCHECK_P{number}", f"{parameter.value:x}", blanks=1)


def _exception_code(report: _Report) -> Iterator[str]:
    exception = report.analysis.machine.exception
    if exception is not None:
        yield from _line("EXCEPTION_CODE", status_text(exception.code, report.era), blanks=1)


def _error_code(report: _Report) -> Iterator[str]:
    exception = report.analysis.machine.exception
    if exception is None:
        return
    yield from _line("ERROR_CODE", status_text(exception.code, report.era), blanks=1)
    yield from _line("EXCEPTION_CODE_STR", f"{exception.code:x}")
    for number, value in enumerate(exception.parameters, 1):
        yield from _line(f"EXCEPTION_PARAMETER{number}", f"{value:0{report.bits // 4}x}")


def _exception_record(report: _Report) -> Iterator[str]:
    exception = report.analysis.machine.exception
    if exception is None:
        return
    place = report.analysis.machine.describe(exception.address)
    yield "EXCEPTION_RECORD:  (.exr -1)"
    yield f"ExceptionAddress: {exception.address:0{report.bits // 4}x}{f' ({place})' if place else ''}"
    yield f"   ExceptionCode: {exception.code:08x} ({exception.name})"
    yield f"  ExceptionFlags: {exception.flags:08x}"
    yield f"NumberParameters: {len(exception.parameters)}"
    for number, value in enumerate(exception.parameters):
        yield f"   Parameter[{number}]: {value:0{report.bits // 4}x}"
    yield ""


def _access(report: _Report) -> Iterator[str]:
    field = access_field(report.analysis)
    # an exception that is told by the bug check's own parameters carries no address: the old report is silent there
    told = report.analysis.machine.exception is None or report.era not in (Era.X86, Era.X64_TO_7)
    if field is not None and told:
        yield from _line(*field)


def _failed_instruction(report: _Report) -> Iterator[str]:
    """Control went to where no code is."""
    address = report.analysis.crash.faulting_address
    if address is not None and report.where.faulting_ip is None:
        yield "FAILED_INSTRUCTION_ADDRESS: "
        yield f"+{address:x}"
        yield code_line(report.analysis.crash, address)
        yield ""


def _memory_corruptor(report: _Report) -> Iterator[str]:
    yield from _line("MEMORY_CORRUPTOR", corruption_pattern(report.analysis.crash, report.analysis.blame))


def _faulting_ip(report: _Report) -> Iterator[str]:
    if report.where.faulting_ip is not None:
        yield from _place("FAULTING_IP", report, report.where.faulting_ip)


def _place(name: str, report: _Report, place: Place) -> Iterator[str]:
    yield f"{name}: "
    yield place.name
    yield code_line(report.analysis.crash, place.address)
    yield ""


def _trap_frame(report: _Report) -> Iterator[str]:
    context, crash = report.analysis.context, report.analysis.crash
    address = context_address(crash, context) if context else None
    if context is None or address is None or not is_first_context(context, "trap frame"):
        return
    yield f"TRAP_FRAME:  {trap_frame_text(address, report.bits, report.era)}"
    error = trap_error_code(report.analysis, address)
    if error is not None:
        yield f"ErrCode = {error:08x}"
    elif report.bits == 64:
        yield "NOTE: The trap frame does not contain all registers."
        yield "Some register values may be zeroed or incorrect."
    yield from _registers(report)


def _context_record(report: _Report) -> Iterator[str]:
    context, crash = report.analysis.context, report.analysis.crash
    address = context_address(crash, context) if context else None
    if address is not None and is_first_context(context, "context record"):
        yield f"CONTEXT:  {context_text(address, report.bits)}"
        yield from _registers(report)


def _user_context(report: _Report) -> Iterator[str]:
    if report.analysis.context is not None and report.analysis.machine.exception is not None:
        yield "CONTEXT:  (.ecxr)"
        yield from _registers(report)


def _registers(report: _Report) -> Iterator[str]:
    """The registers at the fault, the instruction there and what it touches."""
    context, crash = report.analysis.context, report.analysis.crash
    ip = context.instruction_pointer if context else None
    if context is None or ip is None:
        return
    yield from register_lines(context)
    yield f"{report.analysis.machine.describe(ip) or format_address(ip, report.bits)}:"
    code = crash.faulting_code
    behind = touched(code, context) if code is not None and code.address == ip else ""
    yield f"{code_line(crash, ip)} {behind}".rstrip()
    yield "Resetting default scope"
    yield ""


# --- where ---


def _last_control_transfer(report: _Report) -> Iterator[str]:
    transfer = report.where.last_control_transfer
    if transfer is not None:
        origin, target = (format_address(address, report.bits).replace("`", "") for address in transfer)
        yield from _line("LAST_CONTROL_TRANSFER", f"from {origin} to {target}")


def _stack_text(report: _Report) -> Iterator[str]:
    stack = report.where.stack
    if stack is not None and stack.frames:
        yield "STACK_TEXT:  "
        yield from stack_lines(stack.frames, report.analysis.machine.architecture, report.era)
        yield ""
        if report.era in (Era.X86, Era.X64_TO_7):
            yield ""


def _faulting_thread(report: _Report) -> Iterator[str]:
    exception = report.analysis.machine.exception
    if exception is not None and exception.thread_id is not None:
        yield from _line("FAULTING_THREAD", f"{exception.thread_id:08x}")


def _followup_ip(report: _Report) -> Iterator[str]:
    if report.where.followup is not None:
        yield from _place("FOLLOWUP_IP", report, report.where.followup)


def _build(report: _Report) -> Iterator[str]:
    for name, value in build_fields(report.analysis):
        yield from _line(name, value)


def _end(report: _Report) -> Iterator[str]:
    yield f"Followup: {' ' * 4 if report.era.prints_failure_hash else ''}{report.where.owner}"
    yield "---------"
    yield ""


# --- fields of one line ---


def _plain(name: str, value: Callable[[_Report], str | None], *, blanks: int = 2) -> Field:
    """Make a field `NAME:  value`, left out where there is no value."""
    return lambda report: _line(name, value(report), blanks=blanks)


_bugchecking_driver = _plain("BUGCHECKING_DRIVER", lambda report: broken_driver(report.analysis))
_process = _plain("PROCESS_NAME", lambda report: process_name(report.analysis))
_stack_command = _plain("STACK_COMMAND", lambda report: report.where.stack_command)
_symbol_name = _plain("SYMBOL_NAME", lambda report: report.where.symbol_name)
_followup_name = _plain("FOLLOWUP_NAME", lambda report: report.where.owner)
_module_name = _plain("MODULE_NAME", lambda report: report.where.module_name, blanks=1)
_image_name = _plain("IMAGE_NAME", lambda report: report.where.image_name)
_symbol_stack_index = _plain("SYMBOL_STACK_INDEX", lambda report: hexadecimal(report.where.stack_index))
_irql = _plain("CURRENT_IRQL", lambda report: hexadecimal(report.analysis.machine.irql))
_time_stamp = _plain("DEBUG_FLR_IMAGE_TIMESTAMP", lambda report: hexadecimal(report.where.time_date_stamp))
_function_offset = _plain(
    "BUCKET_ID_FUNC_OFFSET", lambda report: hexadecimal(report.where.followup.offset if report.where.followup else None)
)
_default_bucket_id = _plain("DEFAULT_BUCKET_ID", lambda report: report.signature.default_bucket_id)
_bugcheck_str = _plain("BUGCHECK_STR", lambda report: report.signature.bugcheck_str)
_failure_bucket_id = _plain("FAILURE_BUCKET_ID", lambda report: report.signature.failure_bucket_id)
_bucket_id = _plain("BUCKET_ID", lambda report: report.signature.bucket_id)
_problem_class = _plain("PRIMARY_PROBLEM_CLASS", lambda report: report.signature.primary_problem_class)
_hash_string = _plain("FAILURE_ID_HASH_STRING", lambda report: report.signature.failure_id_hash_string)
_failure_hash = _plain("FAILURE_ID_HASH", lambda report: report.signature.failure_id_hash)
_hash_function = _plain("THREAD_SHA1_HASH_MOD_FUNC", lambda report: report.signature.stack_hash_function)
_hash_offset = _plain("THREAD_SHA1_HASH_MOD_FUNC_OFFSET", lambda report: report.signature.stack_hash_offset)
_hash_module = _plain("THREAD_SHA1_HASH_MOD", lambda report: report.signature.stack_hash_module)

_CLASSIC: tuple[Field, ...] = (
    _exception_code, _access, _failed_instruction, _faulting_ip, _context_record, _trap_frame, _bugchecking_driver,
    _default_bucket_id, _bugcheck_str, _process, _irql, _last_control_transfer, _stack_text, _stack_command,
    _followup_ip, _symbol_stack_index, _followup_name, _memory_corruptor, _module_name, _image_name, _time_stamp,
    _symbol_name, _failure_bucket_id, _bucket_id, _end,
)  # fmt: skip
_FIELDS: dict[Era, tuple[Field, ...]] = {
    Era.X86: _CLASSIC,
    Era.X64_TO_7: _CLASSIC,
    Era.WINDOWS_8: (
        _bugcheck_parameters, _access, _failed_instruction, _exception_code, _faulting_ip, _context_record,
        _bugchecking_driver, _default_bucket_id, _bugcheck_str, _process, _irql, _trap_frame, _last_control_transfer,
        _stack_text, _stack_command, _hash_function, _hash_offset, _hash_module, _followup_ip, _symbol_stack_index,
        _symbol_name, _followup_name, _memory_corruptor, _module_name, _image_name, _time_stamp, _function_offset,
        _failure_bucket_id, _bucket_id, _problem_class, _hash_string, _failure_hash, _end,
    ),
    Era.SINCE_2019: (
        _key_values, _bugcheck_code, _bugcheck_parameters, _access, _failed_instruction, _context_record, _trap_frame,
        _bugchecking_driver, _process, _error_code, _stack_text, _symbol_name, _memory_corruptor, _module_name,
        _image_name, _stack_command, _function_offset, _failure_bucket_id, _build, _failure_hash, _end,
    ),
    Era.USER: (
        _key_values, _user_context, _exception_record, _process, _access, _failed_instruction, _exception_code,
        _error_code, _faulting_thread, _default_bucket_id, _bugcheck_str, _stack_text, _stack_command,
        _symbol_stack_index, _symbol_name, _module_name, _image_name, _failure_bucket_id, _bucket_id, _problem_class,
        _build, _failure_hash, _end,
    ),
}  # fmt: skip
"""Era → its fields in their order."""
