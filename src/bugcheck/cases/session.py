"""A folder, its store and the time → an investigation that is kept: what came out, what changed since the last time.

Source: the stages before this one; `store.py` keeps what must outlive a process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from sqlite3 import OperationalError
from time import perf_counter

from bugcheck.cases.investigate import UNREADABLE, AsJson, Case, Progress, conclude, investigate
from bugcheck.cases.kept_plan import kept_plan, plan_text, with_decisions, with_promise
from bugcheck.cases.store import CaseStore, Change, Custody, Decision, NotWritable
from bugcheck.errors import UsageError
from bugcheck.evidence.intake import Intake
from bugcheck.gaps import Gap
from bugcheck.hypotheses.issues import Matcher
from bugcheck.timeline.store import EventStore, StoreBusy
from bugcheck.timeline.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Investigated:
    """An investigation and what is kept of it.

    Attributes:
        case: what came out. id: of the case, "" when it is not kept. store: the folder it is kept in, or "".
        changes: what became of hypotheses since the last time. custody: files added, changed or gone since then.
        decisions: what people decided, oldest first.
    """

    case: Case
    id: str = ""
    store: str = ""
    changes: tuple[Change, ...] = ()
    custody: tuple[Custody, ...] = ()
    decisions: tuple[Decision, ...] = ()


def run(
    intake: Intake,
    matcher: Matcher,
    now: datetime,
    *,
    keep: bool = True,
    as_json: AsJson | None = None,
    progress: Progress | None = None,
    language: str = "en",
) -> Investigated:
    """Investigate a folder and keep the case in it.

    A folder that cannot be written to is investigated all the same; a gap says that nothing was kept.

    Raises:
        UsageError: the case's store is damaged. StoreBusy: another process is investigating the same folder.
        LimitExceeded: too many files.
    """
    started = perf_counter()

    def work(events: EventStore) -> Case:
        return investigate(intake, events, matcher, now, as_json=as_json, progress=progress, language=language)

    store, gap = _store(intake.folder, now) if keep and Path(intake.folder).is_dir() else (None, None)
    if store is None:
        case = work(EventStore())
        seconds = perf_counter() - started
        return Investigated(replace(case, gaps=(*case.gaps, gap) if gap else case.gaps, seconds=seconds))
    with store.investigating():
        intake = replace(intake, also=store.kept_dumps())
        decisions = store.decisions()
        case = work(_events(store))
        plan = with_promise(case.plan, kept_plan(store), decisions)
        case = replace(case, plan=with_decisions(plan, decisions), seconds=perf_counter() - started)
        custody, changed = store.take_custody(case.evidence, now), store.keep(case, plan_text(case.plan))
    store.close()
    return Investigated(case, store.id, str(store.home), tuple(changed), tuple(custody), tuple(decisions))


def reopened(store: CaseStore, matcher: Matcher, language: str = "en") -> Investigated:
    """The investigation a case keeps, without a look at the evidence and dated as it was: the same at any time.

    Raises:
        UsageError: what was read is not kept, or was kept by another bugcheck. StoreBusy: the store cannot be had.
    """
    if not Path(store.timeline_path).is_file():
        raise UsageError(f"{store.folder}: what was read is not kept; `bugcheck investigate {store.folder}` reads it")
    timeline = Timeline(_events(store))
    if not timeline.store.state("settled"):
        raise UsageError(f"{store.folder}: the last investigation was broken off; run `bugcheck investigate` again")
    decisions, custody = store.decisions(), store.custody()
    dates = [store.created, *(line.time for line in custody), *(each.time for each in (*store.runs(), *decisions))]
    unread = [
        Gap(f"what is in {each.path}", "; ".join(each.notes)) for each in timeline.evidence if each.kind == UNREADABLE
    ]
    case = conclude(store.folder, timeline, matcher, max(dates), unread, language)
    case = replace(case, plan=with_decisions(case.plan, decisions))
    return Investigated(case, store.id, str(store.home), (), (), tuple(decisions))


def _events(store: CaseStore) -> EventStore:
    """Open the timeline's database; a damaged one is thrown away, for the evidence has all that is in it."""
    try:
        return EventStore(store.timeline_path)
    except StoreBusy as error:
        if isinstance(error.__cause__, OperationalError):
            raise
        for suffix in ("", "-wal", "-shm"):
            Path(store.timeline_path + suffix).unlink(missing_ok=True)
        return EventStore(store.timeline_path)


def _store(folder: str, now: datetime) -> tuple[CaseStore | None, Gap | None]:
    try:
        return CaseStore(folder, now), None
    except NotWritable as error:
        return None, Gap("this case the next time", f"it could not be kept: {error}")
