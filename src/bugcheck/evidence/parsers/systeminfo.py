"""Output of systeminfo → Windows, its last boot, the machine, updates, network cards.

Source: `systeminfo /?` (/fo list, csv; /fo table is the same values under cut headings); lines come in the same
order in every language, values such as KB numbers, C:\\WINDOWS and "x64-based PC" stay as they are.

Folklore: "System Boot Time" is local time in the user's format; with fast startup it is the time of the last full
boot.  XP and 2003 say "System Up Time" instead.  Saved console output may be in any code page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bugcheck.evidence.console import Row, absent, encoding_for, lines_of, recognised, rows, worded
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates
from bugcheck.gaps import Gap

_VERSION = re.compile(r"(\d+\.\d+\.\d{4,5})\b(.*)")
_BUILD = re.compile(r"(\d{4,5})\s*$")
_UPDATE = re.compile(r"\[\d+\]:\s*(?:File 1, )?((?:KB|Q|M)\d{5,8})(\S*)", re.IGNORECASE)
_NUMBERED = re.compile(r"^\[(\d+)\]\s*:\s*(.*)")
_ADDRESS = re.compile(r"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}:[0-9a-f:]{2,}(?:%\d+)?)$", re.IGNORECASE)
_SHAPE = re.compile(r"^[^:\n]+:\s+\S.*\n[^:\n]+:\s+.*Windows.*\n[^:\n]+:\s+\d+\.\d+\.\d{4,5}\b", re.MULTILINE)


def probe(source: Source) -> int:
    """Tell by the headings in any language, else by the shape of the first three lines."""
    known = recognised(source, "systeminfo")
    if {"os", "os_version"} <= known and len(known) >= 6:
        return SURE
    return LIKELY if source.encoding and _SHAPE.match(source.head_text[:2000].lstrip("\n ")) else NO


@evidence_parser("systeminfo", probe=probe, names=("*systeminfo*.txt", "*systeminfo*.csv", "*sysinfo*.txt"))
def systeminfo(source: Source) -> Iterator[Record]:
    """Output of systeminfo (list or CSV, in 13 languages)."""
    encoding = encoding_for(source, "systeminfo")
    for row in rows(source.lines(encoding)):
        cells = {**_by_place(row), **worded(row, "systeminfo")}
        if not cells.get("os_version") and not cells.get("host"):
            continue
        locale = cells.get("locale", "").partition(";")[0]
        dates = Dates((cells.get("boot", ""), cells.get("installed", ""), cells.get("bios", "")), locale)
        lines = _Lines(lines_of(row, "systeminfo"), row.line)
        yield from _windows(cells, dates, lines)
        yield from _machine(cells, lines)
        for number, (kb, title) in enumerate(_updates(row, cells)):
            yield Fact("update", kb, title, f"{lines.at('hotfixes')}, number {number + 1}")
        yield from _cards(cells, lines.at("nics"))
        yield from dates.gaps(source.path)
        if cells.get("boot") and not dates.read(cells["boot"]):
            yield Gap(f"the boot time {cells['boot']!r} in {source.path}", "a date")


def _by_place(row: Row) -> dict[str, str]:
    """Name the first three lines by their place, which is the same in every language."""
    cells = list(row.cells.items())[:3]
    if len(cells) == 3 and _VERSION.match(cells[2][1]) and "Windows" in cells[1][1]:
        return dict(zip(("host", "os", "os_version"), (value for _, value in cells), strict=True))
    return {}


@dataclass(frozen=True)
class _Lines:
    """Where each word stands."""

    known: dict[str, int]
    otherwise: int

    def at(self, word: str) -> str:
        return f"line {self.known.get(word, self.otherwise)}"


def _windows(cells: dict[str, str], dates: Dates, lines: _Lines) -> Iterator[Record]:
    if cells.get("host"):
        domain = cells.get("domain", "")
        yield Fact("computer_name", "", cells["host"], lines.at("host"), {"domain": domain} if domain else {})
    version = _VERSION.match(cells.get("os_version", ""))
    if version:
        installed = dates.read(cells.get("installed", ""))
        build = _BUILD.search(version[2])
        fields = {
            "build": build[1] if build else version[1].rpartition(".")[2],
            "service_pack": next(iter(re.findall(r"Service Pack \d+", version[2])), ""),
            "installed": installed.isoformat() if installed else cells.get("installed", ""),
            "architecture": cells.get("system_type", ""),
            "configuration": cells.get("os_configuration", ""),
            "locale": cells.get("locale", ""),
        }
        yield Fact(
            "os", cells.get("os", ""), version[1], lines.at("os_version"), {k: v for k, v in fields.items() if v}
        )
    boot = dates.read(cells.get("boot", ""))
    if boot:
        yield Fact("boot_time", "", boot.isoformat(), lines.at("boot"))
        yield Event(boot, "boot", "Windows started", lines.at("boot"), "systeminfo")
    if cells.get("time_zone"):
        yield Fact("setting", "time zone", cells["time_zone"], lines.at("time_zone"))


def _machine(cells: dict[str, str], lines: _Lines) -> Iterator[Fact]:
    if cells.get("model"):
        yield Fact("hardware", "system", cells["model"], lines.at("model"), {"vendor": cells.get("vendor", "")})
    bios = cells.get("bios", "")
    if bios and not absent(bios):
        yield Fact("hardware", "bios", bios, lines.at("bios"))
    for processor in cells.get("processors", "").split("\n")[1:65]:
        found = _NUMBERED.match(processor)
        if found:
            yield Fact("hardware", "cpu", found[2].strip(), lines.at("processors"))
    for word, name in (("memory", "memory"), ("memory_available", "available memory")):
        if cells.get(word):
            yield Fact("hardware", name, cells[word], lines.at(word))
    for word, name in (("page_file", "page file"), ("logon_server", "logon server"), ("up_time", "up time")):
        value = cells.get(word, "")
        if value and not absent(value):
            yield Fact("setting", name, value.replace("\n", ", "), lines.at(word))
    server = cells.get("logon_server", "").strip("\\")
    if server and not absent(server) and server not in (cells.get("host"), "MicrosoftAccount"):
        yield Fact("peer", server, "logon server", lines.at("logon_server"), {"service": "logon"})


def _updates(row: Row, cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    text = cells.get("hotfixes") or "\n".join(row.cells.values())
    text = re.sub(r",(?=\[\d+\]:)", "\n", text)  # CSV keeps the list in one cell
    for found in _UPDATE.finditer(text):
        yield found[1].upper(), found[2].lstrip("_").strip()


def _cards(cells: dict[str, str], where: str) -> Iterator[Fact]:
    lines = re.sub(r",(?=\[\d+\]:| {2,})", "\n", cells.get("nics", "")).split("\n")[1:]
    name, label, details = "", "", list[str]()
    for line_text in [*lines[:2000], "[00]:"]:
        text = line_text.strip()
        found = _NUMBERED.match(text)
        if found and _ADDRESS.search(found[2]):
            details.append(found[2])
        elif found:
            if name:
                yield Fact("network_interface", label or name, ", ".join(details), where, {"device": name})
            name, label, details = found[2].strip(), "", []
        elif ":" in text and not label:
            label = text.partition(":")[2].strip()  # the first detail is the connection's name
