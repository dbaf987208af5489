"""An event log exported as XML → Events.

Source: Microsoft's Event schema (http://schemas.microsoft.com/win/2004/08/events/event), as written by Event Viewer's
"Save as XML", `wevtutil qe /f:xml` (with or without a root element) and PowerShell's ToXml().

Folklore: Event Viewer puts a whole log on one line, and a log of wevtutil has no root, so neither lines nor a document
can be counted on.  Each `<Event …>…</Event>` is cut out and parsed by itself: damage stays in its entry, memory stays
small, and there is no place for a DTD.
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from bugcheck.archives.files import release
from bugcheck.evidence.event_elements import record_of_element
from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source

_PIECE = 1 << 18
_ENTRY_LIMIT = 1 << 20
_START = re.compile(r"<Event(?=[\s>])")
_END = "</Event>"
_SCHEMA = re.compile(
    r"<Event\s[^>]{0,400}schemas\.microsoft\.com/win/2004/08/events/event|<Events>\s*(?:<!--.{0,2000}?-->\s*)?<Event\s",
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROL_REFERENCE = re.compile(r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]));", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by an Event element of Microsoft's schema."""
    head = source.head_text[:0x4000].lstrip()
    return SURE if head.startswith("<") and _SCHEMA.search(head) else NO


@evidence_parser("event_xml", probe=probe, names=("*.xml",))
def event_xml(source: Source) -> Iterator[Record]:
    """Event logs exported as XML: Event Viewer, wevtutil, PowerShell."""
    log = EventLog(source.path, "nt6")
    for number, text in enumerate(_entries(source, log), 1):
        try:
            element = ElementTree.fromstring(text)
        except (ElementTree.ParseError, RecursionError) as error:
            log.damaged(f"well-formed XML ({str(error).partition(':')[0]})", f"entry {number}")
            continue
        record = record_of_element(element, number)
        if record is None:
            log.damaged("an entry with a time and an event id", f"entry {number}")
        else:
            yield log.event(record)
    yield from log.closing()


def _entries(source: Source, log: EventLog) -> Iterator[str]:
    """Cut the file into its Event elements."""
    buffer = ""
    for piece in _pieces(source):
        buffer += piece
        position = 0
        while (start := _START.search(buffer, position)) is not None:
            end = buffer.find(_END, start.end())
            following = _START.search(buffer, start.end(), end if end >= 0 else len(buffer))
            if following is not None:  # an entry without an end
                log.damaged("the end of an entry", "before another entry")
                position = following.start()
                continue
            if end < 0:
                position = start.start()
                break
            yield _cleaned(buffer[start.start() : end + len(_END)])
            position = end + len(_END)
        else:
            position = max(position, len(buffer) - 8)  # the beginning of "<Event " may be here
        buffer = buffer[position:]
        if len(buffer) > _ENTRY_LIMIT:
            log.damaged(f"an entry below {_ENTRY_LIMIT} characters", "an entry that is too long")
            buffer = buffer[-8:]
    if _START.search(buffer):
        log.damaged("the end of an entry", "the end of the file")


def _cleaned(text: str) -> str:
    """Replace characters XML forbids: messages hold them, and Windows writes them out."""
    if _CONTROL.search(text):
        text = _CONTROL.sub("\ufffd", text)
    return _CONTROL_REFERENCE.sub("\ufffd", text) if "&#" in text else text


def _pieces(source: Source) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(source.encoding or "utf-8")("replace")
    for offset in range(0, source.size, _PIECE):
        yield decoder.decode(source.view.read_up_to(offset, _PIECE))
        release(source.view, offset, _PIECE)
