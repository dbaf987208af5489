"""An entry of an event log → values a table cannot tell how to find: bug checks in prose, logon types, error names.

Each step gets the entry and the fields found so far, changes the fields, and returns a kind where the values decide it
("none" for no kind at all), else "".  Fields that begin with an underscore serve the sentence only.

Source: Microsoft's documentation of the events named at each step; which event takes which step stands in
knowledge/events.tsv.

Folklore: the bug check of Kernel-Power 41 is decimal, that of every other event hexadecimal; System Error 1003 of 2003
keeps the small-dump bit (1000008e).  The time in 6008 is the host's local one in its own date form; the attached bytes
hold it as two SYSTEMTIMEs, local and UTC.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord, one_line
from bugcheck.evidence.wall_clock import nearest_before, without_marks
from bugcheck.knowledge.events import word
from bugcheck.knowledge.statuses import describe_status, hresult_name, status_name, status_words, win32_name
from bugcheck.timestamps import from_filetime

Fields = dict[str, str]
Step = Callable[[LogRecord, Fields], str]
STEPS: dict[str, Step] = {}
_MINIDUMP_BIT = 0x1000_0000
_CHECK = re.compile(r"(0x[0-9a-f]{1,16}) ?\(((?:0x[0-9a-f]{1,16}(?:, ?)?){1,4})\)", re.IGNORECASE)
_BARE_HEX = re.compile(r"\b[0-9a-f]{8,16}\b", re.IGNORECASE)
_DUMP = re.compile(r"[A-Za-z%][\w%]*(?::|%)?\\[^\r\n\"<>|*?]{1,250}?\.dmp", re.IGNORECASE)
_NUMBER = re.compile(r"^(?:0x([0-9a-f]{1,16})|(\d{1,20}))$", re.IGNORECASE)
_KB = re.compile(r"\bKB\d{6,8}\b")
LOGON_TYPES = {
    "0": "system", "2": "interactive", "3": "network", "4": "batch", "5": "service", "7": "unlock",
    "8": "network, clear text", "9": "new credentials", "10": "remote desktop", "11": "cached", "12": "cached remote",
    "13": "cached unlock",
}  # fmt: skip
_LOGON_REASONS = {
    529: "unknown user name or bad password", 530: "outside of the allowed hours", 531: "the account is disabled",
    532: "the account has expired", 533: "not allowed at this computer", 534: "the logon type is not granted",
    535: "the password has expired", 536: "NetLogon is not active", 537: "an error", 539: "the account is locked out",
}  # fmt: skip
_PROTOCOLS = {"1": "ICMP", "2": "IGMP", "6": "TCP", "17": "UDP", "41": "IPv6", "47": "GRE", "50": "ESP", "58": "ICMPv6"}
_ERROR_SOURCES = {
    "0": "machine check exception", "1": "corrected machine check", "2": "corrected platform error",
    "3": "non-maskable interrupt", "4": "PCI Express", "5": "generic", "7": "boot",
}  # fmt: skip
_MSI_OUTCOMES = {
    1033: ("was installed", "could not be installed"), 1034: ("was removed", "could not be removed"),
    1035: ("was reconfigured", "could not be reconfigured"),
}  # fmt: skip
_OLD_FAULT = re.compile(r"pplication (\S{1,99}), version ([\d.]+), faulting module (\S{1,99}), version ([\d.]+)")
_SLEEP_REASONS = {"0": "button or lid", "2": "battery", "4": "a program asked", "6": "timeout", "7": "idle"}


def _step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function


def number_of(text: str) -> int | None:
    """Read a decimal number or one with 0x; None for anything else."""
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    return int(match[1], 16) if match[1] else int(match[2])


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
def windows_version(_: LogRecord, fields: Fields) -> str:
    """Write 6.01. as 6.1."""
    if match := re.match(r"(\d{1,3})\.(\d{1,3})", fields.get("version", "")):
        fields["version"] = f"{int(match[1])}.{int(match[2])}"
    return ""


@_step
def uptime(record: LogRecord, fields: Fields) -> str:
    """Keep the zone the event names beside the seconds."""
    bias, _, zone = record.string(6).partition(" ")
    if re.fullmatch(r"-?\d{1,4}", bias) and zone:
        fields["bias"], fields["zone"] = bias, zone
    return ""


@_step
def sleep(_: LogRecord, fields: Fields) -> str:
    """Name the reason of going to sleep."""
    if reason := fields.get("reason"):
        fields["reason"] = _SLEEP_REASONS.get(reason, reason)
    return ""


@_step
def clock(record: LogRecord, fields: Fields) -> str:
    """Find the two times of a changed clock."""
    found = re.findall(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z", re.sub("[\u200e?]", "", record.message[:MATCH_LIMIT]))
    if len(found) >= 2 and "new" not in fields:
        fields["new"], fields["old"] = found[:2]
    return ""


@_step
def hive(record: LogRecord, fields: Fields) -> str:
    """Find the hive's path among the data."""
    if "volume" not in fields:
        fields["volume"] = next((text for text in record.texts() if "\\" in text), "")
    return ""


