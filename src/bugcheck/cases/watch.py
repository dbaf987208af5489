"""A case and a folder where dumps arrive → what is new there, whether it is the same crash, the step to take now.

Source: `recurrence.py` for the verdict, `kept_plan.py` for the step.

Folklore: Windows writes MEMORY.DMP for minutes and over the last one.  So a file counts when its size and time have
stood still, and is copied into the case before it is read: the next crash would take it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

from bugcheck.cases.kept_plan import kept_plan, next_step, step_taken, with_decisions
from bugcheck.cases.recurrence import ANOTHER, KNOWN, NO_DUMP, PENDING, SAME, UNREADABLE, Recurrence, judge
from bugcheck.cases.session import Investigated
from bugcheck.cases.store import CaseStore, Look
from bugcheck.evidence.evidence import parser_of
from bugcheck.evidence.intake import CASE_FOLDER, Intake, Unreadable
from bugcheck.plans.plan import Plan, Treatment

STILL = 60.0
"""Seconds a file must not have changed for, unless two looks in a row find it the same."""
MOST_FILES = 20_000
SPARE = 1 << 30
"""Bytes that must stay free on the disk a dump is copied to."""
QUIET = "quiet"
DUMPS = ("crash_dump", "windbg_log")
Sizes = dict[str, tuple[int, int]]


@dataclass(slots=True)
class Watcher:
    """What a watch needs, and what it remembers from one look to the next.

    Attributes:
        case: the case's store. folder: where dumps arrive. investigate: does it anew, the case's own files included.
        sizes: size and time of the files not yet still at the last look.
    """

    case: CaseStore
    folder: str
    investigate: Callable[[], Investigated]
    sizes: Sizes = field(default_factory=Sizes)


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one look came to.

    Attributes:
        time: of the look, UTC. state: "same_crash", "another_crash", "unreadable" or "quiet".
        new: dumps not seen before. waiting: files still being written.
        plan: as it stands now. taken: its last step that is done. next_step: the step to take now, None while the one
            taken is being watched. ready: the step that will be next if it crashes again.
        changes: what became of hypotheses.
    """

    time: datetime
    state: str
    new: tuple[Recurrence, ...]
    waiting: tuple[str, ...]
    plan: Plan
    taken: Treatment | None
    next_step: Treatment | None
    ready: Treatment | None
    changes: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether it has been quiet for long enough after a step of the plan."""
        until = self.plan.watch.until
        return self.taken is not None and self.state == QUIET and until is not None and self.time >= until


def look(watcher: Watcher, now: datetime) -> WatchReport:
    """Look at the folder once; what is new becomes evidence of the case.

    Raises:
        UsageError, StoreBusy: the case cannot be had. LimitExceeded: too many files.
    """
    store = watcher.case
    files = _files(watcher.folder)
    seen = store.looks()
    fresh = {path: size for path, size in files.items() if seen.get(path) != size}
    still = [path for path, size in fresh.items() if _is_still(size, watcher.sizes.get(path), now)]
    for path in still:
        _take(watcher, path, files[path], now)
    waiting = sorted(fresh.keys() - set(still))
    watcher.sizes = {path: fresh[path] for path in waiting}
    pending = [each for each in store.watched() if each.verdict == PENDING]
    plan, new, changes = kept_plan(store), list[Recurrence](), tuple[str, ...]()
    if pending or plan is None:
        found = watcher.investigate()
        new = _judge(store, found, pending)
        for each in new:
            store.saw(each.sha256, each.path, each.verdict, now)
        plan, changes = found.case.plan, tuple(each.words for each in found.changes)
    return _report(store, plan, new, waiting, changes, now)


def _report(
    store: CaseStore, plan: Plan, new: list[Recurrence], waiting: list[str], changes: tuple[str, ...], now: datetime
) -> WatchReport:
    plan = with_decisions(plan, store.decisions())
    verdicts = {each.verdict for each in new}
    state = next((each for each in (SAME, ANOTHER, UNREADABLE) if each in verdicts), QUIET)
    taken, ready = step_taken(plan), next_step(plan)
    failed = state == SAME and any(each.verdict == SAME and each.after_step is not False for each in new)
    due = ready if failed or (taken is None and not _is_over(plan, now)) else None
    return WatchReport(now, state, tuple(new), tuple(waiting), plan, taken, due, ready, changes)


def _is_over(plan: Plan, now: datetime) -> bool:
    return plan.watch.until is not None and now >= plan.watch.until


def _files(folder: str) -> Sizes:
    """Size and time of every file, by its full path."""
    found: Sizes = {}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != CASE_FOLDER)
        for name in sorted(names):
            path = Path(root, name)
            try:
                status = path.stat()
            except OSError:
                continue  # gone since it was listed
            if status.st_size and len(found) < MOST_FILES:
                found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


def _is_still(size: tuple[int, int], before: tuple[int, int] | None, now: datetime) -> bool:
    return size == before or now.timestamp() - size[1] / 1e9 >= STILL


def _take(watcher: Watcher, path: str, size: tuple[int, int], now: datetime) -> None:
    """Enter a file that stands still: no dump, known, or to be judged."""
    store = watcher.case
    try:
        with Path(path).open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest() if _is_dump(path) else ""
        if digest and digest not in {each.sha256 for each in store.watched()} | store.held():
            store.saw(digest, path, PENDING, now, _keep(store, path, digest))
    except OSError:
        return  # it cannot be read now; the next look tries again
    store.looked(path, size)


def _is_dump(path: str) -> bool:
    """Tell whether a file is a dump, a debugger's log, or an archive that holds one."""
    for source in Intake(path).open(Path(path).name):
        if isinstance(source, Unreadable):
            continue
        parser = parser_of(source)
        if parser is not None and parser.name in DUMPS:
            return True
    return False


