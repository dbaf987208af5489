"""`bugcheck explain`: a bug check or status, by number or name, without a dump."""

from __future__ import annotations

from argparse import Namespace

from bugcheck.api import explain
from bugcheck.cli.terminal import output, wants_colour, width_of
from bugcheck.reports.formats.text import draw


def run(options: Namespace) -> int:
    """Explain a code; 0 done, 2 wrong usage."""
    document = explain(options.code, options.parameters, architecture=options.architecture or "")
    with output(None) as stream:
        stream.write(draw(document, colour=wants_colour(options, stream), width=width_of(stream)))
    return 0
