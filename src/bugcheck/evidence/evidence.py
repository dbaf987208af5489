"""Files → Evidence, Events and Facts: the types every parser speaks in, and the registry of parsers.

A parser is one file with one decorator.  It recognises its kind of file by content, reads it as a stream, and yields
Events (dated), Facts (undated), Spans (what the file covers, so that silence in it means something), CrashSeen (only
`parsers/crash_dump.py`) and Gaps.  It never knows another parser, the host's clock or the rest of the case.

Times: an Event's `time` is aware (UTC) when the file says UTC, and naive when it gives the host's own wall clock; the
timeline, which knows the host's zone, makes both one.  Nothing here guesses a zone.

Folklore: a log that says nothing about 19:02 may cover it or may not.  Only a Span tells these apart, so every parser
of a log yields one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from fnmatch import fnmatch
from typing import Any, NamedTuple

from bugcheck.evidence.source import Source
from bugcheck.extensions import Registry, guarded
from bugcheck.gaps import Gap

NO_FIELDS: Mapping[str, str] = {}


class Quality(Enum):
    """How well a file could be read."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    DAMAGED = "damaged"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


class Event(NamedTuple):
    """Something that happened at a time; a tuple, for there are millions, and a frozen record takes five times as long.

    Attributes:
        time: aware UTC, or naive: the host's own wall clock.
        kind: what kind of thing, a word of `knowledge/event_kinds.tsv` ("bugcheck", "logon", "service_started"); ""
            when the parser knows no meaning.
        text: one sentence for people, without the time.
        where: place in the file, to be followed by a person ("record 1443", "line 20").
        source: who wrote it ("System/EventLog", "pfirewall").
        code: event id, or None.
        fields: further values by name, lower case with underscores ("user", "address", "logon_type", "version").
        host: the machine it is about, when the record itself says so; "" is the file's host.
        count: how many equal events this one stands for (a firewall's packets of one flow in one minute).
        until: time of the last of them, or None when `count` is 1.
    """

    time: datetime
    kind: str
    text: str
    where: str
    source: str = ""
    code: int | None = None
    fields: Mapping[str, str] = NO_FIELDS
    host: str = ""
    count: int = 1  # pyright: ignore[reportIncompatibleMethodOverride]  # nobody counts an event's values
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds, without a time of its own.

    Attributes:
        kind: a word of `knowledge/fact_kinds.tsv` ("software", "driver", "service", "time_zone", "computer_name", …).
        name: what it is about ("Symantec AntiVirus", "RapDrv.sys").
        value: the main thing known of it: a version, a state, a name; "" when being there is all.
        where: place in the file.
        fields: further values by name ("vendor", "path", "start_type", "installed").
        host: the machine it is about, when the file says so; "" is the file's host.
    """

    kind: str
    name: str
    value: str
    where: str
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)
    host: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A time a file speaks for: had one of `kinds` happened in it, the file would say so.

    Attributes:
        start, end: as an Event's time. kinds: words of `knowledge/event_kinds.tsv`.
        host: as in Event.
        note: what limits it ("the log was cleared at …").
    """

    start: datetime
    end: datetime
    kinds: frozenset[str]
    host: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModuleSeen:
    """A module of a crashed machine: `stamp` is TimeDateStamp, `size` SizeOfImage, both 0 when the dump has neither."""

    name: str
    image: str
    path: str
    stamp: int
    size: int
    checksum: int
    version: str = ""
    vendor: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class FindingSeen:
    """A finding of the crash's analysis: see `findings.Finding`."""

    rule: str
    statement: str
    weight: float
    category: str
    module: str | None


