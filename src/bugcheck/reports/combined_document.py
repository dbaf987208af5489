"""A CombinedVerdict → the Document a person reads: the answer, the dumps in a row, why, and what changed."""

from __future__ import annotations

from bugcheck.findings.findings import Category
from bugcheck.reports.document import Block, Document, Headline, Points, Table
from bugcheck.verdict.combined import CombinedVerdict
from bugcheck.verdict.crash_record import CrashRecord

CHANGES_SHOWN = 12
ROWS_SHOWN = 24


def combined_document(combined: CombinedVerdict) -> Document:
    """Arrange one machine's verdict for a person."""
    note = f"confidence  {combined.level}" if combined.level != "none" else ""
    newest = combined.records[-ROWS_SHOWN:]
    title = combined.machine if len(newest) == len(combined.records) else f"{combined.machine}: the last {ROWS_SHOWN}"
    blocks: list[Block] = [
        Headline(sentence(combined), note, "red" if combined.level in ("high", "medium") else ""),
        Table(title, ("when (UTC)", "bug check", "suspected", "how sure", "file"), tuple(map(_row, newest))),
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
    total = len(combined.records)
    if combined.category is Category.HARDWARE:
        return f"Hardware, most likely memory or processor: seen over {total} dumps of this machine."
    if combined.module is not None:
        name = next(r.suspect for r in reversed(combined.records) if r.blame.module == combined.module)
        return f"{name} is behind {combined.count} of {total} crashes of this machine."
    return f"{total} dumps of this machine agree on nothing that could be named."


def _row(record: CrashRecord) -> tuple[str, ...]:
    blame = record.blame
    when = record.crash_time.strftime("%Y-%m-%d %H:%M:%S") if record.crash_time else ""
    suspected = blame.symbol or blame.image or (blame.category.value if blame.level != "none" else "")
    return when, f"{record.code:#x} {record.name}", suspected, blame.level, record.path.rpartition("/")[2]
