"""`bugcheck investigate`: a folder of evidence → what is most likely, what is not eliminated, what to do."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bugcheck.api.incident import case_report, investigate, render_case
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import complain, output, reading_progress, wants_colour, width_of
from bugcheck.errors import UsageError

if TYPE_CHECKING:
    from bugcheck.api.incident import Investigated

FORMATS = ("text", "json", "markdown", "html")
REPORT = "report.html"
SHOWN_GAPS = 5
"""Files that are named when none could be read."""


def run(options: Namespace) -> int:
    """Investigate; 0 a hypothesis is supported, 1 none is, 2 wrong usage, 3 nothing could be read."""
    form = "json" if options.json else options.format
    if form not in FORMATS:
        raise UsageError(f"there is no report format {form!r} here; formats are {', '.join(FORMATS)}")
    with reading_progress() as progress:
        found = investigate(
            options.folder,
            keep=not options.no_store,
            password=password_of(options),
            symbols=symbol_options(options),
            skip=_own_output(options),
            language=options.language,
            progress=progress,
        )
    if not any(each.quality.value != "unreadable" for each in found.case.evidence):
        complain(f"{options.folder}: no file in it could be read")
        for gap in found.case.gaps[:SHOWN_GAPS]:
            complain(f"{gap.what}: {gap.missing}" + (f" → {gap.remedy}" if gap.remedy else ""))
        return 3
    page = _write_page(found, options.language)
    with output(options.output) as stream:
        if form == "text":
            from bugcheck.reports.formats.text import draw

            document = case_report(found, verbose=options.verbose, language=options.language)
            stream.write(draw(document, colour=wants_colour(options, stream), width=width_of(stream)))
            if page:
                stream.write(f"\ncase {found.id} in {found.store}   report {page}\n")
        else:
            stream.write(render_case(found, form, verbose=options.verbose, language=options.language))
    supported = any(each.state.value == "supported" for each in found.case.weighed.hypotheses)
    return 0 if supported else 1


def _own_output(options: Namespace) -> list[str]:
    """The report that is being written is no evidence, though it lie in the folder."""
    if not options.output:
        return []
    folder, file = Path(options.folder).resolve(), Path(options.output).resolve()
    return [file.relative_to(folder).as_posix()] if file.is_relative_to(folder) else []


def _write_page(found: Investigated, language: str) -> str:
    """Keep the page with the case; "" when the case is not kept."""
    if not found.store:
        return ""
    path = Path(found.store, REPORT)
    try:
        path.write_text(render_case(found, "html", language=language), "utf-8")
    except OSError as error:
        complain(f"{path}: {error.strerror}")
        return ""
    return str(path)
