"""`bugcheck watch`: has it crashed again, is it the same crash, and what is to be done now."""

from __future__ import annotations

import sys
from argparse import Namespace
from json import dumps
from time import sleep
from typing import TYPE_CHECKING

from bugcheck.api.case import look, watcher
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import reading_progress
from bugcheck.errors import UsageError
from bugcheck.reports.case_record_json import watch_json

if TYPE_CHECKING:
    from bugcheck.api.case import Watcher, WatchReport

STATUS = {"quiet": 0, "same_crash": 1, "unreadable": 3, "another_crash": 5}
PAUSE = 2.0
"""Seconds between the two looks of `--once` when a file is still being written."""


def run(options: Namespace) -> int:
    """Watch; 0 quiet, 1 the same crash again, 3 a dump could not be read, 5 another crash; 130 when ended by Ctrl-C."""
    if options.interval <= 0:
        raise UsageError("--interval takes a number of seconds above 0")
    with reading_progress() as progress:
        watch = watcher(
            options.case,
            options.folder,
            password=password_of(options),
            symbols=symbol_options(options),
            progress=progress,
        )
        if options.once:
            return _once(watch, options)
    return _forever(watch, options)


def _once(watch: Watcher, options: Namespace) -> int:
    report = look(watch)
    if report.waiting and report.state == "quiet":
        sleep(PAUSE)
        report = look(watch)
    _tell(watch, report, options)
    return STATUS[report.state]


def _forever(watch: Watcher, options: Namespace) -> int:
    told = ""
    try:
        while True:
            report = look(watch)
            state = f"{report.state} {report.is_over}"
            if report.new or state != told:
                _tell(watch, report, options)
            told = state
            sleep(options.interval)
    except KeyboardInterrupt:
        return 130


def _tell(watch: Watcher, report: WatchReport, options: Namespace) -> None:
    if options.json:
        sys.stdout.write(dumps(watch_json(watch.case, report)) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    sys.stdout.flush()


def _lines(report: WatchReport) -> list[str]:
    lines = [f"{report.time:%Y-%m-%d %H:%M:%S} UTC  {report.state.replace('_', ' ')}"]
    for each in report.new:
        lines.append(f"  {each.verdict.replace('_', ' ')}: {each.path}: {each.why}")
        if each.seen:
            lines.append(f"    {each.seen.headline}")
    lines += [f"  being written: {path}" for path in report.waiting]
    lines += [f"  changed: {words}" for words in report.changes]
    if report.next_step:
        lines.append(f"  now: step {report.next_step.step}: {report.next_step.text}  [{report.next_step.target}]")
    elif report.ready:
        lines.append(f"  if it crashes again: step {report.ready.step}: {report.ready.text}")
    until = report.plan.watch.until
    if report.is_over:
        lines.append(f"  quiet for long enough: step {report.taken.step if report.taken else ''} counts as the fix")
    elif until and until > report.time:
        lines.append(f"  quiet until {until:%Y-%m-%d %H:%M} UTC would mean it was not chance")
    return lines
