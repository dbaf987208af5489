"""`bugcheck modules`: what was loaded, where, and what it is."""

from __future__ import annotations

import sys
from argparse import Namespace

from bugcheck.api import analyze_all
from bugcheck.cli.arguments import password_of
from bugcheck.cli.terminal import complain, output, wants_colour
from bugcheck.reports.document import Document

WIDE = 400
"""Tables are not wrapped: a line per module, however long."""


def run(options: Namespace) -> int:
    """List the modules of each file; returns the highest exit status."""
    status = 0
    with output(None) as stream:
        for outcome in analyze_all(
            options.files, hash_file=False, standard_input=sys.stdin.buffer, password=password_of(options)
        ):
            if outcome.analysis is None:
                complain(str(outcome.error))
                status = max(status, outcome.exit_status)
                continue
            status = max(status, 4 if outcome.exit_status == 4 else 0)
            if options.json:
                from json import dumps

                from bugcheck.reports.analysis_json import analysis_json

                value = analysis_json(outcome.analysis)
                keys = ("unloaded_modules",) if options.unloaded else ("modules", "unloaded_modules")
                stream.write(dumps({"file": value["file"], **{key: value[key] for key in keys}}) + "\n")
            else:
                from bugcheck.reports.analysis_document import module_tables
                from bugcheck.reports.formats.text import draw

                tables = tuple(module_tables(outcome.analysis))[1 if options.unloaded else 0 :]
                colour = wants_colour(options, stream)
                stream.write(draw(Document(outcome.path, tables), colour=colour, width=WIDE))
    return status
