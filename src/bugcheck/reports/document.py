"""An Analysis → a neutral Document: blocks of plain text that every format renders its own way.

No format decides what is said; it decides only how it looks.  Strings here are raw: each renderer escapes them for its
medium.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.extensions import Registry
from bugcheck.records import dataclass


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence that is read first. `note` stands beside it ("confidence medium"), `tone` colours it."""

    text: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled lines. A row with an empty label continues the one above."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Points:
    """Statements under one label ("why"); `close` ones belong to the block before: no empty line parts them."""

    label: str
    items: tuple[str, ...]
    close: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads; `numeric` names the columns that are aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()


Block = Headline | Facts | Points | Table


@dataclass(frozen=True, slots=True)
class Document:
    """What is said, in order. `subject` names what it is about (a file)."""

    subject: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """A registered way to render a Document."""

    name: str
    suffix: str
    render: Callable[[Document], str]
    what: str


REPORT_FORMATS: Registry[ReportFormat] = Registry("report format", "bugcheck.reports.formats")


def report_format(name: str, *, suffix: str) -> Callable[[Callable[[Document], str]], Callable[[Document], str]]:
    """Register the decorated function as a report format."""

    def register(render: Callable[[Document], str]) -> Callable[[Document], str]:
        REPORT_FORMATS.add(ReportFormat(name, suffix, render, (render.__doc__ or "").partition("\n")[0]))
        return render

    return register
