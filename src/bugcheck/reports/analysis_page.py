"""An Analysis → the Page of the long report: the answer, why, where to check it, what is missing, then the material.

The order is that of the screen (design/screens.md): what a person needs first stands first, and what only checks it
stands below, where the citations jump to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bugcheck import __version__
from bugcheck.addresses import format_address
from bugcheck.findings.findings import Citation, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.context import Context
from bugcheck.machine.secondary_data import decode_secondary_data
from bugcheck.reports.analysis_document import TONES, analysis_document, confidence_note, other_findings, title_of
from bugcheck.reports.document import Facts, Headline
from bugcheck.reports.gap_lines import by_remedy, joined
from bugcheck.reports.memory_picture import memory_pictures, size_text
from bugcheck.reports.next_steps import next_steps
from bugcheck.reports.page import (
    COMMAND,
    Entries,
    Entry,
    Grid,
    GridRow,
    Link,
    Page,
    Part,
    Registers,
    Remedies,
    Remedy,
    Section,
    Statement,
    Statements,
    anchor_of,
)
from bugcheck.reports.page_modules import module_anchor, module_sections
from bugcheck.reports.page_stack import stack_list
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.signature import sign

if TYPE_CHECKING:
    from bugcheck.known_issues.matching import Match

CODE_LABELS = frozenset({"code", "exception"})
SPOKEN_KINDS = frozenset({"register", "frame", "module", "memory"})
"""Kinds of citations that are said before the place."""
MAX_VALUE = 400
"""Characters of one value of secondary data."""
PLACES = {
    "bug check code": "bug-check",
    "faulting instruction": "code",
    "failed address": "code",
    "broken driver": "dump",
    "exception": "exception",
}
"""What rules call a place → its anchor."""


def analysis_page(analysis: Analysis, known_issues: Sequence[Match] = ()) -> Page:
    """Arrange all that is known of one dump."""
    blame = analysis.blame
    words = confidence_note(blame).replace("  ", " ")
    note = f"{blame.category.value}, {words} ({blame.confidence:.2f})" if words else ""
    sections = [
        Section("What happened", (Entries(tuple(_facts(analysis))),), "facts"),
        *_reasons(analysis, known_issues),
        *_known(known_issues),
        *_stack(analysis),
        *_missing(analysis),
        *_next(analysis, known_issues),
        *_registers(analysis),
        *module_sections(analysis, _named(analysis)),
        *_memory(analysis),
        *_secondary(analysis),
        *_other_stacks(analysis),
    ]
    return Page(
        subject=analysis.path,
        headline=Headline(analysis.headline, note, TONES[blame.level]),
        sections=tuple(sections),
        confidence=blame.confidence if blame.level != "none" else None,
        colophon=_colophon(analysis),
    )


def _colophon(analysis: Analysis) -> str:
    size = f"{analysis.dump.file.size:,} bytes"
    digest = f" · SHA-256 {analysis.sha256}" if analysis.sha256 else ""
    return f"{analysis.path} · {size}{digest} · bugcheck {__version__}"


# --- facts ---


def _facts(analysis: Analysis) -> Iterator[Entry]:
    """The facts of the screen, each label an anchor, the parameters too."""
    dump = analysis.dump
    facts = next(block for block in analysis_document(analysis).blocks if isinstance(block, Facts))
    label = ""
    for name, text in facts.rows:
        label = name or label
        number, _, rest = text.partition("  ")
        is_parameter = label == "bug check" and not name and number in ("1", "2", "3", "4") and bool(rest)
        anchor = f"parameter-{number}" if is_parameter else anchor_of(name)
        yield Entry(name, f"{number} · {rest.strip()}" if is_parameter else text, anchor, label in CODE_LABELS)
    comment = dump.kernel.comment if dump.kernel else dump.user.comment if dump.user else ""
    if comment:
        yield Entry("comment", comment, "comment")
    yield Entry("bucket", sign(analysis.crash, analysis.blame).failure_bucket_id, "bucket", code=True)


# --- why ---


def _reasons(analysis: Analysis, known_issues: Sequence[Match]) -> Iterator[Section]:
    blame = analysis.blame
    others = other_findings(analysis, known_issues)
    doubts = tuple(Statement(text) for text in blame.would_change_our_mind)
    groups = [
        ("why", "for", _statements(_by_statement(analysis, blame.because), analysis)),
        ("against", "against", _statements(_by_statement(analysis, blame.against), analysis)),
        ("also", "", _statements(others, analysis)),
        ("would change our mind", "doubt", doubts),
    ]
    filled = [(label, tone, items) for label, tone, items in groups if items]
    if filled:
        (_, tone, items), *rest = filled
        parts = (Statements("", items, tone), *(Statements(label, items, tone) for label, tone, items in rest))
        yield Section("Why" if blame.because else "Seen", parts, "why")


def _known(matches: Sequence[Match]) -> Iterator[Section]:
    if matches:
        from bugcheck.reports.known_issue_document import match_details, match_line

        parts = tuple(
            Statements(match_line(each), tuple(Statement(f"{label}: {text}") for label, text in match_details(each)))
            for each in matches
        )
        yield Section("Known issues", parts, "known-issues")


def _statements(findings: Sequence[Finding | str], analysis: Analysis) -> tuple[Statement, ...]:
    return tuple(_statement(finding, analysis) for finding in findings)


def _by_statement(analysis: Analysis, statements: tuple[str, ...]) -> list[Finding | str]:
    """The findings behind the sentences of a blame; a sentence without one stays a sentence."""
    known = {finding.statement: finding for finding in analysis.findings}
    return [known.get(statement, statement) for statement in statements]


def _statement(finding: Finding | str, analysis: Analysis) -> Statement:
    if isinstance(finding, str):
        return Statement(finding)
    links = tuple(Link(_cited(citation), _target(citation, analysis)) for citation in finding.citations)
    weight = f", weight {finding.weight:g}" if finding.weight else ""
    return Statement(finding.statement, links, f"rule {finding.rule}{weight}")


def _cited(citation: Citation) -> str:
    said = citation.kind not in SPOKEN_KINDS or citation.where.startswith(citation.kind)
    where = citation.where if said else f"{citation.kind} {citation.where}"
    return f"{where} = {citation.value}" if citation.value and citation.value not in where else where


def _target(citation: Citation, analysis: Analysis) -> str:
    """The anchor a citation's evidence has; "" where it has none."""
    kind, where = citation.kind, citation.where.lower()
    if where in PLACES:
        return PLACES[where]
    number = "".join(char for char in where if char.isdigit())
    if kind == "parameter" or where.startswith("parameter "):
        return f"parameter-{number}"
    if kind == "register":
        return f"register-{where.removeprefix('register ').strip()}"
    if kind == "frame":
        return f"level-{number}"
    if kind == "module":
        if where == "unloaded":
            return "unloaded"
        module = analysis.modules.named(citation.where) or analysis.modules.named(citation.value)
        return module_anchor(module) if module else "modules"
    if "stack" in where:
        return "stack"
    return "memory" if kind in ("memory", "address") else "facts"


