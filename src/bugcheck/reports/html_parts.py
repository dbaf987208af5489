"""Parts of a page → HTML text.

Source: HTML Living Standard (WHATWG) for elements; WAI-ARIA Authoring Practices for sortable tables and scrollable
regions.  `html_text.py` holds the rules that keep a hostile dump harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bugcheck.reports.document import Facts, Headline, Points, Table
from bugcheck.reports.html_pictures import matrix, ranking, time_picture
from bugcheck.reports.html_text import escaped, tag
from bugcheck.reports.page import (
    Entries,
    Entry,
    Fold,
    Grid,
    GridRow,
    Level,
    Link,
    Matrix,
    MemoryMap,
    Part,
    Ranking,
    Registers,
    Remedies,
    StackList,
    Statement,
    Statements,
    TimePicture,
    anchor_of,
)

MAP_WIDTH, LANE_HEIGHT, LANE_STEP = 1000, 16, 26


class Parts:
    """Draws parts of one page.

    Args:
        anchors: the anchors that exist on the page: a link to any other becomes plain words.
    """

    def __init__(self, anchors: frozenset[str]) -> None:
        self.anchors = anchors
        self._used: set[str] = set()

    def draw(self, part: Part) -> str:
        """Draw any part."""
        if isinstance(part, Headline):
            return tag("p", escaped(part.text))
        if isinstance(part, Facts):
            return self.entries(Entries(tuple(Entry(label, text) for label, text in part.rows)))
        if isinstance(part, Points):
            return self.statements(Statements(part.label, tuple(Statement(item) for item in part.items)))
        if isinstance(part, Table):
            rows = tuple(GridRow(row) for row in part.rows)
            return self.grid(Grid(part.title, part.columns, rows, numeric=part.numeric))
        return self._draw_rich(part)

    def _draw_rich(
        self,
        part: Statements
        | Entries
        | StackList
        | Registers
        | Grid
        | MemoryMap
        | Remedies
        | TimePicture
        | Matrix
        | Ranking,
    ) -> str:
        if isinstance(part, TimePicture):
            return time_picture(part) + (tag("details", self._asked(part)) if part.table else "")
        if isinstance(part, Matrix):
            return matrix(part, self.link)
        if isinstance(part, Ranking):
            return ranking(part, self.link)
        if isinstance(part, Statements):
            return self.statements(part)
        if isinstance(part, Entries):
            return self.entries(part)
        if isinstance(part, StackList):
            return self.stack(part)
        if isinstance(part, Registers):
            return self.registers(part)
        if isinstance(part, Grid):
            return self.grid(part)
        return memory_map(part) if isinstance(part, MemoryMap) else remedies(part)

    def _asked(self, part: TimePicture) -> str:
        """The table that says what a picture shows, for those who don't see it and those who want the words."""
        return tag("summary", escaped(part.table_words)) + (self.grid(part.table) if part.table else "")

    def place(self, anchor: str) -> str:
        """The anchor for an element's id; "" when it is taken: an id stands once on a page."""
        name = anchor_of(anchor)
        if name in self._used:
            return ""
        self._used.add(name)
        return name

    def link(self, link: Link) -> str:
        """A link inside the page, or its words where there is nothing to jump to."""
        target = anchor_of(link.target)
        words = (tag("b", escaped(link.number)) + " " if link.number else "") + escaped(link.text)
        if target in self.anchors:
            return tag("a", words, href=f"#{target}")
        return tag("span", words)

    def statements(self, part: Statements) -> str:
        """Sentences as a list, each with its citations."""
        heading = (
            tag("h3", escaped(part.label[:1].upper() + part.label[1:]), id=self.place(part.anchor))
            if part.label
            else ""
        )
        items = "".join(tag("li", self._statement(item)) for item in part.items)
        listed = tag("ul", items) if items else ""
        return tag("div", heading + listed, class_=f"statements {part.tone}".strip())

    def _statement(self, item: Statement) -> str:
        text = escaped(item.text)
        if item.links:
            text += " " + tag("span", " ".join(self.link(link) for link in item.links), class_="cites")
        return text + (" " + tag("small", escaped(item.remark)) if item.remark else "")

    def entries(self, part: Entries) -> str:
        """Labelled lines as a description list; what continues a label stands under it."""
        out: list[str] = []
        for entry in part.rows:
            if entry.label or not out:
                out.append(tag("dt", escaped(entry.label)))
            out.append(tag("dd", escaped(entry.text), class_="code" if entry.code else "", id=self.place(entry.anchor)))
        return tag("dl", "".join(out))

    def stack(self, part: StackList) -> str:
        """A stack as an ordered list; levels that say little are folded away."""
        items = "".join(
            self._fold(item, part.how) if isinstance(item, Fold) else self._level(item, part.how) for item in part.items
        )
        ending = tag("p", escaped(part.ending), class_="fine") if part.ending else ""
        return tag("ol", items, class_="stack") + ending

    def _level(self, level: Level, how: str) -> str:
        detail = tag("span", escaped(level.detail), class_="detail") if level.detail else ""
        cells = tag("span", f"{level.index}", class_="index") + tag("span", tag("code", escaped(level.place)) + detail)
        cells += tag("span", escaped(level.found_by), class_="trust", title=how)
        blamed = "blamed" if level.blamed else ""
        return tag("li", cells, class_=f"level {blamed}".strip(), id=self.place(level.anchor))

    def _fold(self, fold: Fold, how: str) -> str:
        count = len(fold.levels)
        summary = tag("summary", escaped(fold.summary or f"{count} level{'s' if count != 1 else ''}: {fold.reason}"))
        inner = tag("ol", "".join(self._level(level, how) for level in fold.levels), class_="stack")
        return tag("li", tag("details", summary + inner), class_="fold")

    def registers(self, part: Registers) -> str:
        """Registers as short labelled cells."""
        cells = [
            tag("div", tag("dt", escaped(name)) + tag("dd", escaped(value)), id=self._register(part.prefix, name))
            for name, value in part.values
        ]
        return tag("p", escaped(part.caption), class_="fine") + tag("dl", "".join(cells), class_="registers")

    def _register(self, prefix: str, name: str) -> str:
        return self.place(anchor_of(prefix, name)) if prefix else ""

    def grid(self, part: Grid) -> str:
        """A table in a region of its own, so that a wide one scrolls alone."""
        styles = [("n" if head in part.numeric else "c" if head in part.code else "") for head in part.columns]
        caption = tag("caption", escaped(part.caption)) if part.caption else ""
        head = ""
        if any(part.columns):
            cells = [
                tag("th", escaped(name), scope="col", class_=s) for name, s in zip(part.columns, styles, strict=True)
            ]
            head = tag("thead", tag("tr", "".join(cells)))
        body = "".join(self._row(row, styles) for row in part.rows)
        table = tag("table", caption + head + tag("tbody", body), class_="sortable" if part.sortable else "")
        label = part.caption or " ".join(part.columns).strip() or "table"
        return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)

    def _row(self, row: GridRow, styles: Sequence[str]) -> str:
        keys = row.keys or ("",) * len(row.cells)
        cells = (
            tag("td", escaped(cell), class_=style, data_key=key)
            for cell, style, key in zip(row.cells, styles, keys, strict=False)
        )
        return tag("tr", "".join(cells), class_=row.tone, id=self.place(row.anchor))