def _keep(store: CaseStore, path: str, digest: str) -> str:
    """Copy a dump into the case; returns the path the case knows it by.

    One that lies in the case's folder, or is too large for the disk, stays where it is.
    """
    full, case = Path(path).resolve(), Path(store.folder).resolve()
    if full.is_relative_to(case):
        return full.relative_to(case).as_posix()
    folder = store.home / "watched"
    folder.mkdir(exist_ok=True)
    if shutil.disk_usage(folder).free < full.stat().st_size + SPARE:
        return full.as_posix()
    target = folder / f"{digest[:12]}-{full.name}"
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(full, partial)
    partial.replace(target)
    return target.relative_to(store.home.parent).as_posix()


def _judge(store: CaseStore, found: Investigated, pending: Sequence[Look]) -> list[Recurrence]:
    timeline = found.case.timeline
    owner = {each.id: look for each in timeline.evidence if (look := _of(each.path, pending)) is not None}
    stored = timeline.store.crashes()
    known = [each for each in stored if each.evidence not in owner]
    taken = max((each.time for each in store.decisions() if each.step is not None), default=None)
    judged: list[Recurrence] = []
    for crash in (each for each in stored if each.evidence in owner):
        told = frozenset(
            source.evidence
            for each in timeline.crashes
            if crash.evidence in {source.evidence for source in each.sources}
            for source in each.sources
            if source.evidence != crash.evidence
        )
        file = owner[crash.evidence]
        judged.append(judge(file.path, file.sha256, crash, known, taken, told))
        known.append(crash)
    silent = [each for each in pending if each.sha256 not in {one.sha256 for one in judged}]
    why = "nothing of a crash could be read from it"
    return judged + [Recurrence(each.path, each.sha256, UNREADABLE, None, "", why, None) for each in silent]


def _of(path: str, pending: Sequence[Look]) -> Look | None:
    return next(
        (each for each in pending if each.kept and (path == each.kept or path.startswith(f"{each.kept}/"))), None
    )


__all__ = ["KNOWN", "NO_DUMP", "WatchReport", "Watcher", "look"]