@_step
def kernel_start(_: LogRecord, fields: Fields) -> str:
    """Put the version together."""
    if "major" in fields:
        fields["version"] = f"{fields.pop('major')}.{fields.pop('minor', '0')}"
    return ""


@_step
def hex_code(_: LogRecord, fields: Fields) -> str:
    """Write a status in hexadecimal, with its name where it has one."""
    code = number_of(fields.get("code", ""))
    if code is not None:
        name = status_name(code) if code else None
        fields["code"] = f"{code & 0xFFFF_FFFF:#x}" + (f" {name}" if name else "")
    return ""


@_step
def whea(_: LogRecord, fields: Fields) -> str:
    """Name the source of a hardware error."""
    if component := fields.get("component"):
        fields["component"] = _ERROR_SOURCES.get(component, one_line(component, 80))
    return ""


@_step
def device(_: LogRecord, fields: Fields) -> str:
    """Trim what a device or volume is called."""
    for name in ("device", "volume", "path"):
        if name in fields:
            fields[name] = fields[name].strip().rstrip(".")
    if fields.get("device", "").isdigit():
        fields["device"] = f"disk {fields['device']}"
    return ""


@_step
def volume_health(_: LogRecord, fields: Fields) -> str:
    """Tell a healthy volume from one that needs repair."""
    state = fields.pop("state", "")
    healthy = state == "0" or "is healthy" in fields.get("result", "") or not (state or "result" in fields)
    fields["result"] = "healthy" if healthy else f"needs repair (state {state})" if state else fields["result"]
    return "" if healthy else "file_system_error"


@_step
def provider_driver(record: LogRecord, fields: Fields) -> str:
    """A driver that writes under its own name."""
    fields["driver"] = record.provider
    return message(record, fields)


@_step
def win32_code(_: LogRecord, fields: Fields) -> str:
    """Name the Win32 error a service ended with (%%1053, 1053, or prose)."""
    text = fields.get("code", "").strip()
    code = number_of(text.removeprefix("%%"))
    if code is not None:
        name = win32_name(code) if code < 0x10000 else hresult_name(code) or status_name(code)
        fields["code"] = f"{code if code < 0x10000 else hex(code)}" + (f" {name}" if name else "")
    return ""


@_step
def one_line_fields(_: LogRecord, fields: Fields) -> str:
    """Bring every value onto one line."""
    fields.update({name: one_line(value) for name, value in fields.items()})
    return ""


STEPS["one_line"] = one_line_fields


@_step
def service_state(record: LogRecord, fields: Fields) -> str:
    """Tell started from stopped, in the languages whose words we know."""
    if "service" not in fields:
        _quoted_service(record, fields)
    state = word(fields.get("state", ""))
    if state is None:
        return "none"
    fields["state"] = state
    return {"running": "service_started", "stopped": "service_stopped"}.get(state, "none")


