"""`bugcheck compare`: whether two dumps show the same crash, and why or why not."""

from __future__ import annotations

from argparse import Namespace

from bugcheck import Analysis
from bugcheck.api import analyze_all, compare
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import complain, output, wants_colour, width_of
from bugcheck.reports.comparison_document import comparison_document
from bugcheck.reports.formats.text import draw


def run(options: Namespace) -> int:
    """Compare; 0 the same or probably, 1 different or not to be told, 2 wrong usage, 3 unreadable."""
    found: list[Analysis] = []
    for outcome in analyze_all(
        (options.first, options.second),
        hash_file=False,
        password=password_of(options),
        symbols=symbol_options(options),
    ):
        if outcome.analysis is None:
            complain(str(outcome.error))
            return 3
        found.append(outcome.analysis)
    if len(found) != 2:
        complain(f"two dumps are compared, and these files hold {len(found)}")
        return 2
    first, second = found
    comparison = compare(first, second)
    document = comparison_document(first, second, comparison, verbose=options.verbose)
    with output(None) as stream:
        stream.write(draw(document, colour=wants_colour(options, stream), width=width_of(stream)))
    return 0 if comparison.is_same else 1
