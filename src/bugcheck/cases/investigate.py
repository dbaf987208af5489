"""A folder of evidence → a Case: every file read, one timeline, known issues, hypotheses weighed, a plan, a watch.

Source: the stages before this one.

A file that was read before (same path and hash, by the same bugcheck) is not read again, so that adding one log to a
case of a hundred costs that one log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bugcheck.cases.fingerprint import fingerprint
from bugcheck.evidence.evidence import CrashSeen, Evidence, Quality, Record
from bugcheck.evidence.intake import Intake, Unreadable, shown_path
from bugcheck.evidence.reading import Sink, identity, read_source
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.hypotheses.integrity import missing_files
from bugcheck.hypotheses.investigation import Investigation, IssueMatch
from bugcheck.hypotheses.issues import Matcher, issue_matches
from bugcheck.hypotheses.weighing import NextTest, Weighed, weigh
from bugcheck.plans.plan import Plan, Treatment, make_plan
from bugcheck.timeline.store import EventStore
from bugcheck.timeline.timeline import Timeline

AsJson = Callable[[Any], str]
"""Turns an Analysis into JSON text; the incident itself never looks into one."""
Progress = Callable[[str, int, int], None]
"""Takes (path being read, files read so far, files in all)."""
UNREADABLE, DUMP = "unreadable", "crash_dump"


@dataclass(frozen=True, slots=True)
class Case:
    """What an investigation came to.

    Attributes:
        folder: as the caller named it. created: when it was investigated, UTC. title: what a person calls it, or "".
        timeline: everything read. investigation: the bundle hypotheses looked at.
        weighed: the hypotheses. issues: known issues that match or nearly do. plan: what to do and how long to watch.
        evidence: every file. gaps: what is not known. seconds: time it took.
    """

    folder: str
    created: datetime
    title: str
    timeline: Timeline
    investigation: Investigation
    weighed: Weighed
    issues: tuple[IssueMatch, ...]
    plan: Plan
    evidence: tuple[Evidence, ...]
    gaps: tuple[Gap, ...]
    seconds: float = 0.0

    @property
    def settings(self) -> dict[str, str]:
        """What people's notes say of the case: title, about, language …"""
        told = self.timeline.facts("setting")
        return {each.fact.name[5:]: each.fact.value for each in told if each.fact.name.startswith("case.")}


def read_evidence(
    intake: Intake, store: EventStore, as_json: AsJson | None = None, progress: Progress | None = None
) -> list[Gap]:
    """Read the folder's files into the store, those already there left alone and those gone taken out.

    Returns what could not be opened. Raises StoreBusy, and LimitExceeded for a folder of too many files.
    """
    files = intake.files()
    before = {each.path: each for each in store.evidence()}
    taken = {each.id for each in before.values()}
    seen: set[str] = set()
    gaps: list[Gap] = []
    sink, beside = _sink(store, as_json), intake.programs_mark()
    for number, path in enumerate(files):
        if progress is not None:
            progress(shown_path(path), number, len(files))
        for source in intake.open(path):
            if isinstance(source, Unreadable):
                gaps.append(Gap(f"what is in {source.path}", source.reason, _remedy(source)))
                _enter_unreadable(store, source, before, taken, seen)
            else:
                _read(source, store, sink, before, taken, seen, beside)
    for path in before.keys() - seen:
        with store.writing():
            store.forget(before[path].id)
    if progress is not None:
        progress("", len(files), len(files))
    return gaps


def _remedy(source: Unreadable) -> str:
    return "give its password: --password TEXT" if "encrypted" in source.reason else ""


def _sink(store: EventStore, as_json: AsJson | None) -> Sink:
    def take(evidence_id: str, record: Record) -> None:
        number = store.add(evidence_id, record)
        if number is not None and as_json and isinstance(record, CrashSeen) and record.analysis is not None:
            store.keep_analysis(number, as_json(record.analysis))

    return take


def _read(
    source: Source,
    store: EventStore,
    sink: Sink,
    before: dict[str, Evidence],
    taken: set[str],
    seen: set[str],
    beside: str,
) -> None:
    """Read a file that was not read so before; `beside` is the word for the program files dumps are held against."""
    seen.add(source.path)
    known = before.get(source.path)

    def reader(kind: str) -> str:
        files = f" beside {beside}" if beside and kind == DUMP else ""
        return fingerprint() + (" with symbols" if source.symbols is not None else "") + files

    if known is not None and known.sha256 == source.sha256 and store.reader(known.id) == reader(known.kind):
        return
    with store.writing():
        if known is not None:
            store.forget(known.id)
        found = read_source(source, identity(source.sha256, taken), sink)
        store.finish(found, reader(found.kind))


def _enter_unreadable(
    store: EventStore, source: Unreadable, before: dict[str, Evidence], taken: set[str], seen: set[str]
) -> None:
    """List what could not be opened among the evidence: it was there, and nobody read it."""
    seen.add(source.path)
    known = before.get(source.path)
    with store.writing():
        if known is not None:
            store.forget(known.id)
        key = identity(f"{abs(hash_of(source.path)):012x}", taken)
        store.finish(
            Evidence(key, "", source.path, "", 0, UNREADABLE, Quality.UNREADABLE, "not opened", notes=(source.reason,))
        )


def hash_of(path: str) -> int:
    """A number for a path, the same in every run."""
    from zlib import crc32

    return crc32(path.encode("utf-8", "surrogatepass"))


def investigate(
    intake: Intake,
    store: EventStore,
    matcher: Matcher,
    now: datetime,
    *,
    as_json: AsJson | None = None,
    progress: Progress | None = None,
    language: str = "en",
) -> Case:
    """Read, order, compare, weigh and plan.

    Args:
        intake: the folder and how it is read. store: where events go. matcher: compares known issues.
        now: the time of the investigation, UTC. as_json: how analyses are kept, or None.
        language: of known issues' texts ("en", "zh").

    Raises:
        StoreBusy: the store cannot be written. LimitExceeded: too many files.
    """
    gaps = read_evidence(intake, store, as_json, progress)
    timeline = Timeline(store)
    timeline.settle()
    return conclude(intake.folder, timeline, matcher, now, gaps, language)


def conclude(
    folder: str, timeline: Timeline, matcher: Matcher, now: datetime, gaps: Sequence[Gap] = (), language: str = "en"
) -> Case:
    """Compare, weigh and plan on a timeline that is read already; `gaps`: what could not be read."""
    matches = tuple(issue_matches(timeline, matcher, language))
    investigation = Investigation(timeline, matches)
    weighed = weigh(investigation)
    plan = make_plan(investigation, weighed)
    if weighed.next_test is None and plan.steps:
        weighed = replace(weighed, next_test=_by_treating(plan.steps[0]))
    told = [each.fact.value for each in timeline.facts("setting", name="case.title")]
    return Case(
        folder=folder,
        created=now,
        title=told[0] if told else "",
        timeline=timeline,
        investigation=investigation,
        weighed=weighed,
        issues=matches,
        plan=plan,
        evidence=tuple(timeline.evidence),
        gaps=(*gaps, *timeline.gaps, *weighed.gaps, *missing_files(investigation)),
    )


def _by_treating(step: Treatment) -> NextTest:
    """Where no look tells more, the first treatment is the test."""
    return NextTest("whether the crashes end with the first step of the plan", step.text, step.proves, step.acts_on)
