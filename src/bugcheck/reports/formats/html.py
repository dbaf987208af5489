"""Document → one self-contained HTML page."""

from __future__ import annotations

from bugcheck.reports.document import Document, report_format
from bugcheck.reports.html_page import html_page
from bugcheck.reports.page import page_of


@report_format("html", suffix=".html")
def render_html(document: Document) -> str:
    """One self-contained HTML page: no network, no script needed, light and dark, printable."""
    return html_page(page_of(document))
