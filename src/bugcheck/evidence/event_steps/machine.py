"""Events about the machine → its version, clock, hardware, disks and memory in words.

Source: Microsoft's documentation of the events named at each step; WHEA_ERROR_SOURCE_TYPE of the Windows SDK.
"""

from __future__ import annotations

import re

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord, one_line
from bugcheck.evidence.event_steps.step import Fields, Step, into, number_of, one_line_fields, set_message
from bugcheck.knowledge.statuses import status_name

STEPS: dict[str, Step] = {}
_step = into(STEPS)
_ERROR_SOURCES = {
    "0": "machine check exception", "1": "corrected machine check", "2": "corrected platform error",
    "3": "non-maskable interrupt", "4": "PCI Express", "5": "generic", "7": "boot",
}  # fmt: skip
_SLEEP_REASONS = {"0": "button or lid", "2": "battery", "4": "a program asked", "6": "timeout", "7": "idle"}


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
    set_message(record, fields)
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
def first_line(record: LogRecord, fields: Fields) -> str:
    """The result of a disk check: the line that says what was found."""
    text = "\n".join(record.texts())[:4000]
    telling = re.search(r"[^\r\n]*(?:no problems|found no|made corrections|errors found|problems)[^\r\n]*", text)
    fields["result"] = one_line(telling[0] if telling else text, 160)
    return ""


@_step
def message(record: LogRecord, fields: Fields) -> str:
    """Take the first telling line as the message."""
    set_message(record, fields)
    return ""


@_step
def one_line_values(_: LogRecord, fields: Fields) -> str:
    """Bring every value onto one line."""
    one_line_fields(fields)
    return ""
