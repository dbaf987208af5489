"""Amcache's install records (`appcompat\\Programs\\Install\\INSTALL_*.txt`) → an installer's run.

Source: observed: UTF-16 lines NAME=VALUE: StartTime (MM/DD/YYYY hh:mm:ss, UTC as far as seen), Name, Path, Id (0000
and SHA-1), versions, then StopTime and the programs that were added.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.source import Source

_LIMIT = 1 << 20


def probe(source: Source) -> int:
    """Tell by its first lines."""
    head = _text(source)[:400]
    return SURE if head.startswith("StartTime=") and "\nName=" in head else NO


def _text(source: Source) -> str:
    if source.head_text:
        return source.head_text.lstrip()
    # UTF-16 without a mark, with an odd byte somewhere: told by the NUL behind its first letter
    if source.head[:4] == b"S\0t\0":
        return source.text("utf-16-le", _LIMIT).lstrip()
    return source.head[2:].decode("utf-16-le", "replace").lstrip() if source.head[:2] == b"\xff\xfe" else ""


@evidence_parser("amcache_install", probe=probe, names=("install_*.txt",))
def amcache_install(source: Source) -> Iterator[Record]:
    """An installer's run as Amcache noted it (INSTALL_*.txt)."""
    values: dict[str, str] = {}
    for line in _text(source).split("\n")[:2000]:
        name, found, value = line.partition("=")
        if found:
            values.setdefault(name.strip(), value.strip("\0\r "))
    try:
        time = datetime.strptime(values.get("StartTime", ""), "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return
    identity = values.get("Id", "")
    words = {
        "program": values.get("Name", ""), "path": values.get("Path", ""), "vendor": values.get("CompanyName", ""),
        "version": values.get("FileVersion", ""), "product": values.get("ProductName", "").strip(),
        "sha1": identity[4:] if len(identity) == 44 else "",
    }  # fmt: skip
    fields = {key: value for key, value in words.items() if value}
    text = f"an installer ran: {values.get('Name', '')}"
    yield Event(time, "program_run", text, "StartTime", "amcache", None, fields)
