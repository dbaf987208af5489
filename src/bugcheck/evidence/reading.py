"""A Source → its records, given to a sink one by one, and the Evidence entry that sums them up.

Source: Evidence and its qualities are `evidence.evidence`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bugcheck.evidence.evidence import (
    PARSERS,
    CrashSeen,
    Event,
    Evidence,
    Fact,
    Quality,
    Record,
    Span,
    parser_of,
)
from bugcheck.evidence.source import Source
from bugcheck.extensions import guarded
from bugcheck.gaps import Gap

UNKNOWN = "unknown"
ID_DIGITS = 12
MOST_NOTES = 20
MOST_SPANS = 1000
FIRST_YEAR, LAST_YEAR = 1980, 2199
"""Times outside come of damage; near the ends of the calendar no other time zone could be asked for."""
Sink = Callable[[str, Record], None]
"""Takes (evidence id, record)."""


@dataclass(slots=True)
class Tally:
    """What one file has given so far."""

    events: int = 0
    facts: int = 0
    crashes: int = 0
    spans: list[Span] = field(default_factory=list[Span])
    notes: list[str] = field(default_factory=list[str])
    damaged: bool = False
    partial: bool = False
    failed: bool = False
    impossible: int = 0
    host: str = ""

    def count(self, record: Record) -> None:
        """Count one record."""
        if isinstance(record, Event):
            self.events += 1
        elif isinstance(record, Fact):
            self.facts += 1
            if record.kind == "computer_name" and not self.host:
                self.host = record.value
        elif isinstance(record, Span):
            if len(self.spans) < MOST_SPANS:
                self.spans.append(record)
        elif isinstance(record, CrashSeen):
            self.crashes += 1
            self.host = self.host or record.host
        else:
            self.damaged |= record.damage
            self.partial = True
            if len(self.notes) < MOST_NOTES:
                self.notes.append(_told(record))

    @property
    def quality(self) -> Quality:
        """How well the file could be read."""
        if self.failed and not (self.events or self.facts or self.crashes):
            return Quality.UNREADABLE
        if self.damaged or self.failed:
            return Quality.DAMAGED
        return Quality.PARTIAL if self.partial and not self.crashes else Quality.COMPLETE


def _possible(record: Record) -> Record:
    """The record, or a Gap in its place where its time is none that a computer with such a file had."""
    if isinstance(record, Event):
        last = record.until or record.time
        if record.time.year >= FIRST_YEAR and last.year <= LAST_YEAR:
            return record
        return Gap(
            f"an event ({record.where})", f"its time cannot be: {record.time.date()} to {last.date()}", damage=True
        )
    if isinstance(record, Span) and not (record.start.year >= FIRST_YEAR and record.end.year <= LAST_YEAR):
        return Gap("the time the file covers", f"{record.start.date()} to {record.end.date()} cannot be", damage=True)
    if isinstance(record, CrashSeen) and record.time and not FIRST_YEAR <= record.time.year <= LAST_YEAR:
        return replace(record, time=None)
    return record


def _told(gap: Gap) -> str:
    return f"{gap.what}: {gap.missing}" + (f" → {gap.remedy}" if gap.remedy else "")


def identity(sha256: str, taken: set[str]) -> str:
    """Make an evidence id from a hash, with a number behind it for equal files at other places."""
    short = sha256[:ID_DIGITS]
    number, name = 1, short
    while name in taken:
        number += 1
        name = f"{short}-{number}"
    taken.add(name)
    return name


def read_source(source: Source, evidence_id: str, sink: Sink) -> Evidence:
    """Read one file with the parser that claims it strongest; records go to the sink as they come.

    A parser that fails leaves a note; what it had given stays.
    """
    parser = parser_of(source)
    tally = Tally()
    if source.damage:
        broken_off = Gap(
            f"the rest of {source.path}", source.damage, "pack it again, or copy the file itself", damage=True
        )
        tally.count(broken_off)
        sink(evidence_id, broken_off)
    if parser is None:
        broken = tuple(f"parser {each.module} is broken: {each.error}" for each in PARSERS.broken)
        return _evidence(source, evidence_id, UNKNOWN, Quality.UNKNOWN, tally, broken)

    def failed(words: str) -> Record:
        tally.failed = True
        return Gap(f"the rest of {source.path}", words, damage=True)

    for record in guarded(lambda: parser.read(source), failed):
        timed = _possible(record)
        if isinstance(timed, Gap) and timed is not record:
            tally.impossible += 1
            if tally.impossible > MOST_NOTES:
                continue
        tally.count(timed)
        sink(evidence_id, timed)
    return _evidence(source, evidence_id, parser.name, tally.quality, tally)


def _evidence(
    source: Source, evidence_id: str, kind: str, quality: Quality, tally: Tally, notes: tuple[str, ...] = ()
) -> Evidence:
    origin = "in the folder" if source.modified is not None else "member of an archive"
    return Evidence(
        evidence_id,
        tally.host,
        source.path,
        source.sha256,
        source.size,
        kind,
        quality,
        origin,
        tuple(tally.spans),
        tally.events,
        tally.facts,
        (*tally.notes, *notes),
    )