def _quoted_service(record: LogRecord, fields: Fields) -> None:
    """Take service and state from a sentence of another language: in quotes, or by a known word."""
    text = record.message[:MATCH_LIMIT]
    quoted = re.findall(r"[\"„“«「\u201d]\s?([^\"„“”»」«「]{1,120}?)\s?[\"“”»」]", text)
    if len(quoted) >= 2:
        fields["service"], fields["state"] = quoted[0], quoted[1]
    elif match := re.search(r"^(.{1,120}?)\s?(?:服务|服務|サービス)\S*\s?(\S{2,4}?)\s?(?:状态|狀態|状態)", text):
        fields["service"], fields["state"] = match[1], match[2]


@_step
def restart(record: LogRecord, fields: Fields) -> str:
    """Fall back on the record's user where the text names none."""
    if "user" not in fields and record.user:
        fields["user"] = record.user
    return one_line_fields(record, fields)


@_step
def message(record: LogRecord, fields: Fields) -> str:
    """Take the first telling line as the message."""
    if "message" not in fields:
        lines = (one_line(line) for text in record.texts() for line in text[:MATCH_LIMIT].splitlines())
        fields["message"] = next((line for line in lines if len(line) > 3), f"event {record.code}")
    return ""


@_step
def first_line(record: LogRecord, fields: Fields) -> str:
    """The result of a disk check: the line that says what was found."""
    text = "\n".join(record.texts())[:4000]
    telling = re.search(r"[^\r\n]*(?:no problems|found no|made corrections|errors found|problems)[^\r\n]*", text)
    fields["result"] = one_line(telling[0] if telling else text, 160)
    return ""


@_step
def time_server(_: LogRecord, fields: Fields) -> str:
    """Keep the server's name only."""
    if server := fields.get("server"):
        fields["server"] = re.split(r"[ ,(]", server.strip(), maxsplit=1)[0]
    return ""


@_step
def exhaustion(record: LogRecord, fields: Fields) -> str:
    """Name who used most memory."""
    names = [value for name, value in record.data.items() if name.endswith("Name") and value.lower().endswith(".exe")]
    names = names or re.findall(r"(\S{1,80}\.exe) \(\d+\)", record.message[:MATCH_LIMIT], re.IGNORECASE)
    if names:
        fields["process"] = ", ".join(names[:3])
    return ""


@_step
def update(record: LogRecord, fields: Fields) -> str:
    """Find the KB number in a title; name the error."""
    if kb := _KB.search(" ".join(fields.values())):
        fields["kb"] = kb[0]
    if fields.get("kb") == fields.get("title", "").strip():
        del fields["title"]
    code = number_of(fields.get("code", ""))
    if code is not None:
        name = hresult_name(code)
        fields["code"] = f"{code & 0xFFFF_FFFF:#x}" + (f" {name}" if name else "")
    return one_line_fields(record, fields)


@_step
def servicing(record: LogRecord, fields: Fields) -> str:
    """Tell an installed package from one that is only staged or was taken out."""
    update(record, fields)
    state = fields.get("state", "Installed")
    if state in ("Absent", "Uninstalled", "0"):
        return "software_removed"
    return "" if state in ("Installed", "7", "112") else "none"


@_step
def msi(record: LogRecord, fields: Fields) -> str:
    """Tell a failed installation by its status; 3010 and 1641 only ask for a restart."""
    code = fields.pop("code", "0").strip()
    fields.pop("language", None)
    done, not_done = _MSI_OUTCOMES.get(record.code, ("was changed", "could not be changed"))
    fields["_outcome"] = done
    if code in ("0", "3010", "1641"):
        return ""
    name = win32_name(int(code)) if code.isdigit() and len(code) < 6 else None
    fields["code"] = f"{code} {name}" if name else code
    fields["_outcome"] = f"{not_done}: {fields['code']}"
    return "software_failed"


@_step
def msi_patch(record: LogRecord, fields: Fields) -> str:
    """The patch stands second in 1022 and fourth in 1036."""
    if record.code == 1036 and record.string(3):
        fields["kb"], fields["version"] = record.string(3), record.string(1)
    return ""


@_step
def msi_sentence(record: LogRecord, fields: Fields) -> str:
    """Find the product in `Product: NAME -- what happened`."""
    text = one_line(fields.get("message") or record.message)
    fields["message"] = text
    if match := re.match(r"[^:]{3,12}: (.{1,200}?) -- ", text):
        fields["product"] = match[1]
    return ""


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