@dataclass(frozen=True, slots=True)
class CrashSeen:
    """What the incident knows of a crash that a dump or a debugger's log shows.

    Attributes:
        time: UTC, or None when the dump does not tell.
        code: bug check code without the small-dump bit, None for a process's crash. name: its name.
        parameters: of the bug check.
        signature: bugcheck's own, stable across builds. bucket: WinDbg's FAILURE_BUCKET_ID.
        headline, level, confidence, category: of the verdict. module, image: whom it blames, or None.
        process: current process's file name, or "".
        uptime: seconds since boot, or None.
        manual: the system was stopped on purpose.
        modules: loaded modules. unloaded: names of modules that were gone.
        stack: module!function of the telling stack's levels, innermost first.
        findings: of the analysis, strongest first.
        utc_offset: seconds the host's wall clock was ahead of UTC, or None.
        access, access_address: of the memory access that failed ("read", "write", "execute", "touched"), "" and None
            when there is none.
        build: of Windows, or None. architecture: "x86", "x86_pae", "x64", "arm64", or "".
        os: the Windows version in words. host: computer name, or "".
        format: of the dump ("kernel_triage", "windbg_log", …), which tells what it keeps, or "".
        analysis: the whole analysis, for the telling; opaque to the incident.
    """

    time: datetime | None
    code: int | None
    name: str
    parameters: tuple[int, ...]
    signature: str
    bucket: str
    headline: str
    level: str
    confidence: float
    category: str
    module: str | None
    image: str | None
    process: str
    uptime: float | None
    manual: bool
    modules: tuple[ModuleSeen, ...]
    unloaded: tuple[str, ...]
    stack: tuple[str, ...]
    findings: tuple[FindingSeen, ...]
    where: str
    utc_offset: int | None = None
    access: str = ""
    access_address: int | None = None
    build: int | None = None
    architecture: str = ""
    os: str = ""
    host: str = ""
    format: str = ""
    analysis: Any = field(default=None, compare=False, repr=False)


Record = Event | Fact | Span | CrashSeen | Gap


@dataclass(frozen=True, slots=True)
class Evidence:
    """One file of a case, as the report lists it; its records live in the timeline.

    Attributes:
        id: first 12 digits of its SHA-256, with `-2`, `-3` … behind it for equal files at other places.
        host: whose it is, "" when nothing says. path: relative to the case's folder, `archive.zip/member` for a member.
        kind: the parser's name, "unknown" when none recognised it, "note" for a person's own.
        origin: how it came here ("in the folder", "member of support.zip").
        spans: what it covers. events, facts: how many it gave.
        notes: what a reader should know, gaps included.
    """

    id: str
    host: str
    path: str
    sha256: str
    size: int
    kind: str
    quality: Quality
    origin: str = "in the folder"
    spans: tuple[Span, ...] = ()
    events: int = 0
    facts: int = 0
    notes: tuple[str, ...] = ()


ParserFunction = Callable[[Source], Iterable[Record]]
Probe = Callable[[Source], int]
NO, MAYBE, LIKELY, SURE = 0, 1, 5, 9
"""What a probe answers: not mine; nothing speaks against it; its shape is mine; its magic or header says so."""


@dataclass(frozen=True, slots=True)
class EvidenceParser:
    """A registered parser.

    Attributes:
        name: the kind of evidence it reads. what: one line for the catalog.
        probe: how sure it is from a file's first 64 KiB and name (NO, MAYBE, LIKELY, SURE).
        names: patterns of usual file names; they only break ties between probes.
        read: yields the records, in the file's order, lazily.
    """

    name: str
    what: str
    probe: Probe
    names: tuple[str, ...]
    read: ParserFunction

    def strength(self, source: Source) -> float:
        """How strongly this parser claims a file; 0 is not at all."""
        sure = self.probe(source)
        named = any(fnmatch(source.base_name.lower(), pattern.lower()) for pattern in self.names)
        return sure + 0.5 if sure and named else float(sure)


PARSERS: Registry[EvidenceParser] = Registry("parser", "bugcheck.evidence.parsers")


def evidence_parser(
    name: str, *, probe: Probe, names: tuple[str, ...] = ()
) -> Callable[[ParserFunction], ParserFunction]:
    """Register the decorated generator as the parser of a kind of evidence."""

    def register(read: ParserFunction) -> ParserFunction:
        PARSERS.add(EvidenceParser(name, (read.__doc__ or "").partition("\n")[0], probe, names, read))
        return read

    return register


def parser_of(source: Source) -> EvidenceParser | None:
    """Find who reads a file: the strongest claim, the first by name among equals; None when nobody does."""
    claims = [
        (strength, parser)
        for parser in PARSERS
        for strength in guarded(lambda parser=parser: (parser.strength(source),), lambda _: 0.0)
    ]
    strength, parser = max(claims, key=lambda claim: claim[0], default=(0.0, None))
    return parser if strength else None
