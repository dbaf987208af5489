"""An Analysis and the name of a format → the text of a whole report.

Text, JSON and Markdown say what the screen says; HTML has room for the material too; windbg is the report WinDbg's
users and their scripts know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from bugcheck.errors import UsageError
from bugcheck.reports.document import REPORT_FORMATS, Document
from bugcheck.verdict.analysis import Analysis

if TYPE_CHECKING:
    from bugcheck.known_issues.matching import Match

ANALYSIS_FORMATS = ("text", "json", "markdown", "html", "windbg")
"""Formats an analysis can be rendered in, the default first."""
WINDBG = "bugcheck.reports.windbg_report"
SUFFIXES = {"text": ".txt", "json": ".json", "markdown": ".md", "html": ".html", "windbg": ".txt"}


def render(analysis: Analysis, format: str = "text", known_issues: Sequence[Match] = ()) -> str:
    """Render an analysis, with what known issues have to do with it; the text ends with a newline.

    Raises:
        UsageError: no such format.
    """
    if format == "json":
        return _json(analysis, known_issues)
    if format == "windbg":
        return _windbg(analysis)
    if format == "html":
        from bugcheck.reports.analysis_page import analysis_page
        from bugcheck.reports.html_page import html_page

        return html_page(analysis_page(analysis, known_issues))
    from bugcheck.reports.analysis_document import analysis_document

    return render_document(analysis_document(analysis, known_issues=known_issues), format)


def render_document(document: Document, format: str = "text") -> str:
    """Render any Document in a registered format (text, markdown, html, a plug-in's).

    Raises:
        UsageError: no such format.
    """
    found = next((each for each in REPORT_FORMATS if each.name == format), None)
    if found is None:
        known = ", ".join(dict.fromkeys([*ANALYSIS_FORMATS, *(each.name for each in REPORT_FORMATS)]))
        raise UsageError(f"there is no report format {format!r} here; formats are {known}")
    return found.render(document)


def _json(analysis: Analysis, known_issues: Sequence[Match]) -> str:
    from json import dumps

    from bugcheck.reports.analysis_json import analysis_json

    return dumps(analysis_json(analysis, known_issues), ensure_ascii=True) + "\n"


def _windbg(analysis: Analysis) -> str:
    try:
        module = import_module(WINDBG)
    except ModuleNotFoundError as error:
        if error.name != WINDBG:
            raise
        raise UsageError("the windbg format is not part of this installation") from error
    report: Callable[[Analysis], str] = module.windbg_report
    return report(analysis)