@_step
def definitions(record: LogRecord, fields: Fields) -> str:
    """Find the version of virus definitions in a product's sentence."""
    message(record, fields)
    text = " ".join(record.texts())[:MATCH_LIMIT]
    if match := re.search(r"[Vv]ersion:? ?([\w./-]*\d[\w./-]*)|\b(\d{6}[a-z]{1,3})\b", text):
        fields["definitions"] = match[1] or match[2]
    return ""


@_step
def defender(record: LogRecord, fields: Fields) -> str:
    """Name the product where the text does not; trim the path."""
    fields.setdefault("product", "Microsoft Defender" if "Defender" in record.provider else record.provider)
    if "definitions" in fields and record.code in (1150, 1151):
        fields["state"] = "healthy"
    return one_line_fields(record, fields)


@_step
def dcom(_: LogRecord, fields: Fields) -> str:
    """Name the server where no service is named."""
    server = fields.pop("server", "").rstrip(".")
    fields.setdefault("service", server)
    return ""


@_step
def task_result(_: LogRecord, fields: Fields) -> str:
    """Write a task's result in hexadecimal unless it is 0."""
    code = number_of(fields.get("result", ""))
    fields["result"] = "finished" if code is None else "0" if code == 0 else f"{code & 0xFFFF_FFFF:#x}"
    return ""


@_step
def task_content(_: LogRecord, fields: Fields) -> str:
    """Find the command in the task's XML."""
    text = fields.pop("program", "")[:8000]
    command = re.search(r"<Command>([^<]{1,500})", text)
    arguments = re.search(r"<Arguments>([^<]{1,500})", text)
    if command:
        fields["program"] = command[1] + (f" {arguments[1]}" if arguments else "")
    return ""


@_step
def logon(_: LogRecord, fields: Fields) -> str:
    """Name the logon type."""
    fields["_logon"] = LOGON_TYPES.get(fields.get("logon_type", ""), "")
    if address := fields.get("address"):
        fields["address"] = address.removeprefix("::ffff:")
    return ""


@_step
def logon_failed(record: LogRecord, fields: Fields) -> str:
    """Name the reason of a failed logon."""
    logon(record, fields)
    if record.code in _LOGON_REASONS:
        fields["reason"] = _LOGON_REASONS[record.code]
    else:
        fields["reason"] = _status_reason(fields.get("reason", ""), fields.get("status", ""))
    return ""


def _status_reason(*texts: str) -> str:
    for text in texts:
        code = number_of(text)
        if code:
            return status_words(code) or status_name(code) or f"{code & 0xFFFF_FFFF:#x}"
    return ""


@_step
def kerberos(record: LogRecord, fields: Fields) -> str:
    """A ticket is a network logon."""
    fields["logon_type"] = "3"
    return logon(record, fields)


@_step
def ntlm(_: LogRecord, fields: Fields) -> str:
    """Credentials that were refused are a failed logon."""
    code = number_of(fields.pop("reason", "0"))
    fields["logon_type"] = "3"
    if code:
        fields["reason"] = status_words(code) or status_name(code) or f"{code & 0xFFFF_FFFF:#x}"
        return "logon_failed"
    return ""


@_step
def packet(_: LogRecord, fields: Fields) -> str:
    """Name protocol and direction."""
    fields["protocol"] = _PROTOCOLS.get(fields.get("protocol", ""), fields.get("protocol", "")).upper()
    if direction := fields.get("direction"):
        fields["direction"] = word(direction) or direction.lower()
    return ""


@_step
def yes_no(_: LogRecord, fields: Fields) -> str:
    """Write %%1842 as yes."""
    fields.update({name: word(value) or value for name, value in fields.items()})
    return ""


@_step
def hash(_: LogRecord, fields: Fields) -> str:
    """Keep the SHA-256 of Sysmon's list of hashes."""
    match = re.search(r"SHA256=([0-9A-Fa-f]{64})", fields.pop("hash", ""))
    if match:
        fields["hash"] = match[1].lower()
    return ""
