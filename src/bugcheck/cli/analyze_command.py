"""`bugcheck analyze`: one screen per dump, JSON Lines, a line each, or a report in another format."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from bugcheck import Analysis
from bugcheck.api import Outcome, analyze_all, shielded
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import (
    complain,
    output,
    takes_long,
    transfer_progress,
    wants_colour,
    width_of,
    with_progress,
)
from bugcheck.errors import BugcheckError, UsageError

if TYPE_CHECKING:
    from bugcheck.api import CrashRecord


def run(options: Namespace) -> int:
    """Analyse the files; returns the highest exit status."""
    if options.json:
        options.format = "json"
    if options.era and options.format != "windbg":
        raise UsageError("--era chooses the names of the windbg format: say --format windbg too")
    try:
        if _is_folder(options.output):
            from bugcheck.cli.report_folder import write_reports

            return write_reports(_outcomes(options), options)
        with output(options.output) as stream:
            return _write_all(options, stream)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        complain(f"{options.output}: {error.strerror}")
        return 2


def _is_folder(path: str | None) -> bool:
    from os.path import isdir

    return path is not None and (path.endswith(("/", "\\")) or isdir(path))  # noqa: PTH112 (pathlib costs 10 ms)


def _write_all(options: Namespace, stream: TextIO) -> int:
    status = 0
    records: list[CrashRecord] = []
    for index, outcome in enumerate(_outcomes(options)):
        if index and options.format == "html":
            raise UsageError("one page shows one dump: give --output FOLDER for a page of each")
        status = max(status, _show(outcome, options, stream, index))
        if outcome.analysis is not None and options.format == "text" and not options.quiet:
            records.extend(_record(outcome.analysis))
    stream.write(_together(records, options, stream))
    return status


def _record(analysis: Analysis) -> list[CrashRecord]:
    from bugcheck.api import crash_record

    record = crash_record(analysis)
    return [record] if record else []


def _together(records: list[CrashRecord], options: Namespace, stream: TextIO) -> str:
    """Write one verdict for each machine with several dumps."""
    if len(records) < 2:
        return ""
    from bugcheck.api import combine
    from bugcheck.reports.combined_document import combined_document
    from bugcheck.reports.formats.text import draw

    colour = options.output is None and wants_colour(options, stream)
    drawn = (draw(combined_document(each), colour=colour, width=width_of(stream)) for each in combine(records))
    return "".join(f"\n══ together ══\n{text}" for text in drawn)


def _outcomes(options: Namespace) -> Iterator[Outcome]:
    with transfer_progress(not takes_long(options.files)) as progress:  # rich draws one display at a time
        outcomes = analyze_all(
            options.files,
            hash_file=options.format in ("json", "html"),
            standard_input=sys.stdin.buffer,
            password=password_of(options),
            symbols=symbol_options(options, progress),
            scan=not options.no_scan,
            images=options.image,
        )
        yield from with_progress(outcomes, options.files, "analysing")


def _show(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> int:
    """Write one answer; returns its exit status."""
    text = None
    if outcome.analysis is not None:
        text = shielded(outcome.path, lambda: _render(outcome, options, stream, index))
        if isinstance(text, UsageError):
            raise text
        if isinstance(text, BugcheckError):
            outcome, text = Outcome(outcome.path, None, text), None
    if text is None:
        complain(str(outcome.error))
        text = _json_line(_error_json(outcome)) if options.format == "json" else ""
    stream.write(text)
    return outcome.exit_status


def _render(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> str:
    assert outcome.analysis is not None
    if options.quiet and options.format == "text":
        return _line(outcome)
    if options.format == "text":
        return _screen(outcome, options, stream, index)
    if options.format == "json":
        from bugcheck.reports.analysis_json import analysis_json

        return _json_line(analysis_json(outcome.analysis))
    from bugcheck.api import render

    return ("\n" if index else "") + render(outcome.analysis, options.format, era=options.era)


def _json_line(value: object) -> str:
    from json import dumps

    return dumps(value, ensure_ascii=True) + "\n"


def _error_json(outcome: Outcome) -> dict[str, object]:
    from bugcheck.reports.analysis_json import SCHEMA

    error = outcome.error
    return {
        "schema": SCHEMA,
        "file": {"path": outcome.path},
        "error": {
            "kind": type(error).__name__,
            "reason": getattr(error, "reason", str(error)),
            "offset": getattr(error, "offset", None),
        },
    }


def _line(outcome: Outcome) -> str:
    from bugcheck.reports.escape import printable

    assert outcome.analysis is not None
    check = outcome.analysis.bugcheck
    code = f"{check.recorded_code:#x} {check.name}  " if check else ""
    return printable(f"{outcome.path}: {code}{outcome.analysis.headline}") + "\n"


def _screen(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> str:
    from bugcheck.reports.analysis_document import analysis_document
    from bugcheck.reports.escape import printable
    from bugcheck.reports.formats.text import draw

    assert outcome.analysis is not None
    head = ""
    if index or len(options.files) > 1 or outcome.path != options.files[0]:
        head = ("\n" if index else "") + f"── {printable(outcome.path)} ──\n"
    document = analysis_document(outcome.analysis, verbose=options.verbose, modules=options.modules)
    colour = options.output is None and wants_colour(options, stream)
    return head + draw(document, colour=colour, width=width_of(stream))
