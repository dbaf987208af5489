"""Tables of msinfo32 → facts: what a section's rows mean, whatever language its headings have.

Source: msinfo32's .nfo (sections `Category name`, rows of elements named by the column) and its text export
(sections in brackets, rows divided by tabs); `knowledge/msinfo_words.tsv` names sections and columns.

Folklore: section and column names are those of the language of Windows.  "Windows Error Reporting" gives UTC without
saying so; other times are local.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

from bugcheck.evidence.console import absent, plain
from bugcheck.evidence.error_reports import report_event
from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.wall_clock import Dates
from bugcheck.knowledge.tables import table

Cells = Mapping[str, str]
_FAULTY = re.compile(r":\s*([^\s,:]+\.(?:exe|dll|sys|com|scr))\b.*?:\s*([\d.]+)", re.IGNORECASE)
_CODE = re.compile(r"\b0x[0-9a-f]{8}\b", re.IGNORECASE)
_MODULE = re.compile(r"module[^:]*:\s*([^\s,]+)", re.IGNORECASE)
_PART = re.compile(r"^P\d{1,2}: (.*)$", re.MULTILINE)
_PARTS = 10
_BUCKET = re.compile(r"\D{1,40}?(\d{4,20}|[0-9a-f]{32}),", re.IGNORECASE)
_VERSION = re.compile(r"(\d+\.\d+\.\d{4,5})(.*)")


@cache
def _words() -> dict[str, str]:
    words: dict[str, str] = {}
    for line in table("msinfo_words.tsv").decode().splitlines():
        columns = line.split("\t")
        if len(columns) >= 3 and not line.startswith(("#", "word\t")):
            words[plain(columns[2])] = columns[0]
    return words


def word_of(heading: str) -> str:
    """Return our word for a section's or column's name, "" when it is none we know."""
    return _words().get(plain(heading), "")


def records_of_row(section: str, cells: Cells, dates: Dates, where: str) -> Iterator[Record]:
    """Yield what a row of a section says.

    Args:
        section: our word for it. cells: our words for columns → values.
    """
    given = {word: _bare(value) for word, value in cells.items() if not absent(value)}
    if section == "drivers":
        yield from _driver(given, where)
    elif section == "services" and given.get("name"):
        yield _service(given, where)
    elif section == "problems" and given.get("device"):
        yield Fact("device_problem", given["device"], given.get("error", ""), where, _only(given, "device_id"))
    elif section == "startup" and given.get("program"):
        yield Fact("autorun", given["program"], given.get("command", ""), where, _only(given, "user", "location"))
    elif section == "tasks" and given.get("name"):
        fields = _only(given, "path", "version", "date", "started")
        yield Fact("process", given["name"], given.get("pid", ""), where, fields)
    elif section == "modules" and given.get("path"):
        fields = _only(given, "path", "version", "size", "date", "vendor")
        yield Fact("loaded_module", given["path"].rpartition("\\")[2], given.get("version", ""), where, fields)
    elif section == "reports":
        yield from _report(given, dates, where)
    elif section == "usb" and given.get("device"):
        yield Fact("usb_device", given["device"], given.get("device_id", ""), where)


def _bare(value: str) -> str:
    """Leave out the marks of direction that msinfo32 puts around addresses."""
    return re.sub("[\u200e\u200f\u202a-\u202e]", "", value).strip()


def _only(given: dict[str, str], *words: str) -> dict[str, str]:
    return {word: given[word] for word in words if word in given}


def _driver(given: dict[str, str], where: str) -> Iterator[Fact]:
    path = given.get("file") or given.get("path", "")
    name = path.rpartition("\\")[2] or (f"{given['name']}.sys" if given.get("name") else "")
    if name:
        fields = _only(given, "type", "state", "status") | {"service": given.get("name", ""), "path": path}
        fields |= {"display_name": given.get("description", ""), "start_type": given.get("start", "").lower()}
        fields["state"] = fields.get("state", "").lower()
        yield Fact("driver", name, "", where, {key: value for key, value in fields.items() if value})


def _service(given: dict[str, str], where: str) -> Fact:
    fields = {
        "display_name": given.get("display_name", ""), "state": given.get("state", "").lower(),
        "start_type": given.get("start", "").lower(), "path": given.get("path", ""),
        "account": given.get("account", ""),
    }  # fmt: skip
    fields = {key: value for key, value in fields.items() if value}
    return Fact("service", given["name"], fields.get("state", ""), where, fields)


def _report(given: dict[str, str], dates: Dates, where: str) -> Iterator[Event]:
    time, details = dates.read(given.get("time", "")), given.get("details", "")
    if time is None or not details:
        return
    details = details.replace("&#x000d;&#x000a;", "\n")
    time = time.replace(tzinfo=UTC)
    if signature := [found[1].strip() for found in _PART.finditer(details)][:_PARTS]:
        yield _reported(time, details, signature)._replace(where=where)
        return
    program, code, module = _FAULTY.search(details), _CODE.findall(details), _MODULE.search(details)
    fields = {
        "program": program[1] if program else "",
        "version": program[2] if program else "",
        "module": module[1] if module else "",
        "code": next((word for word in code[2:3]), ""),
        "type": given.get("type", ""),
    }
    first = details.split("\n", 1)[0][:300]
    text = f"{given.get('type', 'report')}: {first}"
    fields = {key: value for key, value in fields.items() if value}
    kind = "program_crash" if program else "crash_report"
    yield Event(time, kind, text, where, "Windows Error Reporting", None, fields)


def _reported(time: datetime, details: str, signature: list[str]) -> Event:
    """Tell a report with a signature (P1 to P10) by its type, which stands on the second line behind a colon."""
    lines = details.split("\n")
    event_type = lines[1].partition(":")[2].strip() if len(lines) > 1 else ""
    bucket = _BUCKET.match(lines[0])
    return report_event(time, event_type, signature, {"bucket": bucket[1] if bucket else "", "path": ""})


def records_of_summary(items: Cells, dates: Dates, where: str) -> Iterator[Record]:
    """Yield what the first section says: names of items → values."""
    given = {word_of(name): _bare(value) for name, value in items.items() if word_of(name) and not absent(value)}
    if given.get("host"):
        yield Fact("computer_name", "", given["host"], where)
    version = _VERSION.match(given.get("version", ""))
    if version or given.get("os"):
        fields = {"build": re.sub(r"\D", "", version[2])[-5:] if version else "", "locale": given.get("locale", "")}
        fields |= {"architecture": given.get("system_type", "")}
        fields = {key: value for key, value in fields.items() if value}
        yield Fact("os", given.get("os", ""), version[1] if version else "", where, fields)
    if given.get("model"):
        yield Fact("hardware", "system", given["model"], where, {"vendor": given.get("vendor", "")})
    for word, name in (("processor", "cpu"), ("memory", "memory"), ("board", "board")):
        if given.get(word):
            yield Fact("hardware", name, given[word], where)
    if given.get("bios"):
        date = dates.read(given["bios"].rpartition(",")[2])
        fields = {"date": date.date().isoformat()} if date else {}
        yield Fact("hardware", "bios", given["bios"], where, fields)
    for word, name in (
        ("time_zone", "time zone"), ("secure_boot", "secure boot"), ("bios_mode", "BIOS mode"),
        ("page_file", "page file"),
        ("vbs", "virtualization-based security"), ("hal", "hardware abstraction layer"),
    ):  # fmt: skip
        if given.get(word):
            yield Fact("setting", name, given[word], where)


def records_of_items(section: str, items: Cells, where: str) -> Iterator[Record]:
    """Yield what a section of items and values says of one device: display, disks, sound, network."""
    given = {word_of(name): _bare(value) for name, value in items.items() if word_of(name) and not absent(value)}
    name = given.get("item_name") or given.get("name") or given.get("model_of") or given.get("description", "")
    if not name:
        return
    kinds = {"display": "display", "disks": "disk", "sound": "sound", "adapter": "network"}
    fields = _only(given, "driver_version", "driver", "vendor", "size", "status", "device_id", "model_of", "serial")
    fields = {"version" if key == "driver_version" else key: value for key, value in fields.items()}
    if section in kinds:
        yield Fact("hardware", kinds[section], name, where, fields)
    if section == "adapter" and given.get("address"):
        details = {"mac": given.get("mac", ""), "dhcp_server": given.get("dhcp_server", ""), "device": name}
        details = {key: value for key, value in details.items() if value}
        yield Fact("network_interface", name, given["address"], where, details)
