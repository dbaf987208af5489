"""A folder, its store and the time → an investigation that is kept: what came out, what changed since the last time.

Source: the stages before this one; `store.py` keeps what must outlive a process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

from bugcheck.cases.investigate import AsJson, Case, Progress, investigate
from bugcheck.cases.store import CaseStore, Change, Custody, Decision
from bugcheck.errors import BugcheckError
from bugcheck.evidence.intake import Intake
from bugcheck.gaps import Gap
from bugcheck.hypotheses.issues import Matcher
from bugcheck.timeline.store import EventStore


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
        StoreBusy: another process is investigating the same folder. LimitExceeded: too many files.
    """
    started = perf_counter()
    store, gap = _store(intake.folder, now) if keep and Path(intake.folder).is_dir() else (None, None)
    events = EventStore(store.timeline_path if store else ":memory:")
    case = investigate(intake, events, matcher, now, as_json=as_json, progress=progress, language=language)
    seconds = perf_counter() - started
    case = replace(case, gaps=(*case.gaps, gap) if gap else case.gaps, seconds=seconds)
    if store is None:
        return Investigated(case)
    custody, changed = store.take_custody(case.evidence, now), store.keep(case)
    return Investigated(case, store.id, str(store.home), tuple(changed), tuple(custody), tuple(store.decisions()))


def _store(folder: str, now: datetime) -> tuple[CaseStore | None, Gap | None]:
    try:
        return CaseStore(folder, now), None
    except BugcheckError as error:
        return None, Gap("this case the next time", f"it could not be kept: {error}")
