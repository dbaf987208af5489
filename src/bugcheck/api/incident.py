"""A folder of evidence → an investigation, and its report: the verbs of the incident.

Source: the stages; as in `bugcheck.api`, nothing here prints, and what the environment gives is asked for here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bugcheck.api import known_issue_library, symbol_locator
from bugcheck.errors import UsageError
from bugcheck.symbols.options import SymbolOptions

if TYPE_CHECKING:
    from bugcheck.cases.session import Investigated
    from bugcheck.reports.document import Document
    from bugcheck.verdict.analysis import Analysis


def investigate(
    folder: str | os.PathLike[str],
    *,
    keep: bool = True,
    password: bytes | None = None,
    symbols: SymbolOptions | None = None,
    skip: Iterable[str] = (),
    language: str = "en",
    known_issues: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Investigated:
    """Investigate a folder of evidence: dumps, logs and notes of one or several hosts.

    Args:
        folder: the evidence; an archive or a single file will do.
        keep: keep the case in `.bugcheck` inside the folder, so that it can be reopened and added to.
        password: for encrypted zip archives. symbols: for dumps. skip: paths in the folder not to read.
        language: "en", or a file of `reports/languages`.
        known_issues: database of one's own known issues; None is the platform's place.
        progress: takes (path, files read, files in all).

    Raises:
        UsageError: there is no such folder or language. StoreBusy: another process investigates it.
        LimitExceeded: too many files.
    """
    from datetime import UTC, datetime

    from bugcheck.cases.session import run
    from bugcheck.evidence.intake import Intake
    from bugcheck.reports.analysis_json import analysis_json

    path = os.fspath(folder)
    if not os.path.exists(path):  # noqa: PTH110
        raise UsageError(f"{path}: there is no such folder")
    check_language(language)
    locator = symbol_locator(symbols) if symbols else None
    intake = Intake(path, password=password, symbols=locator, skip=frozenset(skip))

    def as_json(analysis: Analysis) -> str:
        from json import dumps

        return dumps(analysis_json(analysis), ensure_ascii=False)

    library = known_issue_library(known_issues)
    return run(
        intake,
        library.matches,
        datetime.now(UTC),
        keep=keep,
        as_json=as_json,
        progress=progress,
        language=language,
    )


def check_language(language: str) -> None:
    """Raise UsageError when no report can be told in a language."""
    from bugcheck.reports.language_files import languages

    if language not in languages():
        raise UsageError(f"there is no language {language!r} here; languages are {', '.join(languages())}")


def render_case(
    investigated: Investigated, format: str = "text", *, verbose: bool = False, language: str = "en"
) -> str:
    """Render an investigation: text, markdown, json, html.

    Raises:
        UsageError: there is no such format.
    """
    from bugcheck.reports.case_json import case_text

    if format == "json":
        return case_text(investigated.case, investigated.id)
    if format == "html":
        from bugcheck.reports.case_page import case_page
        from bugcheck.reports.html_page import html_page

        return html_page(case_page(investigated, language=language))
    from bugcheck.reports.render import render_document

    return render_document(case_report(investigated, verbose=verbose, language=language), format)


def case_report(investigated: Investigated, *, verbose: bool = False, language: str = "en") -> Document:
    """What the screen shows of an investigation, as a Document."""
    from bugcheck.reports.case_document import case_document

    return case_document(investigated, verbose=verbose, language=language)


__all__ = ["case_report", "check_language", "investigate", "render_case"]
