"""`bugcheck analyze --output FOLDER`: a file per dump and one for a machine's dumps together, in that folder only."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bugcheck.api import Outcome, combine, crash_record, render, render_together, shielded
from bugcheck.cli.terminal import complain
from bugcheck.cli.together import FORMATS as TOGETHER
from bugcheck.cli.together import json_lines
from bugcheck.errors import BugcheckError, UsageError

if TYPE_CHECKING:
    from bugcheck.api import CrashRecord

SUFFIXES = {"text": ".txt", "json": ".json", "markdown": ".md", "html": ".html", "windbg": ".txt"}
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST = 100
"""Characters of a report's name that come from the dump's."""


def write_reports(outcomes: Iterable[Outcome], options: Namespace) -> int:
    """Write a report of each dump; returns the highest exit status.

    Raises:
        UsageError: no such format or era. OSError: the folder cannot be written to.
    """
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    status = 0
    taken: set[str] = set()
    records: list[CrashRecord] = []
    for outcome in outcomes:
        text = _report(outcome, options)
        if isinstance(text, UsageError):
            raise text
        if isinstance(text, BugcheckError):
            complain(str(text))
            outcome = Outcome(outcome.path, None, text)
        else:
            name = report_name(outcome.path, SUFFIXES.get(options.format, ".txt"), taken)
            (folder / name).write_text(text, encoding="utf-8")
            record = crash_record(outcome.analysis) if outcome.analysis else None
            records += [record] if record else []
        status = max(status, outcome.exit_status)
    _write_together(folder, records, options, taken)
    return status


def _write_together(folder: Path, records: list[CrashRecord], options: Namespace, taken: set[str]) -> None:
    """Write the verdict over several dumps of a machine beside theirs; nothing where there is none."""
    verdicts = combine(records) if options.format in TOGETHER else []
    if verdicts:
        name = report_name("together", SUFFIXES[options.format], taken)
        is_json = options.format == "json"
        text = json_lines(verdicts) if is_json else render_together(verdicts, options.format)
        (folder / name).write_text(text, encoding="utf-8")


def _report(outcome: Outcome, options: Namespace) -> str | BugcheckError:
    analysis = outcome.analysis
    if analysis is None:
        return outcome.error or UsageError(outcome.path)
    return shielded(outcome.path, lambda: render(analysis, options.format, era=options.era))


def report_name(path: str, suffix: str, taken: set[str]) -> str:
    """Name a report after its dump, in characters every system takes, and unlike those `taken` already."""
    last = path.replace("\\", "/").rpartition("/")[2]
    stem = UNSAFE.sub("_", last).strip("._")[:LONGEST] or "dump"
    name, number = stem + suffix, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}{suffix}"
    taken.add(name.lower())
    return name
