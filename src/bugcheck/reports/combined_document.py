"""A CombinedVerdict → the Document a person reads: the answer, the dumps in a row, why, and what changed."""

from __future__ import annotations

from bugcheck.findings.findings import Category
from bugcheck.reports.document import Block, Document, Headline, Points, Table
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.combined import CombinedVerdict
from bugcheck.verdict.headline import described

CHANGES_SHOWN = 12


def combined_document(combined: CombinedVerdict) -> Document:
    """Arrange one machine's verdict for a person."""
    note = f"confidence  {combined.level}" if combined.level != "none" else ""
    rows = tuple(_row(analysis) for analysis in combined.analyses)
    blocks: list[Block] = [
        Headline(sentence(combined), note, "red" if combined.level in ("high", "medium") else ""),
        Table(combined.machine, ("when (UTC)", "bug check", "suspected", "how sure", "file"), rows),
    ]
    if combined.because:
        blocks.append(Points("why", combined.because))
    if combined.against:
        blocks.append(Points("against", combined.against))
    if combined.changed:
        shown = combined.changed[:CHANGES_SHOWN]
        more = len(combined.changed) - len(shown)
        blocks.append(Points("changed", (*shown, *((f"and {more} more",) if more else ()))))
    return Document(combined.machine, tuple(blocks))


def sentence(combined: CombinedVerdict) -> str:
    """The combined verdict in one sentence."""
    total = len(combined.analyses)
    if combined.category is Category.HARDWARE:
        return f"Hardware, most likely memory or processor: seen over {total} dumps of this machine."
    if combined.module is not None:
        newest = next(a for a in reversed(combined.analyses) if a.blame.module == combined.module)
        module = newest.modules.named(combined.module)
        name = described(newest.crash, module) if module else combined.module
        return f"{name} is behind {combined.count} of {total} crashes of this machine."
    return f"{total} dumps of this machine agree on nothing that could be named."


def _row(analysis: Analysis) -> tuple[str, ...]:
    system, check, blame = analysis.system, analysis.bugcheck, analysis.blame
    when = system.crash_time.strftime("%Y-%m-%d %H:%M:%S") if system and system.crash_time else ""
    code = f"{check.code:#x} {check.name}" if check else ""
    suspected = blame.symbol or blame.image or (blame.category.value if blame.level != "none" else "")
    return when, code, suspected, blame.level, analysis.path.rpartition("/")[2]
