"""`bugcheck analyze`: one screen per dump, JSON Lines, or a line each."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TextIO

from bugcheck.api import Outcome, analyze_all
from bugcheck.cli.terminal import complain, output, wants_colour, width_of, with_progress


def run(options: Namespace) -> int:
    """Analyse the files; returns the highest exit status."""
    status = 0
    try:
        with output(options.output) as stream:
            for index, outcome in enumerate(_outcomes(options)):
                status = max(status, outcome.exit_status)
                _show(outcome, options, stream, index)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        complain(f"{options.output}: {error.strerror}")
        return 2
    return status


def _outcomes(options: Namespace) -> Iterator[Outcome]:
    password = options.password.encode() if options.password else None
    outcomes = analyze_all(options.files, hash_file=options.json, standard_input=sys.stdin.buffer, password=password)
    return with_progress(outcomes, len(options.files), "analysing")


def _show(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> None:
    if outcome.analysis is None:
        complain(str(outcome.error))
        if options.json:
            _write_json(_error_json(outcome), stream)
        return
    if options.json:
        from bugcheck.reports.analysis_json import analysis_json

        _write_json(analysis_json(outcome.analysis), stream)
    elif options.quiet:
        _write_line(outcome, stream)
    else:
        _write_screen(outcome, options, stream, index)


def _write_json(value: object, stream: TextIO) -> None:
    from json import dumps

    stream.write(dumps(value, ensure_ascii=True) + "\n")


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


def _write_line(outcome: Outcome, stream: TextIO) -> None:
    from bugcheck.reports.escape import printable

    assert outcome.analysis is not None
    check = outcome.analysis.bugcheck
    code = f"{check.recorded_code:#x} {check.name}  " if check else ""
    stream.write(printable(f"{outcome.path}: {code}{outcome.analysis.headline}") + "\n")


def _write_screen(outcome: Outcome, options: Namespace, stream: TextIO, index: int) -> None:
    from bugcheck.reports.analysis_document import analysis_document
    from bugcheck.reports.escape import printable
    from bugcheck.reports.formats.text import draw

    assert outcome.analysis is not None
    if index or len(options.files) > 1 or outcome.path != options.files[0]:
        stream.write(("\n" if index else "") + f"── {printable(outcome.path)} ──\n")
    document = analysis_document(outcome.analysis, verbose=options.verbose, modules=options.modules)
    colour = options.output is None and wants_colour(options, stream)
    stream.write(draw(document, colour=colour, width=width_of(stream)))
