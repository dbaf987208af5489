"""Document → Markdown for issue trackers, wikis and forums.

Source: GitHub Flavored Markdown (tables, escapes) and CommonMark 0.31: any ASCII punctuation may be escaped by a
backslash, and inside a code span nothing is markup but the run of back-ticks that ends it.

Folklore: trackers turn bare `@name`, `#12`, `www.…` and `https://…` into mentions, references and links, which a
backslash does not stop everywhere; a word joiner after the first character does, and is not seen.  Addresses
(`fffff805`108776a0`) are written as code, where none of this happens.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table, report_format
from bugcheck.reports.escape import printable

CELL_LIMIT = 160
"""Characters of a table's cell that are drawn."""
_JOINER = "\u2060"
_MARKUP = {ord(char): "\\" + char for char in "\\`*_{}[]<>()#+-.!|~&:$^=\"'/"}
_PLAIN = {ord(char): None for char in "().-+:/='\"!"}
"""Punctuation that means nothing within a line: escaped it would only make the source ugly."""
_INLINE = {code: text for code, text in _MARKUP.items() if code not in _PLAIN} | {ord("@"): "@" + _JOINER}
COMMAND = "→ "


@report_format("markdown", suffix=".md")
def render_markdown(document: Document) -> str:
    """Markdown for issue trackers, wikis and forums."""
    sections = ["\n".join(_block(block)) for block in document.blocks]
    return "\n\n".join(section for section in sections if section) + "\n"


def escaped(text: str) -> str:
    """Text that stays text: nothing in it is markup, a link, a mention or HTML."""
    shown = printable(text).translate(_INLINE)
    for scheme in ("http:", "https:", "ftp:", "mailto:", "javascript:", "data:", "file:", "www."):
        shown = _broken(shown, scheme)
    return _line_start(shown)


def code(text: str) -> str:
    """A code span that holds the text whole, however many back-ticks it has."""
    shown = printable(text)
    longest = max((len(run) for run in _runs_of_ticks(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _runs_of_ticks(text: str) -> Iterator[str]:
    run = ""
    for char in text + " ":
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""


def _broken(text: str, scheme: str) -> str:
    """Part a scheme's name by an invisible joiner, in any case of letters."""
    lower, at = text.lower(), 0
    out: list[str] = []
    while (found := lower.find(scheme, at)) >= 0:
        out += [text[at : found + 1], _JOINER]
        at = found + 1
    return "".join([*out, text[at:]])


def _line_start(text: str) -> str:
    """Escape what would begin a list or a rule at the start of a line."""
    stripped = text.lstrip()
    number = stripped.split(" ", 1)[0]
    if stripped[:1] in ("-", "+", "=") or (number[:-1].isdigit() and number[-1:] in (".", ")")):
        index = len(text) - len(stripped) + (len(number) - 1 if number[:-1].isdigit() else 0)
        return text[:index] + "\\" + text[index:]
    return text


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Headline):
        note = " ".join(block.note.split())
        yield _marked(block.text, "**") + (f"  \n{_marked(note, '*')}" if note else "")
    elif isinstance(block, Facts):
        yield from _facts(block)
    elif isinstance(block, Points):
        yield from _points(block)
    else:
        yield from _table(block)


def _marked(text: str, mark: str) -> str:
    """Bold or italic text; the marks count only next to a letter, so an empty text has none."""
    inner = escaped(text.strip())
    return f"{mark}{inner}{mark}" if inner else ""


def _facts(block: Facts) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for label, text in block.rows:
        yield f"| {_marked(label, '**')} | {escaped(_cut(_spaced(text)))} |"


def _points(block: Points) -> Iterator[str]:
    yield _marked(block.label.capitalize(), "**")
    yield ""
    for item in block.items:
        command = item.removeprefix(COMMAND)
        yield f"  {code(command)}" if command != item else f"- {escaped(_spaced(item))}"


def _table(block: Table) -> Iterator[str]:
    if block.title:
        yield _marked(block.title, "**")
        yield ""
    yield "| " + " | ".join(escaped(head) for head in block.columns) + " |"
    yield "|" + "|".join("---:" if head in block.numeric else "---" for head in block.columns) + "|"
    for row in block.rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _cell(text: str) -> str:
    """A cell; what looks like an address or a symbol is code."""
    cut = _cut(text)
    is_code = any(mark in cut for mark in ("`", "!", "+0x")) or (len(cut) >= 8 and cut.isalnum() and cut[0].isdigit())
    return code(cut).replace("|", "\\|") if is_code else escaped(_spaced(cut))


def _spaced(text: str) -> str:
    """Runs of spaces that part columns on a terminal, as one dash."""
    return " — ".join(part.strip() for part in text.strip().split("   ") if part.strip())


def _cut(text: str) -> str:
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - 1] + "…"
