"""A crash, its host's facts and its events → a Situation: all that an issue's conditions may ask.

It holds plain values, so that it can be made of an analysed dump alone, of a log that tells of a crash, or of a whole
incident.  What is not known stays None or empty; a condition that needs it is then untested, which is not "fails".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from bugcheck.evidence.evidence import NO_FIELDS, Fact, FindingSeen, ModuleSeen
from bugcheck.records import dataclass, field

NEAR_NULL = 0x1_0000
"""Windows never maps the first 64 KiB, so that null pointers with an offset fault."""


@dataclass(frozen=True, slots=True)
class Cited:
    """Where a statement can be checked: the evidence's id ("" is the crash's own dump) and the place in it."""

    evidence: str
    where: str


@dataclass(frozen=True, slots=True)
class SeenFact:
    """A fact and the evidence that tells it."""

    fact: Fact
    evidence: str = ""

    @property
    def cited(self) -> Cited:
        """Where to check it."""
        return Cited(self.evidence, self.fact.where)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event as in `evidence.Event`, its time in UTC, and the evidence that tells it."""

    time: datetime
    kind: str
    text: str
    where: str
    source: str = ""
    code: int | None = None
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)
    evidence: str = ""

    @property
    def cited(self) -> Cited:
        """Where to check it."""
        return Cited(self.evidence, self.where)


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed memory access: kind "read", "write", "execute" or "touched", and the address, None where unknown."""

    kind: str
    address: int | None

    @property
    def classes(self) -> frozenset[str]:
        """What the address is called: "null", "near_null" (null included), or "other"."""
        if self.address is None:
            return frozenset()
        if self.address < NEAR_NULL:
            return frozenset({"near_null", "null"} if self.address == 0 else {"near_null"})
        return frozenset({"other"})


@dataclass(frozen=True, slots=True)
class Call:
    """A level of the telling stack: "module!function" or "module", its first words as a debugger prints them."""

    name: str
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CrashFacts:
    """What conditions may ask of a crash.

    Attributes:
        code: bug check, None for a program's crash. parameters: of it.
        time: UTC or None.
        module, image: whom the verdict blames, None for nobody. level: how sure ("high" … "none"), "" when not judged.
        category: what kind of thing is blamed.
        process: the current process's file name, "" when unknown. uptime: seconds since boot, or None.
        modules: loaded modules; empty when the source lists none. unloaded: names of those that were gone.
        stack: the telling stack, innermost first; empty when unknown. whole_stack: it reaches the call from user mode
            or the thread's start, so that what is not on it was not called.
        findings: of the analysis.
        fault: the access that failed, or None. control_codes: of device control requests on the stack.
        bucket, signature: names of the crash, or "".
        build: of Windows, or None. architecture: "x86", "x64", "arm64" or "".
        effect: "crash", or "hang" for a dump somebody forced out of a hanging system.
        evidence, where: for citations.
    """

    code: int | None
    parameters: tuple[int, ...] = ()
    time: datetime | None = None
    module: str | None = None
    image: str | None = None
    level: str = ""
    category: str = ""
    process: str = ""
    uptime: float | None = None
    modules: tuple[ModuleSeen, ...] = ()
    unloaded: tuple[str, ...] = ()
    stack: tuple[Call, ...] = ()
    whole_stack: bool = False
    findings: tuple[FindingSeen, ...] = ()
    fault: Fault | None = None
    control_codes: tuple[int, ...] = ()
    bucket: str = ""
    signature: str = ""
    build: int | None = None
    architecture: str = ""
    effect: str = "crash"
    evidence: str = ""
    where: str = ""

    def cite(self, what: str = "") -> tuple[Cited, ...]:
        """Cite the crash, or a place in it."""
        return (Cited(self.evidence, what or self.where or "the dump"),)


FactQuery = Callable[[str], Sequence[SeenFact]]
"""Fact kind → what is known of that kind for the host."""
EventQuery = Callable[[Sequence[str], datetime | None, datetime | None], Iterable[SeenEvent]]
"""Event kinds, from, until (None is open) → the host's events, the newest first."""
NamedQuery = Callable[[str], Mapping[str, Sequence[SeenFact]]]
"""Fact kind → the facts of that kind for the host, by stem."""
CoverQuery = Callable[[Sequence[str], datetime | None, datetime | None], bool]
"""Event kinds, from, until → whether some evidence would show them, had they happened."""


def no_facts(kind: str) -> Sequence[SeenFact]:  # noqa: ARG001
    """Know nothing."""
    return ()


def no_events(kinds: Sequence[str], start: datetime | None, end: datetime | None) -> Iterable[SeenEvent]:  # noqa: ARG001
    """Know nothing."""
    return ()


def no_cover(kinds: Sequence[str], start: datetime | None, end: datetime | None) -> bool:  # noqa: ARG001
    """Say that no evidence covers any time."""
    return False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that an issue's conditions may ask.

    Attributes:
        crash: the crash in question, or None: then only the host is judged.
        facts, events, covered: queries on the host's evidence; by default nothing is known.
        named: the facts of a kind by the stem of the driver they are about, when somebody keeps such an index.
        host: its name, for sentences, or "".
    """

    crash: CrashFacts | None = None
    facts: FactQuery = no_facts
    events: EventQuery = no_events
    covered: CoverQuery = no_cover
    host: str = ""
    named: NamedQuery | None = None
