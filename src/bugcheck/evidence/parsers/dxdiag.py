"""DxDiag.txt and dxdiag's XML → the system, its display and sound drivers, recorded errors.

Source: `dxdiag /t FILE` (English in every language: "System Information" between hyphens, "name: value" lines) and
`dxdiag /x FILE` (`<DxDiag>`); "Windows Error Reporting" at the end since Windows 7.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.xml_text import parse_xml
from bugcheck.gaps import Gap

_LINE = re.compile(r"^\s*([A-Za-z][\w ()/.-]{1,40}?)\s*: (.*)$")
_SECTION = re.compile(r"^-{3,}$")
_BUILD = re.compile(r"\((\d+\.\d+), Build (\d+)\)")
_LIMIT = 4 << 20


def probe(source: Source) -> int:
    """Tell by the first section or the root element."""
    head = source.head_text[:0x1000].lstrip()
    if "<DxDiag>" in head:
        return SURE
    return SURE if re.match(r"-{3,}\nSystem Information\n-{3,}\n", head) else NO


@evidence_parser("dxdiag", probe=probe, names=("dxdiag*.txt", "dxdiag*.xml"))
def dxdiag(source: Source) -> Iterator[Record]:
    """A DirectX diagnostic report (text or XML)."""
    if "<DxDiag>" in source.head_text[:0x1000]:
        root = parse_xml(source.text(limit=_LIMIT))
        if isinstance(root, str):
            yield Gap(f"what {source.path} holds", root, damage=True)
            return
        blocks = list(_xml_blocks(root))
    else:
        blocks = list(_text_blocks(source))
    for section, items, where in blocks:
        yield from _told(section, items, where)


def _xml_blocks(root: ElementTree.Element) -> Iterator[tuple[str, dict[str, str], str]]:
    for path, section in (
        ("SystemInformation", "System Information"), ("DisplayDevices/DisplayDevice", "Display Devices"),
        ("DirectSound/SoundDevices/SoundDevice", "Sound Devices"),
    ):  # fmt: skip
        for element in root.findall(path)[:100]:
            yield section, {child.tag: (child.text or "").strip() for child in list(element)[:300]}, path


def _text_blocks(source: Source) -> Iterator[tuple[str, dict[str, str], str]]:
    section, held, before, start = "", dict[str, str](), "", 0
    ruled = False
    for number, line in source.lines():
        if _SECTION.match(line.strip()):
            if ruled and before:
                if held:
                    yield section, held, f"line {start}"
                section, held, start, ruled = before, {}, number, False
            else:
                ruled = True
            continue
        found = _LINE.match(line)
        if found:
            name = found[1].replace(" ", "")
            if name in ("Cardname", "Description") and name in held:
                yield section, held, f"line {start}"
                held, start = {}, number
            held.setdefault(name, found[2].strip())
            ruled = False
        before = line.strip()
    if held:
        yield section, held, f"line {start}"


def _told(section: str, items: dict[str, str], where: str) -> Iterator[Fact]:
    get = {key.lower(): value for key, value in items.items()}.get
    if section == "System Information":
        if get("machinename"):
            yield Fact("computer_name", "", get("machinename", ""), where)
        system = get("operatingsystem", "")
        build = _BUILD.search(system)
        if system:
            version = f"{build[1]}.{build[2]}" if build else ""
            yield Fact("os", system.partition(" (")[0], version, where, {"build": build[2]} if build else {})
        names = (("systemmodel", "system"), ("bios", "bios"), ("processor", "cpu"), ("memory", "memory"))
        for key, name in names:
            if get(key):
                vendor = {"vendor": get("systemmanufacturer", "")} if name == "system" else {}
                yield Fact("hardware", name, get(key, ""), where, vendor)
    elif section in ("Display Devices", "Sound Devices"):
        name = get("cardname") or get("description") or ""
        kind = "display" if section.startswith("Display") else "sound"
        words = (
            ("version", "driverversion"),
            ("date", "driverdate"),
            ("driver", "drivername"),
            ("vendor", "manufacturer"),
        )
        fields = {word: get(key, "") for word, key in words if get(key)}
        if name:
            yield Fact("hardware", kind, name, where, fields)
