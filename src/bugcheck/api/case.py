"""A case that is kept → what it holds, decisions, custody, the watch: the verbs of a case.

Source: the stages; as in `bugcheck.api`, nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bugcheck.api.incident import check_language, investigate
from bugcheck.errors import UsageError
from bugcheck.records import dataclass
from bugcheck.symbols.options import SymbolOptions

if TYPE_CHECKING:
    from pathlib import Path

    from bugcheck.cases.bundle import Written
    from bugcheck.cases.custody import Verified
    from bugcheck.cases.redaction import Redactor
    from bugcheck.cases.session import Investigated
    from bugcheck.cases.store import CaseStore, Decision
    from bugcheck.cases.watch import Watcher, WatchReport
    from bugcheck.gaps import Gap


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: the zip file, its members, what was left out and why, and the file of pseudonyms ("" for none)."""

    path: str
    members: tuple[Written, ...]
    left_out: tuple[Gap, ...]
    pseudonyms: str


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

    A step that was taken is evidence too: a crash like those before it speaks against the hypothesis it acts on.

    Raises:
        UsageError: the plan has no such step, or the folder cannot be written.
    """
    from bugcheck.cases.kept_plan import kept_plan
    from bugcheck.cases.opinions import action, append_opinion

    plan = kept_plan(store)
    steps = {each.step: each for each in plan.steps} if plan else {}
    if step is not None and step not in steps:
        raise UsageError(f"the plan has no step {step}; it has {len(steps)}")
    now, treatment = datetime.now(UTC), steps[step].text if step is not None else ""
    if step is not None:
        append_opinion(store.folder, action(f"{text} ({treatment})", steps[step].acts_on, by=by, when=now))
    store.decide(text, by, now, step, treatment)
    return store.decisions()[-1]


def suspect(
    store: CaseStore,
    name: str,
    mechanism: str,
    *,
    by: str = "",
    subject: str = "",
    prior: float | None = None,
    expects: Iterable[tuple[str, float, float]] = (),
    treatments: Iterable[str] = (),
) -> Path:
    """Enter a suspicion of one's own, weighed beside the others from the next investigation on; returns its file.

    Args:
        expects: (kind of event, within how many minutes before each crash, weight in log-odds).

    Raises:
        UsageError: it has no name or mechanism, no events have such a kind, or the folder cannot be written.
    """
    from bugcheck.cases.opinions import Expected, append_opinion, suspicion
    from bugcheck.knowledge.tables import table

    if not name.strip() or not mechanism.strip():
        raise UsageError("a suspicion has a name and a mechanism: how it would lead to the crashes")
    expected = [Expected(*each) for each in expects]
    lines = [line for line in table("event_kinds.tsv").decode().splitlines() if "\t" in line and line[0] != "#"]
    kinds = [line.partition("\t")[0] for line in lines[1:]]
    for each in expected:
        if each.event not in kinds:
            raise UsageError(f"{each.event!r} is no kind of event; kinds are {', '.join(kinds)}")
    now = datetime.now(UTC)
    entry = suspicion(
        name, mechanism, by=by, when=now, subject=subject, prior=prior, expects=expected, treatments=treatments
    )
    return append_opinion(store.folder, entry)


def judge(
    store: CaseStore,
    hypothesis: str,
    reason: str,
    *,
    by: str = "",
    state: str = "",
    add: float | None = None,
    withdraw: bool = False,
) -> Path:
    """Set a hypothesis's state, add to its log-odds, or take back what was set; kept with the reason.

    Raises:
        UsageError: the case has no such hypothesis, there is nothing or too much to do, or it cannot be written.
    """
    from bugcheck.cases.opinions import append_opinion, judgement
    from bugcheck.hypotheses.hypothesis import State

    runs = store.runs()
    keys = [each.key for each in runs[-1].standings] if runs else []
    if hypothesis not in keys and hypothesis not in {key.partition(":")[0] for key in keys}:
        raise UsageError(f"{hypothesis!r} is no hypothesis of this case; it has: {', '.join(keys) or 'none'}")
    if sum((bool(state), add is not None, withdraw)) != 1:
        raise UsageError("set a state, or add to the log-odds, or withdraw: one of them")
    states = [each.value for each in State]
    if state and state not in states:
        raise UsageError(f"{state!r} is no state; states are {', '.join(states)}")
    if not reason.strip():
        raise UsageError("say why: the reason is kept")
    now = datetime.now(UTC)
    entry = judgement(hypothesis, reason, by=by, when=now, state=state, add=add, withdraw=withdraw)
    return append_opinion(store.folder, entry)


def verify_case(store: CaseStore, *, password: bytes | None = None) -> Verified:
    """Tell whether the evidence still has the hashes it was taken in with."""
    from bugcheck.cases.custody import verify

    return verify(store, password)


def export_case(
    store: CaseStore,
    output: str | os.PathLike[str],
    *,
    redact: bool = False,
    hide: Iterable[str] = (),
    memory: bool = False,
    evidence: bool = False,
    force: bool = False,
    language: str = "en",
    known_issues: str | None = None,
) -> Exported:
    """Write a case into one zip file to share: reports, timeline, custody, a manifest with hashes.

    Args:
        store: of the case. output: the zip file. force: replace one that is there.
        redact: replace names of hosts, people and domains, addresses and serial numbers, the same by the same.
        hide: further texts to replace. memory: registers, stack words and dumps as well. evidence: the files, too.
        language: of the reports. known_issues: as for `investigate`.

    Raises:
        UsageError: what is asked for contradicts itself, or the file cannot be written.
        StoreBusy: the case cannot be had. NameLeft: a name would have been left; nothing was written.
    """
    from pathlib import Path

    from bugcheck.api import known_issue_library
    from bugcheck.cases.bundle import write_bundle
    from bugcheck.cases.pseudonyms import keep_pseudonyms
    from bugcheck.cases.session import reopened
    from bugcheck.reports.case_bundle import CaseBundle

    check_language(language)
    path, hide = Path(output), tuple(hide)
    _check_export(store, path, Path(store.folder).resolve(), redact=redact, hide=hide, memory=memory, evidence=evidence)
    investigated = reopened(store, known_issue_library(known_issues).matches, language)
    redactor = _redactor(store, investigated, hide) if redact else None
    bundle = CaseBundle(investigated, store, language, redactor, memory, evidence)
    with store.investigating():
        written = write_bundle(path, bundle.pieces(), bundle.about, force=force)
        names = keep_pseudonyms(store.home, redactor.pseudonyms) if redactor else None
    return Exported(str(path), tuple(written), tuple(bundle.left_out), str(names) if names else "")


def _check_export(
    store: CaseStore, path: Path, folder: Path, *, redact: bool, hide: tuple[str, ...], memory: bool, evidence: bool
) -> None:
    if redact and evidence:
        raise UsageError("--redact and --with-evidence contradict each other: the files tell every name")
    if redact and memory:
        raise UsageError("--redact and --with-memory contradict each other: memory may hold any name")
    if hide and not redact:
        raise UsageError("--hide goes with --redact")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the zip file to write")
    if path.resolve().is_relative_to(folder) and not path.resolve().is_relative_to(store.home.resolve()):
        raise UsageError(f"{path} is in the case's folder, where it would be read as evidence; write it elsewhere")


def _redactor(store: CaseStore, investigated: Investigated, hide: tuple[str, ...]) -> Redactor:
    from bugcheck.cases.case_names import redactor_for
    from bugcheck.cases.pseudonyms import kept_pseudonyms
    from bugcheck.reports.case_bundle import README, REDACTED
    from bugcheck.reports.case_words import words_of
    from bugcheck.reports.language_files import language_file, languages

    wording = [text for code in languages() for text in words_of(code).values()]
    wording += [text for code in languages() for pair in language_file(code).sentences for text in pair]
    wording += [README, REDACTED]
    return redactor_for(investigated.case, store, kept_pseudonyms(store.home), hide, wording)


def translate(store: CaseStore, text: str) -> str:
    """Put the real names back into a text that a redacted export, or somebody who read it, gave.

    Raises:
        UsageError: the case has no pseudonyms, or their file is damaged.
    """
    from bugcheck.cases.pseudonyms import kept_pseudonyms, translated

    pseudonyms = kept_pseudonyms(store.home)
    if not pseudonyms.kinds:
        raise UsageError(f"{store.folder}: no redacted export was made of this case")
    return translated(text, pseudonyms)


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


__all__ = [
    "Exported",
    "decide",
    "export_case",
    "list_cases",
    "look",
    "open_case",
    "translate",
    "verify_case",
    "watcher",
]
