"""Situations to test known issues against, put together by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bugcheck.evidence.evidence import Fact, FindingSeen, ModuleSeen
from bugcheck.known_issues.situation import Call, CrashFacts, Fault, SeenEvent, SeenFact, Situation

CRASHED = datetime(2006, 4, 19, 11, 3, 27, tzinfo=UTC)
LINKED = int(datetime(2003, 10, 24, 23, 30, tzinfo=UTC).timestamp())
MODULES = tuple(ModuleSeen(f"other{number}", f"other{number}.sys", "", 0, 0, 0) for number in range(10))
DRIVER = ModuleSeen("acmefilt", "AcmeFilt.sys", "", LINKED, 0x8000, 0, version="3.6.0.12")


def crash(**changes: object) -> CrashFacts:
    """A 0x8E in AcmeFilt, which read near null in NtOpenSection."""
    values: dict[str, object] = {
        "code": 0x8E,
        "parameters": (0xC0000005, 0xF535E785, 0xF4C0BB54, 0),
        "time": CRASHED,
        "module": "acmefilt",
        "image": "AcmeFilt.sys",
        "level": "medium",
        "category": "driver",
        "process": "acmesvc.exe",
        "uptime": 3600.0,
        "modules": (*MODULES, DRIVER),
        "unloaded": ("oldfilter.sy",),
        "stack": (
            Call("acmefilt"),
            Call("nt!NtOpenSection", (0x12FF00, 4, 0)),
            Call("nt!KiFastCallEntry"),
        ),
        "whole_stack": True,
        "findings": (FindingSeen("poison_address", "a store to [null+0x4]", 0.05, "driver", None),),
        "fault": Fault("read", 4),
        "control_codes": (0x222034,),
        "bucket": "0x8E_acmefilt+9785",
        "signature": "8e c0000005|acmefilt|read null",
        "build": 3790,
        "architecture": "x86",
        "where": "acme.dmp",
    }
    return CrashFacts(**(values | changes))  # type: ignore[arg-type]


def event(kind: str, minutes_before: float, **fields: str) -> SeenEvent:
    time = CRASHED - timedelta(minutes=minutes_before)
    return SeenEvent(time, kind, f"{kind} happened", "record 7", "System", 7, fields, "e1")


def situation(
    crash_facts: CrashFacts | None = None,
    facts: Sequence[Fact] = (),
    events: Sequence[SeenEvent] = (),
    *,
    covered: bool = False,
) -> Situation:
    """A situation of a crash, facts and events; `covered`: the logs cover every time."""

    def facts_of(kind: str) -> list[SeenFact]:
        return [SeenFact(fact, "f1") for fact in facts if fact.kind == kind]

    def events_of(kinds: Sequence[str], start: datetime | None, end: datetime | None) -> list[SeenEvent]:
        return [
            seen
            for seen in events
            if seen.kind in kinds and (not start or seen.time >= start) and (not end or seen.time <= end)
        ]

    return Situation(crash_facts, facts_of, events_of, lambda *_: covered, "A")


def software(*names: tuple[str, str]) -> list[Fact]:
    """A list of installed programs long enough to count as whole."""
    padding = [(f"Other {number}", "1.0") for number in range(6)]
    return [Fact("software", name, version, "row 1") for name, version in (*names, *padding)]
