"""Events about crashes → bug check, dump, program and place of the fault.

Source: Microsoft's documentation of the events named at each step.

Folklore: the bug check of Kernel-Power 41 is decimal, that of every other event hexadecimal; System Error 1003 of 2003
keeps the small-dump bit (1000008e).  The time in 6008 is the host's local one in its own date form; the attached bytes
hold it as two SYSTEMTIMEs, local and UTC.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord
from bugcheck.evidence.event_steps.step import Fields, Step, into, number_of
from bugcheck.evidence.wall_clock import nearest_before, without_marks
from bugcheck.knowledge.statuses import describe_status
from bugcheck.timestamps import from_filetime

STEPS: dict[str, Step] = {}
_step = into(STEPS)
_MINIDUMP_BIT = 0x1000_0000
_CHECK = re.compile(r"(0x[0-9a-f]{1,16}) ?\(((?:0x[0-9a-f]{1,16}(?:, ?)?){1,4})\)", re.IGNORECASE)
_BARE_HEX = re.compile(r"\b[0-9a-f]{8,16}\b", re.IGNORECASE)
_DUMP = re.compile(r"[A-Za-z%][\w%]{0,40}(?::|%)?\\[^\r\n\"<>|*?]{1,250}?\.dmp", re.IGNORECASE)
_OLD_FAULT = re.compile(r"pplication (\S{1,99}), version ([\d.]+), faulting module (\S{1,99}), version ([\d.]+)")


def plain_code(code: int) -> str:
    """Write a bug check code without the small-dump bit: 0x1000008e → 0x8e."""
    code &= 0xFFFF_FFFF
    return f"{code & ~_MINIDUMP_BIT:#x}" if code < 2 * _MINIDUMP_BIT else f"{code:#x}"


@_step
def bugcheck(record: LogRecord, fields: Fields) -> str:
    """Find code, parameters and dump of a restart after a bug check, in any language."""
    text = " ".join(" ".join(piece[:MATCH_LIMIT].split()) for piece in record.texts())[: 2 * MATCH_LIMIT]
    if match := _CHECK.search(text):
        _set_check(fields, int(match[1], 16), re.findall(r"0x[0-9a-f]+", match[2], re.IGNORECASE))
    elif len(numbers := _BARE_HEX.findall(text)) >= 2:  # System Error 1003: 1000008e, c0000005, f535e785, …
        _set_check(fields, int(numbers[0], 16), numbers[1:5])
    if dump := _DUMP.search(text):
        fields["dump"] = dump[0]
    return ""


def _set_check(fields: Fields, code: int, parameters: list[str]) -> None:
    fields["code"] = plain_code(code)
    fields["parameters"] = ", ".join(f"{int(one, 16):#x}" for one in parameters[:4])


@_step
def kernel_power(record: LogRecord, fields: Fields) -> str:
    """Read the bug check, written in decimal, of an unclean restart."""
    code = number_of(record.data.get("BugcheckCode", ""))
    if code:
        parameters = [number_of(record.data.get(f"BugcheckParameter{n}", "")) or 0 for n in range(1, 5)]
        _set_check(fields, code, [f"{value:#x}" for value in parameters])
    pressed = from_filetime(number_of(record.data.get("PowerButtonTimestamp", "")) or 0)
    if pressed is not None:
        fields["power_button"] = pressed.isoformat()
    if fields.get("sleep_in_progress", "").lower() in ("false", "0"):
        del fields["sleep_in_progress"]
    return ""


@_step
def previous_shutdown(record: LogRecord, fields: Fields) -> str:
    """Find when the system was last alive: from the attached times, else from the text."""
    at = _attached_time(record.binary)
    if at is not None and record.time.tzinfo is not None and at > record.time:
        at = None  # a clock set back, or no SYSTEMTIMEs at all
    if at is None and len(record.strings) >= 2:
        at = nearest_before(record.strings[1], record.strings[0], record.time)
    if at is None and record.message:
        text = without_marks(record.message)
        at = nearest_before(text, text, record.time)
    if at is not None:
        fields["at"] = at.isoformat()
    return ""


def _attached_time(binary: bytes) -> datetime | None:
    """Read the second SYSTEMTIME of event 6008, which is UTC."""
    if len(binary) < 32:
        return None
    year, month, _, day, hour, minute, second, millisecond = struct.unpack_from("<8H", binary, 16)
    try:
        return datetime(year, month, day, hour, minute, second, millisecond * 1000, UTC)
    except ValueError:
        return None


@_step
def application_error(record: LogRecord, fields: Fields) -> str:
    """Write code and offset alike in all forms; find them in the text of any era."""
    text = record.message[:MATCH_LIMIT]
    if text and "program" not in fields:
        old = _OLD_FAULT.search(text)
        if old:
            fields.update(zip(("program", "version", "module", "module_version"), old.groups(), strict=True))
    for name in ("program", "module"):
        first, _, rest = fields.get(name, "").partition(", ")
        if rest and (version := re.search(r"[\d.]{3,}", rest)):
            fields[name], fields["version" if name == "program" else "module_version"] = first, version[0]
    if text and "offset" not in fields:
        hexes = re.findall(r"0x[0-9a-f]{8,16}\b", text, re.IGNORECASE)
        if len(hexes) >= 4:  # two time stamps, code, offset
            fields["code"], fields["offset"] = hexes[2], hexes[3]
        elif hexes:
            fields["offset"] = hexes[-1]
    for name in ("code", "offset"):
        if re.fullmatch(r"[0-9a-f]+", fields.get(name, ""), re.IGNORECASE):
            fields[name] = f"0x{fields[name].lower()}"
    if "code" in fields:
        fields["code"] = _named_exception(fields["code"])
    return ""


def _named_exception(text: str) -> str:
    code = number_of(text)
    return text if code is None else f"{code & 0xFFFF_FFFF:#x} {describe_status(code).partition(' ')[0]}"


@_step
def error_report(record: LogRecord, fields: Fields) -> str:
    """Tell reports of kernel crashes, of programs and of anything else apart."""
    event_name = fields.get("event_name", "")
    if bucket := re.search(r"^\S+ \S+ (\S+?),", record.message[:200]):
        fields.setdefault("bucket", bucket[1])
    if event_name.lower() in ("bluescreen", "livekernelevent"):
        if (code := fields.get("p1")) and re.fullmatch(r"[0-9a-f]{1,16}", code, re.IGNORECASE):
            _set_check(fields, int(code, 16), [fields.get(f"p{n}", "0") for n in range(2, 6) if _is_hex(fields, n)])
        fields["live"] = "yes" if event_name.lower() == "livekernelevent" else "no"
        return ""
    if re.search(r"crash|hang|^BEX|CLR20", event_name, re.IGNORECASE):
        fields["program"] = fields.get("p1", "")
        return "program_crash"
    return "none"


def _is_hex(fields: Fields, number: int) -> bool:
    return re.fullmatch(r"[0-9a-f]{1,16}", fields.get(f"p{number}", ""), re.IGNORECASE) is not None


@_step
def dotnet(record: LogRecord, fields: Fields) -> str:
    """Find program and exception in the runtime's report."""
    text = next(record.texts(), "")[:MATCH_LIMIT]
    for name, pattern in (("program", r"Application: (\S+)"), ("exception", r"Exception Info: (\S+)")):
        if name not in fields and (match := re.search(pattern, text)):
            fields[name] = match[1]
    return ""
