"""A case that is kept → what it holds, decisions, custody, the watch: the verbs of a case.

Source: the stages; as in `bugcheck.api`, nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bugcheck.api.incident import investigate
from bugcheck.errors import UsageError
from bugcheck.symbols.options import SymbolOptions

if TYPE_CHECKING:
    from bugcheck.cases.custody import Verified
    from bugcheck.cases.session import Investigated
    from bugcheck.cases.store import CaseStore, Decision
    from bugcheck.cases.watch import Watcher, WatchReport


def list_cases(root: str = ".") -> list[CaseStore]:
    """Cases at or below a folder. Raises StoreBusy, and UsageError for a damaged one."""
    from bugcheck.cases.custody import cases_under

    return [open_case(folder) for folder in cases_under(root)]


def open_case(folder: str | os.PathLike[str]) -> CaseStore:
    """Open the store of a folder that was investigated.

    Raises:
        UsageError: it was not, or its store is damaged. StoreBusy: it cannot be had.
    """
    from bugcheck.cases.store import CaseStore, is_case

    path = os.fspath(folder)
    if not is_case(path):
        raise UsageError(f"{path}: no case; `bugcheck investigate {path}` makes one")
    return CaseStore(path, datetime.now(UTC))


def decide(store: CaseStore, text: str, *, by: str = "", step: int | None = None) -> Decision:
    """Enter what was decided or done; with a step of the plan, the watch counts from now.

    Raises:
        UsageError: the plan has no such step.
    """
    from bugcheck.cases.kept_plan import plan_of

    kept = store.plan()
    steps = {each.step: each for each in plan_of(kept).steps} if kept else {}
    if step is not None and step not in steps:
        raise UsageError(f"the plan has no step {step}; it has {len(steps)}")
    store.decide(text, by, datetime.now(UTC), step, steps[step].text if step is not None else "")
    return store.decisions()[-1]


def verify_case(store: CaseStore, *, password: bytes | None = None) -> Verified:
    """Tell whether the evidence still has the hashes it was taken in with."""
    from bugcheck.cases.custody import verify

    return verify(store, password)


def watcher(
    case: str | os.PathLike[str],
    folder: str,
    *,
    password: bytes | None = None,
    symbols: SymbolOptions | None = None,
    known_issues: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Watcher:
    """Watch a folder for a case; the case is investigated when it was not yet.

    Raises:
        UsageError: there is no such folder.
    """
    from bugcheck.cases.store import is_case
    from bugcheck.cases.watch import Watcher

    if not os.path.isdir(folder):  # noqa: PTH112
        raise UsageError(f"{folder}: there is no such folder")

    def anew() -> Investigated:
        return investigate(case, password=password, symbols=symbols, known_issues=known_issues, progress=progress)

    if not is_case(os.fspath(case)):
        anew()
    return Watcher(open_case(case), folder, anew)


def look(watch: Watcher) -> WatchReport:
    """Look at a watched folder once. Raises StoreBusy, LimitExceeded."""
    from bugcheck.cases.watch import look as look_at

    return look_at(watch, datetime.now(UTC))


__all__ = ["decide", "list_cases", "look", "open_case", "verify_case", "watcher"]
