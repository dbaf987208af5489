"""An investigation → the Page of the case: the answer, the matrix that tells hypotheses apart, plan, files.

Source: the order is that of the target page of the design.
"""

from __future__ import annotations

from bugcheck import __version__
from bugcheck.cases.session import Investigated
from bugcheck.reports.case_document import case_document
from bugcheck.reports.document import Headline
from bugcheck.reports.page import Page, page_of


def case_page(investigated: Investigated, *, language: str = "en") -> Page:
    """Arrange all that is known of a case."""
    page = page_of(case_document(investigated, verbose=True, language=language))
    case = investigated.case
    colophon = f"bugcheck {__version__}, case {investigated.id or 'not kept'}, {case.created:%Y-%m-%d %H:%M} UTC"
    return Page(page.subject, page.headline or Headline(case.folder), page.sections, None, colophon)
