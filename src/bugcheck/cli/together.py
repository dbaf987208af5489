"""Several dumps of a machine → its one verdict, behind the dumps' own or alone (`--together`), in every format."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, TextIO

from bugcheck.cli.terminal import wants_colour, width_of

if TYPE_CHECKING:
    from bugcheck.api import CombinedVerdict, CrashRecord

FORMATS = ("text", "json", "markdown", "html")
"""Formats that have a form for a verdict over several dumps."""


def together_text(records: list[CrashRecord], options: Namespace, stream: TextIO) -> str:
    """Write one verdict for each machine with several dumps; "" where there is none."""
    if len(records) < 2 or options.format not in FORMATS:
        return ""
    from bugcheck.api import combine

    found = combine(records)
    if not found:
        return ""
    if options.format == "json":
        return json_lines(found)
    if options.format == "text":
        return _screens(found, options, stream)
    from bugcheck.api import render_together

    text = render_together(found, options.format)
    return f"\n---\n\n{text}" if options.format == "markdown" and not options.together else text


def json_lines(found: list[CombinedVerdict]) -> str:
    """Write verdicts over several dumps as JSON, one on a line."""
    from json import dumps

    from bugcheck.reports.combined_json import combined_json

    return "".join(dumps(combined_json(each), ensure_ascii=True) + "\n" for each in found)


def _screens(found: list[CombinedVerdict], options: Namespace, stream: TextIO) -> str:
    from bugcheck.reports.combined_document import combined_document
    from bugcheck.reports.formats.text import draw

    colour = options.output is None and wants_colour(options, stream)
    drawn = [draw(combined_document(each), colour=colour, width=width_of(stream)) for each in found]
    if options.together:
        return "\n".join(drawn)
    return "".join(f"\n══ together ══\n{text}" for text in drawn)
