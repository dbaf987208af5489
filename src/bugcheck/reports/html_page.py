"""A Page → one self-contained HTML file: no network, no script needed, light and dark, two printed pages.

Source: HTML Living Standard; CSP Level 3 for the policy in the head: nothing may be loaded, and only the very style
and script written here (named by their SHA-256) may act, so even a hole in the escaping would run nothing.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bugcheck.reports.html_parts import Parts
from bugcheck.reports.html_text import escaped, tag
from bugcheck.reports.page import Entries, Fold, Grid, Page, Part, Registers, Section, StackList, Statements, anchor_of

LEVEL_TONES = {"red": "strong", "yellow": "weak"}


def html_page(page: Page) -> str:
    """Write the whole file."""
    parts = Parts(_anchors(page))
    body = (
        _header(page)
        + _contents(page)
        + tag("main", "".join(_section(section, parts) for section in page.sections), id="report")
    )
    body += tag("footer", escaped(page.colophon)) if page.colophon else ""
    style, script = _asset("page.css"), _asset("page.js")
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escaped(page.headline.text)}</title><style>{style}</style>"
    )
    html = f"<head>{head}</head>\n<body>{body}<script>{script}</script></body>"
    return f"<!doctype html>\n{tag('html', html, lang=page.language)}\n"


def _header(page: Page) -> str:
    skip = tag("a", escaped(page.skip), href="#report", class_="skip")
    subject = tag("p", escaped(page.subject), class_="subject")
    note = tag("p", escaped(page.headline.note), class_="note") if page.headline.note else ""
    meter = _meter(page.confidence) if page.confidence else ""
    tone = LEVEL_TONES.get(page.headline.tone, "")
    verdict = tag("h1", escaped(page.headline.text)) + (
        tag("div", note + meter, class_="sure") if note or meter else ""
    )
    return skip + tag("header", subject + tag("div", verdict, class_=f"verdict {tone}".strip()))


def _contents(page: Page) -> str:
    """The sections by name, to jump to; left out of a short page and of print."""
    links = [
        tag("a", escaped(section.heading), href=f"#{anchor_of(section.anchor)}")
        for section in page.sections
        if section.heading and section.anchor
    ]
    return tag("nav", " ".join(links), aria_label=page.contents) if page.contents and len(links) > 2 else ""


def _meter(confidence: float) -> str:
    """A bar of the confidence; the words beside it say the same."""
    width = max(0.0, min(confidence, 1.0)) * 100
    return (
        f'<svg class="meter" viewBox="0 0 100 6" aria-hidden="true"><rect class="bed" width="100" height="6" rx="3"/>'
        f'<rect width="{width:.0f}" height="6" rx="3"/></svg>'
    )


def _section(section: Section, parts: Parts) -> str:
    content = "".join(parts.draw(part) for part in section.parts)
    anchor = parts.place(section.anchor) if section.anchor else ""
    heading = tag("h2", escaped(section.heading)) if section.heading else ""
    content = (tag("p", escaped(section.note), class_="fine") if section.note else "") + content
    if section.folded:
        return tag("section", tag("details", tag("summary", heading) + content), id=anchor)
    return tag("section", heading + content, id=anchor)


def _anchors(page: Page) -> frozenset[str]:
    """Every anchor the page will have."""
    found = {anchor_of(section.anchor) for section in page.sections}
    for section in page.sections:
        for part in section.parts:
            found.update(anchor_of(anchor) for anchor in _anchors_in(part))
    return frozenset(found - {""})


def _anchors_in(part: Part) -> list[str]:
    if isinstance(part, Entries | Grid):
        return [row.anchor for row in part.rows]
    if isinstance(part, Statements):
        return [part.anchor]
    if isinstance(part, Registers):
        return [f"{part.prefix}-{name}" for name, _ in part.values] if part.prefix else []
    if isinstance(part, StackList):
        levels = [item.levels if isinstance(item, Fold) else (item,) for item in part.items]
        return [level.anchor for each in levels for level in each]
    return []


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8").strip()


@cache
def _policy() -> str:
    """The content security policy: nothing from anywhere, this style and this script only."""
    style, script = _digest(_asset("page.css")), _digest(_asset("page.js"))
    return f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    from base64 import b64encode
    from hashlib import sha256

    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
