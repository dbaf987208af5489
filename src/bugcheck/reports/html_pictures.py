"""Pictures of time and the matrix of evidence → HTML text: inline SVG without script, tables with scoped heads.

Source: SVG 2 (W3C) for `title` as what a pointer and a screen reader are told; HTML Living Standard for `scope`.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.reports.html_text import escaped, tag
from bugcheck.reports.page import Link, Mark, Matrix, MatrixCell, MatrixRow, Rank, Ranking, TimeLane, TimePicture

WIDTH, LABELS, RIGHT = 1000, 150, 8
ROW, HEAD, BAR = 17, 22, 11
LABEL_LIMIT = 24
"""Characters of a lane's label that have room beside it."""
SYMBOLS = {"observed": "✓", "contradicted": "✗", "untested": "?"}


def time_picture(part: TimePicture) -> str:
    """Lanes over a scale of time, in a region of its own that a narrow screen scrolls."""
    out, top = list[str](), 4
    for lane in part.lanes:
        out.append(_lane(lane, top))
        top += ROW if lane.tone else HEAD
    lines = "".join(f'<line class="stop" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{top}"/>' for x in map(_x, part.crashes))
    ticks = "".join(_tick(place, words, top) for place, words in part.ticks)
    drawing = tag(
        "svg",
        ticks + "".join(out) + lines,
        class_="time",
        viewBox=f"0 0 {WIDTH} {top + 18}",
        role="img",
        aria_label=part.caption,
    )
    region = tag("div", drawing, class_="scroll", tabindex="0", role="region", aria_label=part.caption)
    note = tag("p", escaped(part.note), class_="fine") if part.note else ""
    return tag("figure", tag("figcaption", escaped(part.caption)) + region + note)


def _x(place: float) -> float:
    return LABELS + place * (WIDTH - LABELS - RIGHT)


def _lane(lane: TimeLane, top: int) -> str:
    shown = lane.label if len(lane.label) <= LABEL_LIMIT else lane.label[: LABEL_LIMIT - 1] + "…"
    if not lane.tone:
        return tag("text", escaped(lane.label), class_="host", x="0", y=f"{top + 15}")
    label = tag("text", escaped(shown), x="10", y=f"{top + 10}")
    dots = f'<line class="bare" x1="{LABELS}" x2="{WIDTH - RIGHT}" y1="{top + 6}" y2="{top + 6}"/>'
    beds = "".join(
        f'<rect class="bed" x="{_x(start):.1f}" y="{top}" width="{max(1.0, _x(end) - _x(start)):.1f}" height="{BAR}"/>'
        for start, end in lane.covered
    )
    marks = "".join(_mark(mark, top, lane.tone) for mark in lane.marks)
    return label + dots + beds + tag("g", marks, class_=f"tone-{lane.tone}")


def _mark(mark: Mark, top: int, tone: str) -> str:
    x, title = _x(mark.place), tag("title", escaped(mark.words))
    if tone == "crash":
        return tag("path", title, d=f"M{x:.1f} {top + 11}l-5.5 -10h11z")
    return tag("rect", title, x=f"{x - 1.5:.1f}", y=f"{top}", width="3", height=f"{BAR}")


def _tick(place: float, words: str, height: int) -> str:
    x = _x(place)
    anchor = "end" if place > 0.93 else "start" if place < 0.04 else "middle"
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{height}"/>'
    return line + tag("text", escaped(words), x=f"{x:.1f}", y=f"{height + 13}", text_anchor=anchor)


def matrix(part: Matrix, link: Callable[[Link], str]) -> str:
    """A table of evidence by hypotheses; every outcome is a sign and a word, never a colour alone."""
    corner = tag("th", escaped(part.corner), scope="col")
    heads = "".join(tag("th", tag("div", link(column)), scope="col", class_="up") for column in part.columns)
    body = "".join(_row(row) for row in part.rows)
    table = tag("table", tag("thead", tag("tr", corner + heads)) + tag("tbody", body), class_="matrix")
    region = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=part.corner)
    note = tag("p", escaped(part.note), class_="fine") if part.note else ""
    return tag("p", escaped(part.caption), class_="fine") + region + note


def _row(row: MatrixRow) -> str:
    mark = tag("b", escaped(row.marked), class_="mark") + " " if row.marked else ""
    head = tag("th", mark + escaped(row.label), scope="row")
    return tag("tr", head + "".join(_cell(cell) for cell in row.cells), class_=row.tone)


def _cell(cell: MatrixCell) -> str:
    """A sign and the weight; the outcome's word is for those who hear the page, and for a pointer on the cell."""
    sign = SYMBOLS.get(cell.tone, "")
    if not sign:
        return tag("td", escaped(cell.text or cell.weight))
    word = tag("span", f"{escaped(cell.text)} ", class_="heard")
    return tag("td", f"{sign} {word}{escaped(cell.weight)}", class_=cell.tone, title=cell.text)


def ranking(part: Ranking, link: Callable[[Link], str]) -> str:
    """Things in order with a bar each, which grows from the middle: right for, left against."""
    heads = "".join(tag("th", escaped(head), scope="col") for head in part.heads)
    body = "".join(_rank(row, link) for row in part.rows)
    table = tag("table", tag("thead", tag("tr", heads)) + tag("tbody", body), class_="ranking")
    region = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=part.caption)
    note = tag("p", escaped(part.note), class_="fine") if part.note else ""
    return region + note


def _rank(row: Rank, link: Callable[[Link], str]) -> str:
    part = max(-1.0, min(1.0, row.part))
    left, width = (50.0, part * 50) if part > 0 else (50 + part * 50, -part * 50)
    bar = (
        '<svg class="odds" viewBox="0 0 100 8" aria-hidden="true"><rect class="bed" width="100" height="8"/>'
        f'<rect x="{left:.1f}" width="{width:.1f}" height="8"/><line x1="50" x2="50" y1="0" y2="8"/></svg>'
    )
    cells = tag("th", link(row.link), scope="row") + tag("td", escaped(row.state), class_="s")
    cells += tag("td", bar + tag("span", escaped(row.value)), class_="v") + tag("td", escaped(row.why))
    return tag("tr", cells, class_=row.tone)
