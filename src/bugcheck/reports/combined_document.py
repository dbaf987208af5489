"""A CombinedVerdict → the Document a person reads: the answer, the dumps in a row, why, and what changed."""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.findings.findings import Category
from bugcheck.reports.document import Block, Document, Headline, Points, Table
from bugcheck.reports.next_steps import NEXT_HARDWARE
from bugcheck.verdict.combined import CombinedVerdict
from bugcheck.verdict.crash_record import CrashRecord

CHANGES_SHOWN = 8
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
    changed = combined.changed[:CHANGES_SHOWN]
    more = len(combined.changed) - len(changed)
    sections = (
        ("why", combined.because),
        ("against", combined.against),
        ("evidence", _telling(combined)),
        ("bits", _bits(combined)),
        ("when", combined.trend),
        ("changed", (*changed, *((f"and {more} more",) if more else ()))),
        ("would change our mind", combined.would_change_our_mind),
        ("next", (NEXT_HARDWARE,) if combined.category is Category.HARDWARE else ()),
    )
    blocks.extend(Points(label, items) for label, items in sections if any(items))
    return Document(combined.machine, tuple(blocks))


def together_document(verdicts: Sequence[CombinedVerdict]) -> Document:
    """Arrange the verdicts of several machines below each other."""
    documents = [combined_document(each) for each in verdicts]
    subject = ", ".join(dict.fromkeys(each.subject for each in documents))
    return Document(subject, tuple(block for each in documents for block in each.blocks))


def sentence(combined: CombinedVerdict) -> str:
    """The combined verdict in one sentence."""
    total = len(combined.records)
    if combined.category is Category.HARDWARE:
        return _hardware(combined, total)
    if combined.module is not None:
        name = next(r.suspect for r in reversed(combined.records) if r.blame.module == combined.module)
        return f"{name} is behind {combined.count} of {total} crashes of this machine."
    return f"{total} dumps of this machine agree on nothing that could be named."


def _hardware(combined: CombinedVerdict, total: int) -> str:
    bit, times = combined.bits[0] if combined.bits else (0, 0)
    if times > 1:
        return f"Memory or processor: the same bit (bit {bit}) is changed in {times} of {total} dumps of this machine."
    if combined.count:
        return f"Hardware, most likely memory or processor: {combined.count} of {total} dumps of this machine show it."
    return f"Perhaps hardware: the {total} crashes of this machine have no place in common."


def _telling(combined: CombinedVerdict) -> tuple[str, ...]:
    """What each dump that points at hardware shows, where hardware is the answer."""
    if combined.category is not Category.HARDWARE:
        return ()
    speaking = [record for record in combined.records if record.blame.category is Category.HARDWARE]
    return tuple(f"{_when(record)}  {record.blame.because[0]}" for record in speaking[-ROWS_SHOWN:])


def _bits(combined: CombinedVerdict) -> tuple[str, ...]:
    """How often which bit was found changed, where more than one dump has one."""
    if sum(times for _, times in combined.bits) < 2:
        return ()
    counted = ", ".join(f"bit {bit} in {times} dump{'s' if times > 1 else ''}" for bit, times in combined.bits)
    return (f"found changed: {counted}",)


def _when(record: CrashRecord) -> str:
    return record.crash_time.strftime("%Y-%m-%d %H:%M:%S") if record.crash_time else record.path


def _row(record: CrashRecord) -> tuple[str, ...]:
    blame = record.blame
    when = record.crash_time.strftime("%Y-%m-%d %H:%M:%S") if record.crash_time else ""
    suspected = blame.symbol or blame.image or (blame.category.value if blame.level != "none" else "")
    return when, f"{record.code:#x} {record.name}", suspected, blame.level, record.path.rpartition("/")[2]
