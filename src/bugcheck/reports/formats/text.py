"""Document → plain text of one terminal screen, with colours only when asked."""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table, report_format
from bugcheck.reports.escape import printable
from bugcheck.reports.widths import columns, padded, wrapped

WIDTH = 120
LABEL_WIDTH = 12
LONGEST_LABEL = 14
"""A label of Points up to this long sets the column for all; a longer one stands out alone."""
CELL_LIMIT = 160
"""Characters of a table's cell that are drawn: one hostile name must not widen thousands of rows."""
_COLOURS = {"bold": "1", "dim": "2", "red": "31", "yellow": "33", "green": "32", "cyan": "36"}


@report_format("text", suffix=".txt")
def render_text(document: Document) -> str:
    """Plain text for a terminal or a mail."""
    return draw(document, colour=False, width=WIDTH)


def draw(document: Document, *, colour: bool, width: int) -> str:
    """Render for a terminal `width` columns wide."""
    labels = [columns(printable(block.label)) for block in document.blocks if isinstance(block, Points)]
    pen = _Pen(colour, max(60, width), max([LABEL_WIDTH, *(each + 2 for each in labels if each <= LONGEST_LABEL)]))
    out = ""
    for block in document.blocks:
        section = "\n".join(pen.block(block))
        close = isinstance(block, Points) and block.close
        out += ("\n" if close else "\n\n") * bool(out and section) + section
    return out + "\n"


class _Pen:
    """Draws blocks at one width, in colour or not."""

    def __init__(self, colour: bool, width: int, labels: int) -> None:
        self.colour = colour
        self.width = width
        self.labels = labels

    def paint(self, text: str, *styles: str) -> str:
        codes = ";".join(_COLOURS[style] for style in styles if style in _COLOURS)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes and text else text

    def block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Headline):
            return self.headline(block)
        if isinstance(block, Facts):
            return self.facts(block)
        if isinstance(block, Points):
            return self.points(block)
        return self.table(block)

    def headline(self, block: Headline) -> Iterator[str]:
        note = printable(block.note)
        room = self.width - (columns(note) + 4 if note else 0)
        text = printable(block.text)
        lines = wrapped(text, room)
        if len(lines) > 1 and text.startswith(lines[0]):  # the note stands beside the first line only
            lines = [lines[0], *wrapped(text[len(lines[0]) :].lstrip(), self.width)]
        first = self.paint(lines[0], "bold", block.tone)
        if note:
            first += " " * (self.width - columns(lines[0]) - columns(note)) + self.paint(note, block.tone)
        yield first
        for line in lines[1:]:
            yield self.paint(line, "bold", block.tone)

    def facts(self, block: Facts) -> Iterator[str]:
        for label, text in block.rows:
            yield from self._labelled(label, text, 2)

    def points(self, block: Points) -> Iterator[str]:
        least = columns(printable(block.label)) + 2
        for index, item in enumerate(block.items):
            yield from self._labelled(block.label if index == 0 else "", item, 0, least)

    def _labelled(self, label: str, text: str, indent: int, least: int = 0) -> Iterator[str]:
        """Write a line behind a label; text begins in column `least` or behind the labels, whichever is further."""
        taken = columns(printable(label))
        column = max(self.labels + indent, taken + indent + 2, least)
        lines = self._wrapped(printable(text), self.width - column)
        head = " " * indent + self.paint(printable(label), "cyan")
        yield head + " " * (column - indent - taken) + lines[0]
        for line in lines[1:]:
            yield " " * column + line

    @staticmethod
    def _wrapped(text: str, width: int) -> list[str]:
        """Wrap running text; a command (behind an arrow) stays on one line, so that it can be copied."""
        return [text] if columns(text) <= width or text.startswith("→ ") else wrapped(text, width)

    def table(self, block: Table) -> Iterator[str]:
        rows = [tuple(_cut(printable(cell)) for cell in row) for row in block.rows]
        widths = [max([columns(head), *(columns(row[i]) for row in rows)]) for i, head in enumerate(block.columns)]
        if block.title:
            yield self.paint(printable(block.title), "bold")
        yield self.paint(self._row(block.columns, widths, block), "dim")
        for row in rows:
            yield self._row(row, widths, block)

    @staticmethod
    def _row(cells: tuple[str, ...], widths: list[int], block: Table) -> str:
        placed = [
            " " * (width - columns(cell)) + cell if head in block.numeric else padded(cell, width)
            for cell, width, head in zip(cells, widths, block.columns, strict=True)
        ]
        return ("  " + "  ".join(placed)).rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - 1] + "…"
