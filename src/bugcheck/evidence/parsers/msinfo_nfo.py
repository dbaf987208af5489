"""An msinfo32 .nfo → the system, drivers, services, problem devices, error reports.

Source: XML since XP (`<MsInfo>`, UTF-16): nested `Category` with `Data`, whose children are columns, or `Item` and
`Value`; before it an OLE compound file, which is recognised and named.

Folklore: the file is megabytes of which half is COM registrations; it is read as a stream.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.system_report import records_of_items, records_of_row, records_of_summary, word_of
from bugcheck.evidence.wall_clock import Dates
from bugcheck.gaps import Gap

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NAMES = (b"M\0S\0I\0n\0f\0o\0", b"MSInfo")
_DEPTH, _ROWS = 32, 500_000
_STEP = 1 << 16


def probe(source: Source) -> int:
    """Tell by the root element, or by OLE's magic with msinfo's name."""
    if source.head.startswith(_OLE):
        return SURE if any(name in source.head for name in _NAMES) or source.base_name.lower().endswith(".nfo") else NO
    return SURE if "<MsInfo" in source.head_text[:400] else NO


@evidence_parser("msinfo_nfo", probe=probe, names=("*.nfo",))
def msinfo_nfo(source: Source) -> Iterator[Record]:
    """An msinfo32 report (.nfo)."""
    if source.head.startswith(_OLE):
        yield Gap(
            f"what {source.path} holds", "a reader of msinfo's old OLE format (NT 4, 98, 2000)",
            "open it in msinfo32 and export it as text",
        )  # fmt: skip
        return
    dates = Dates()
    sections: list[str] = []
    items: dict[str, str] = {}
    for row, (event, name, cells) in enumerate(_walk(source)):
        if row > _ROWS:
            yield Gap(f"the rest of {source.path}", f"rows beyond {_ROWS}")
            return
        if event == "damage":
            yield Gap(f"the rest of {source.path}", name, damage=True)
            return
        section = sections[-1] if sections else ""
        if event in ("open", "close"):
            yield from _flush(sections, items, dates)
            items = {}
            if event == "open":
                sections.append(name)
            elif sections:
                sections.pop()
        elif set(cells) == {"Item", "Value"}:
            if cells["Item"] in items:
                yield from _flush(sections, items, dates)
                items = {}
            items[cells["Item"]] = cells["Value"]
        else:
            dates.see(cells.values())
            words = {word: value for key, value in cells.items() if (word := word_of(key))}
            yield from records_of_row(word_of(section), words, dates, f"section {section}")
    yield from dates.gaps(source.path)


def _flush(sections: list[str], items: dict[str, str], dates: Dates) -> Iterator[Record]:
    if not items or not sections:
        return
    where, word = f"section {sections[-1]}", word_of(sections[-1])
    if word == "summary" or len(sections) == 1:
        yield from records_of_summary(items, dates, where)
    else:
        yield from records_of_items(word, items, where)


def _walk(source: Source) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield ("open", section), ("row", cells), ("close",) and at most one ("damage", why)."""
    library: Any = ElementTree
    parser: Any = library.XMLPullParser(("start", "end"))
    depth, first = 0, True
    try:
        for text in _pieces(source):
            if "<!DOCTYPE" in text or "<!ENTITY" in text:
                yield "damage", "a document without declarations of its own", {}
                return
            parser.feed('<?xml version="1.0" encoding="utf-8"?>' * first + text)
            first = False
            for event, element in parser.read_events():
                if element.tag == "Category":
                    depth += 1 if event == "start" else -1
                    if depth <= _DEPTH:
                        yield "open" if event == "start" else "close", element.get("name", ""), {}
                    if event == "end":
                        element.clear()
                elif element.tag == "Data" and event == "end":
                    yield "row", "", {child.tag: child.text or "" for child in list(element)[:100]}
                    element.clear()
        parser.close()
    except ElementTree.ParseError as error:
        yield "damage", f"well-formed XML ({error})", {}


def _pieces(source: Source) -> Iterator[str]:
    """Yield the text in pieces, without its own XML declaration, for what is fed is no longer UTF-16."""
    held: list[str] = []
    size, first = 0, True
    for _, line in source.lines():
        held.append(line.partition("?>")[2] if first and line.lstrip().startswith("<?xml") else line)
        first = False
        size += len(line)
        if size > _STEP:
            yield "\n".join([*held, ""])
            held, size = [], 0
    yield "\n".join(held)