# --- stack ---


def _stack(analysis: Analysis) -> Iterator[Section]:
    stack = analysis.crash.telling_stack
    if stack is None or not stack.frames:
        return
    where = "" if stack.title == stack.context.source else f", from the {stack.context.source}"
    yield Section(f"Stack of {title_of(stack)}{where}", (stack_list(stack, analysis.blame.module, "level"),), "stack")


def _other_stacks(analysis: Analysis) -> Iterator[Section]:
    """The stack of the stopped processor, where the fault's own is the one that tells."""
    stack = analysis.crash.stack
    if analysis.crash.fault_stack is not None and stack is not None and stack.frames:
        yield Section(f"Stack of {title_of(stack)}", (stack_list(stack, analysis.blame.module, ""),), folded=True)


def _named(analysis: Analysis) -> frozenset[str]:
    """Names of the modules this report speaks of."""
    stack = analysis.crash.telling_stack
    on_stack = {frame.module.name for frame in stack.frames if frame.module} if stack else set[str]()
    accused = {finding.module for finding in analysis.findings if finding.module}
    cited = {c.where for f in analysis.findings for c in f.citations if c.kind == "module"}
    return frozenset(on_stack | accused | cited)


# --- material ---


def _missing(analysis: Analysis) -> Iterator[Section]:
    if analysis.gaps:
        items = tuple(_remedies(analysis.gaps))
        yield Section("Missing", (Remedies(items),), "missing")


def _next(analysis: Analysis, known_issues: Sequence[Match]) -> Iterator[Section]:
    """What to do; a command stands with the line before it."""
    items: list[Remedy] = []
    for step in next_steps(analysis, known_issues):
        if step.startswith(COMMAND) and items:
            last = items.pop()
            items.append(Remedy("", last.missing, step.removeprefix(COMMAND)))
        else:
            items.append(Remedy("", step, ""))
    if items:
        yield Section("Next", (Remedies(tuple(items)),), "next")


def _remedies(gaps: tuple[Gap, ...]) -> Iterator[Remedy]:
    """One entry for what one command answers about symbols; the others as they are."""
    for group in by_remedy(gaps):
        together = joined(group)
        if together is not None:
            yield Remedy(*together, group[0].remedy)
        else:
            yield from (Remedy(gap.what, gap.missing, gap.remedy) for gap in group)


def _registers(analysis: Analysis) -> Iterator[Section]:
    bits = analysis.machine.architecture.bits
    contexts = analysis.machine.contexts
    if contexts:
        yield Section("Registers at the fault", (_register_part(contexts[0], bits, "register"),), "registers")
    if len(contexts) > 1:
        parts = tuple(_register_part(context, bits, "") for context in contexts[1:])
        yield Section("Registers elsewhere", parts, folded=True)


def _register_part(context: Context, bits: int, prefix: str) -> Registers:
    values = tuple((name, format_address(value, bits)) for name, value in context.registers.items())
    return Registers(f"from the {context.source}", values, prefix)


def _memory(analysis: Analysis) -> Iterator[Section]:
    parts: list[Part] = [*memory_pictures(analysis.dump)]
    if analysis.dump.left_out:
        items = tuple(Statement(text) for text in analysis.dump.left_out)
        parts.append(Statements("left out by the writer", items))
    if parts:
        yield Section("Memory in the dump", tuple(parts), "memory")


def _secondary(analysis: Analysis) -> Iterator[Section]:
    if not analysis.dump.is_kernel:
        rows = tuple(
            GridRow((s.name or s.kind, size_text(s.size), f"{s.file_offset:#x}")) for s in analysis.dump.streams
        )
        columns = ("streams", "size", "file offset")
    else:
        items = decode_secondary_data(analysis.dump)
        rows = tuple(GridRow((i.name or i.guid, size_text(i.size), (i.summary or i.holds)[:MAX_VALUE])) for i in items)
        columns = ("secondary data", "size", "what it says")
    if rows:
        grid = Grid("", columns, rows, numeric=frozenset({"size"}))
        yield Section(f"{columns[0].capitalize()} ({len(rows)})", (grid,), "secondary", folded=len(rows) > 8)
