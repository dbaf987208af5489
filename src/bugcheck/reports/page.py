"""A Page: what a long report says, in sections whose evidence can be linked to; html_page.py draws it.

A Document fits one screen; a page has room for every register and module, and its citations jump to their evidence.
Strings here are raw, exactly as in a Document: the renderer escapes them.  Anchors are made from `anchor` alone, so
nothing a dump says can become an address.
"""

from __future__ import annotations

from bugcheck.records import dataclass
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table

ANCHOR_LIMIT = 60
COMMAND = "→ "
"""What a Point begins with that is a command for the one above."""


@dataclass(frozen=True, slots=True)
class Link:
    """Words that jump to `target`, an anchor of the same page; plain words where `target` is empty or absent.

    `number` stands before words that a list gives this number.
    """

    text: str
    target: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence, the places it can be checked at, and a remark in small print."""

    text: str
    links: tuple[Link, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """Statements under one label ("why"); `tone` is "for", "against", "doubt" or ""; an anchor stands at the label."""

    label: str
    items: tuple[Statement, ...]
    tone: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A labelled line that can be jumped to. An empty label continues the entry above; `code` asks for fixed width."""

    label: str
    text: str
    anchor: str = ""
    code: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """Labelled lines."""

    rows: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a stack. `blamed` marks the level of the module that is blamed."""

    index: int
    place: str
    detail: str
    found_by: str
    anchor: str = ""
    blamed: bool = False


@dataclass(frozen=True, slots=True)
class Fold:
    """Neighbouring levels that are hidden until asked for, and why; `summary` is both in a sentence, "" for English."""

    reason: str
    levels: tuple[Level, ...]
    summary: str = ""


@dataclass(frozen=True, slots=True)
class StackList:
    """A stack, innermost level first; `ending` says why there are no more levels, `how` what each is marked with."""

    items: tuple[Level | Fold, ...]
    ending: str = ""
    how: str = "how this level was found"


@dataclass(frozen=True, slots=True)
class Registers:
    """Registers with their values; anchors are `prefix` and the register's name, none where the prefix is empty."""

    caption: str
    values: tuple[tuple[str, str], ...]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row of a grid. `tone` is "blamed", "own" (not part of Windows) or ""; `keys` are what sorting compares."""

    cells: tuple[str, ...]
    keys: tuple[str, ...] = ()
    anchor: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table whose rows can be jumped to and, with a script, sorted. `code` names columns in fixed width."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]
    code: frozenset[str] = frozenset()
    numeric: frozenset[str] = frozenset()
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of memory in a map: how much of it, and the stretches drawn, as parts of the width (0 to 1)."""

    kind: str
    pieces: int
    size: str
    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """What a dump holds, as lanes over one scale of addresses; `ticks` are (place, address) of the scale."""

    caption: str
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is not known, what is missing for it, and the command that gets it ("" where nothing can)."""

    what: str
    missing: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Remedies:
    """Gaps with their remedies."""

    items: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a moment: place along the width (0 to 1), and what a pointer on it is told."""

    place: float
    words: str


@dataclass(frozen=True, slots=True)
class TimeLane:
    """A row of a picture of time: marks of one `tone`; `covered` are the stretches the evidence speaks for.

    A lane without a tone is a heading: the host whose lanes follow.
    """

    label: str
    tone: str = ""
    marks: tuple[Mark, ...] = ()
    covered: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TimePicture:
    """What happened when, as lanes over one scale of time.

    Attributes:
        caption: what is shown, and of which time. lanes: from top to bottom. ticks: (place, words) of the scale.
        crashes: places a line is drawn at through all lanes. table: the same in words. table_words: its summary.
        note: what is silent, and what is not drawn.
    """

    caption: str
    lanes: tuple[TimeLane, ...]
    ticks: tuple[tuple[float, str], ...]
    crashes: tuple[float, ...] = ()
    table: Grid | None = None
    table_words: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """What one piece of evidence says of one hypothesis; `tone` is an outcome's word, "sum" or ""."""

    text: str
    tone: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row: what was looked at, and a cell for each hypothesis. `marked`: it tells hypotheses apart."""

    label: str
    cells: tuple[MatrixCell, ...]
    marked: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Evidence against hypotheses; `corner` names the rows, `columns` jump to each, `note` says what is cut."""

    caption: str
    corner: str
    columns: tuple[Link, ...]
    rows: tuple[MatrixRow, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rank:
    """A row of a ranking: what it is, how it stands, its value in words and as part of the scale (-1 to 1), and why."""

    link: Link
    state: str
    value: str
    part: float
    why: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Things in order, each with a bar; `heads` name the columns (what, state, value, why), `note` what is cut."""

    caption: str
    heads: tuple[str, str, str, str]
    rows: tuple[Rank, ...]
    note: str = ""


Part = (
    Block | Statements | Entries | StackList | Registers | Grid | MemoryMap | Remedies | TimePicture | Matrix | Ranking
)


@dataclass(frozen=True, slots=True)
class Section:
    """Parts under one heading; a `folded` section is closed until asked for, and left out in print.

    `note` is small print under the heading: what the parts don't show.
    """

    heading: str
    parts: tuple[Part, ...]
    anchor: str = ""
    folded: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report.

    Attributes:
        subject: what it is about (a file). headline: the sentence read first; `note` and `tone` as in a Headline.
        confidence: 0 to 1, or None where there is none to show.
        sections: in order. colophon: small print at the end. language: of the words, as HTML names it.
        contents: label of the list of sections on top, "" for a page without one. skip: of the link past them.
    """

    subject: str
    headline: Headline
    sections: tuple[Section, ...]
    confidence: float | None = None
    colophon: str = ""
    language: str = "en"
    contents: str = ""
    skip: str = "Skip to the report"


def anchor_of(*words: str) -> str:
    """Make an anchor of words: lower-case ASCII letters, digits and hyphens only, so it needs no escaping anywhere."""
    text = "-".join(words).lower()
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in text)
    return kept[:ANCHOR_LIMIT].strip("-")


def page_of(document: Document) -> Page:
    """Arrange a Document as a page: its first headline on top, every other block in order below."""
    headline = next((block for block in document.blocks if isinstance(block, Headline)), Headline(document.subject))
    rest = [block for block in document.blocks if block is not headline]
    return Page(document.subject, headline, tuple(_section(block) for block in rest))


def _section(block: Block) -> Section:
    """A block as a section of its own: what it is called is its heading."""
    if isinstance(block, Table):
        return Section(block.title, (Table("", block.columns, block.rows, block.numeric),), anchor_of(block.title))
    if isinstance(block, Points):
        return Section(block.label.capitalize(), (_points(block),), anchor_of(block.label))
    if isinstance(block, Facts):
        return Section("", (block,))
    return Section(block.text, ())


def _points(block: Points) -> Statements | Remedies:
    """Statements as a list; a command stands under the statement it belongs to."""
    if not any(item.startswith(COMMAND) for item in block.items):
        return Statements("", tuple(Statement(item) for item in block.items))
    remedies: list[Remedy] = []
    for item in block.items:
        if item.startswith(COMMAND) and remedies and not remedies[-1].command:
            remedies[-1] = Remedy("", remedies[-1].missing, item.removeprefix(COMMAND))
        else:
            remedies.append(Remedy("", item))
    return Remedies(tuple(remedies))