def remedies(part: Remedies) -> str:
    """Gaps, each with the command that closes it."""
    items = (tag("li", _what(item.what) + escaped(item.missing) + _command(item.command)) for item in part.items)
    return tag("ul", "".join(items), class_="remedies")


def _what(what: str) -> str:
    return tag("b", escaped(what)) + ": " if what else ""


def _command(command: str) -> str:
    return tag("pre", tag("code", escaped(command)), tabindex="0", aria_label="command") if command else ""


def memory_map(part: MemoryMap) -> str:
    """Lanes as a drawing, and the same figures as a table for those who don't see it."""
    height = LANE_STEP * len(part.lanes) + 18
    lanes = "".join(_lane(lane.spans, index) for index, lane in enumerate(part.lanes))
    ticks = "".join(_tick(place, text, height) for place, text in part.ticks)
    drawing = tag(
        "svg", lanes + ticks, class_="map", viewBox=f"0 0 {MAP_WIDTH} {height}", role="img", aria_label=part.caption
    )
    rows = "".join(_lane_row(index, lane.kind, lane.pieces, lane.size) for index, lane in enumerate(part.lanes))
    heads = "".join(tag("th", escaped(name), scope="col", class_=style) for name, style in _LANE_HEADS)
    table = tag("table", tag("thead", tag("tr", heads)) + tag("tbody", rows), class_="lanes")
    return tag("figure", drawing + table + tag("figcaption", escaped(part.caption)))


_LANE_HEADS = (("kind", ""), ("pieces", "n"), ("size", "n"))


def _lane_row(index: int, kind: str, pieces: int, size: str) -> str:
    mark = tag("i", "", class_=f"key lane{index % 6}")
    return tag(
        "tr",
        tag("td", mark + escaped(kind)) + tag("td", f"{pieces:,}", class_="n") + tag("td", escaped(size), class_="n"),
    )


def _lane(spans: Iterable[tuple[float, float]], index: int) -> str:
    top = index * LANE_STEP
    bed = f'<rect class="bed" x="0" y="{top}" width="{MAP_WIDTH}" height="{LANE_HEIGHT}"/>'
    held = "".join(
        f'<rect x="{start * MAP_WIDTH:.1f}" y="{top}" width="{max(1.5, (end - start) * MAP_WIDTH):.1f}" '
        f'height="{LANE_HEIGHT}"/>'
        for start, end in spans
    )
    return bed + tag("g", held, class_=f"lane{index % 6}")


def _tick(place: float, text: str, height: int) -> str:
    x = place * MAP_WIDTH
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 14}"/>'
    return line + f'<text x="{x + 3:.1f}" y="{height - 4}">{escaped(text)}</text>'
