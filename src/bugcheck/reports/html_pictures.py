"""Pictures of time and the matrix of evidence → HTML text: inline SVG without script, tables with scoped heads.

Source: SVG 2 (W3C) for `title` as what a pointer and a screen reader are told; HTML Living Standard for `scope`.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.reports.html_text import escaped, tag
from bugcheck.reports.page import Link, Mark, Matrix, MatrixCell, MatrixRow, TimeLane, TimePicture

WIDTH, LABELS, RIGHT = 1000, 150, 8
ROW, HEAD, BAR = 17, 22, 11
LABEL_LIMIT = 24
"""Characters of a lane's label that have room beside it."""
SYMBOLS = {"observed": "✓", "contradicted": "✗", "untested": "?"}


def time_picture(part: TimePicture) -> str:
    """Lanes over a scale of time."""
    out, top = list[str](), 4
    for lane in part.lanes:
        out.append(_lane(lane, top))
        top += ROW if lane.tone else HEAD
    lines = "".join(f'<line class="stop" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{top}"/>' for x in map(_x, part.crashes))
    ticks = "".join(_tick(place, words, top) for place, words in part.ticks)
    drawing = tag(
        "svg",
        ticks + lines + "".join(out),
        class_="time",
        viewBox=f"0 0 {WIDTH} {top + 18}",
        role="img",
        aria_label=part.caption,
    )
    return tag("figure", tag("figcaption", escaped(part.caption)) + drawing)


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
    return tag("rect", title, x=f"{x - 1.2:.1f}", y=f"{top}", width="2.4", height=f"{BAR}")


def _tick(place: float, words: str, height: int) -> str:
    x = _x(place)
    anchor = "end" if place > 0.93 else "start" if place < 0.04 else "middle"
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{height}"/>'
    return line + tag("text", escaped(words), x=f"{x:.1f}", y=f"{height + 13}", text_anchor=anchor)


def matrix(part: Matrix, link: Callable[[Link], str]) -> str:
    """A table of evidence by hypotheses; every outcome is a sign and a word, never a colour alone."""
    corner = tag("th", escaped(part.corner), scope="col")
    heads = "".join(tag("th", link(column), scope="col") for column in part.columns)
    body = "".join(_row(row) for row in part.rows)
    caption = tag("caption", escaped(part.caption))
    table = tag("table", caption + tag("thead", tag("tr", corner + heads)) + tag("tbody", body), class_="matrix")
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=part.corner)


def _row(row: MatrixRow) -> str:
    mark = tag("b", escaped(row.marked), class_="mark") + " " if row.marked else ""
    head = tag("th", mark + escaped(row.label), scope="row")
    return tag("tr", head + "".join(_cell(cell) for cell in row.cells), class_=row.tone)


def _cell(cell: MatrixCell) -> str:
    sign = SYMBOLS.get(cell.tone, "")
    words = (f"{sign} " if sign else "") + escaped(cell.text)
    weight = tag("span", escaped(cell.weight), class_="weight") if cell.weight else ""
    return tag("td", words + (" " if words and weight else "") + weight, class_=cell.tone)
