"""`bugcheck analyze`: one screen per dump, JSON Lines, a line each, or a report in another format."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from bugcheck import Analysis
from bugcheck.api import Outcome, analyze_all, known_issues_told, shielded
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
from bugcheck.cli.together import FORMATS, together_text
from bugcheck.errors import BugcheckError, UsageError

if TYPE_CHECKING:
    from bugcheck.api import CrashRecord

_ONE_PAGE = "one page shows one dump, or several of one machine: give --output FOLDER for a page of each"
_NOT_TOGETHER = "there are no two crashes of one machine among these dumps"


def run(options: Namespace) -> int:
    """Analyse the files; returns the highest exit status."""
    if options.json:
        options.format = "json"
    if options.era and options.format != "windbg":
        raise UsageError("--era chooses the names of the windbg format: say --format windbg too")
    if options.together and (options.quiet or options.format not in FORMATS):
        raise UsageError(f"--together goes with the formats {', '.join(FORMATS)}, and not with --quiet")
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
    """Write what comes of each dump, and behind it or (`--together`) instead the verdict over several."""
    status, read, page = 0, 0, ""
    records: list[CrashRecord] = []
    is_page = options.format == "html" and not options.together
    for index, outcome in enumerate(_outcomes(options)):
        is_shown = not options.together and not (is_page and read)
        text, each = _shown(outcome, options, stream, index) if is_shown else ("", _complained(outcome))
        page += text if is_page else ""
        stream.write("" if is_page else text)
        status, read = max(status, each), read + (outcome.analysis is not None)
        if outcome.analysis is not None and not options.quiet:
            records.extend(_record(outcome.analysis))
    if is_page and read < 2:
        stream.write(page)
    elif options.together or options.format != "json":
        stream.write(_together(records, options, stream, is_page))
    return status


def _together(records: list[CrashRecord], options: Namespace, stream: TextIO, is_page: bool) -> str:
    text = together_text(records, options, stream)
    if not text and (options.together or is_page):
        raise UsageError(_NOT_TOGETHER if options.together else _ONE_PAGE)
    return text


def _complained(outcome: Outcome) -> int:
    """Tell an error; returns the exit status."""
    if outcome.error is not None:
        complain(str(outcome.error))
    return outcome.exit_status


def _record(analysis: Analysis) -> list[CrashRecord]:
    from bugcheck.api import crash_record

    record = crash_record(analysis)
    return [record] if record else []


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


def _shown(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> tuple[str, int]:
    """Put one answer into text; returns it and its exit status."""
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
    return text, outcome.exit_status


def _render(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> str:
    assert outcome.analysis is not None
    if options.quiet and options.format == "text":
        return _line(outcome)
    if options.format == "text":
        return _screen(outcome, options, stream, index)
    if options.format == "json":
        from bugcheck.reports.analysis_json import analysis_json

        return _json_line(analysis_json(outcome.analysis, known_issues_told(outcome.analysis)))
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
    known = known_issues_told(outcome.analysis)
    document = analysis_document(outcome.analysis, verbose=options.verbose, modules=options.modules, known_issues=known)
    colour = options.output is None and wants_colour(options, stream)
    return head + draw(document, colour=colour, width=width_of(stream))
