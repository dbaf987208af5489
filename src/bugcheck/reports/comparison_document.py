"""A Comparison → the Document that answers: the same crash? why, why not, and what changed in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table
from bugcheck.stack.frame import Frame
from bugcheck.timestamps import format_span, from_unix
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.comparison import Comparison, Outcome, crash_place
from bugcheck.verdict.driver_changes import DriverChange

MAX_CHANGES = 24
MAX_LEVELS = 16
TONES = {Outcome.SAME: "red", Outcome.PROBABLY_SAME: "yellow", Outcome.DIFFERENT: "green", Outcome.NOT_COMPARABLE: ""}


def comparison_document(
    first: Analysis, second: Analysis, comparison: Comparison, *, verbose: bool = False
) -> Document:
    """Arrange a comparison for a person; `first` and `second` as they were given to `compare`."""
    blocks: list[Block] = [
        Headline(comparison.headline, f"score  {comparison.score:+.1f}", TONES[comparison.outcome]),
        Facts((("A", first.path), ("B", second.path), *_apart(first, second))),
        _side_by_side(first, second),
    ]
    for label, reasons in (("for same", comparison.for_same), ("against", comparison.against)):
        if reasons:
            blocks.append(Points(label, tuple(f"{reason.statement}  ({reason.weight:+.1f})" for reason in reasons)))
    blocks.extend(_stacks(comparison, verbose))
    blocks.extend(_changes(comparison, verbose))
    if comparison.outcome is Outcome.DIFFERENT:
        advice = (
            "scattered crashes of one machine can still have one cause (bad memory, say); the combined verdict tells"
        )
        blocks.append(Points("but", (advice, f"→ bugcheck analyze {first.path} {second.path}")))
    return Document(f"{first.path} {second.path}", tuple(blocks))


def _apart(first: Analysis, second: Analysis) -> Iterator[tuple[str, str]]:
    a, b = _time(first), _time(second)
    if a is not None and b is not None:
        span = (b - a).total_seconds()
        if abs(span) >= 1:
            yield "apart", f"{format_span(abs(span))}, {'B' if span > 0 else 'A'} is later"


def _time(analysis: Analysis) -> datetime | None:
    return analysis.system.crash_time if analysis.system else None


def _side_by_side(first: Analysis, second: Analysis) -> Table:
    ours, theirs = dict(_traits(first)), dict(_traits(second))
    rows = [
        (name, ours.get(name, ""), theirs.get(name, ""), "=" if ours.get(name) == theirs.get(name) else "≠")
        for name in dict.fromkeys([*ours, *theirs])
    ]
    return Table("", ("", "A", "B", "·"), tuple(rows))


def _traits(analysis: Analysis) -> Iterator[tuple[str, str]]:
    check, exception, system, place = (
        analysis.bugcheck, analysis.machine.exception, analysis.system, crash_place(analysis),
    )  # fmt: skip
    moment = _time(analysis)
    if moment is not None:
        yield "stopped", moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    if check is not None:
        yield "bug check", f"{check.code:#x} {check.name.removesuffix('_M')}"
    if exception is not None:
        yield "exception", exception.name
    yield (
        "put down to",
        analysis.blame.image or (analysis.blame.category.value if analysis.blame.level != "none" else "?"),
    )
    if place is not None:
        yield "place", place.name
    if analysis.machine.process is not None:
        yield "process", analysis.machine.process.name
    if system is not None:
        yield "system", f"{system.os} ({system.kernel_version or system.build_lab or system.build})"


def _stacks(comparison: Comparison, verbose: bool) -> Iterator[Table]:
    if comparison.stacks is None or not comparison.stacks.pairs:
        return
    pairs = comparison.stacks.pairs
    shown = pairs if verbose else pairs[:MAX_LEVELS]
    rows = [(_level(a), _level(b), "=" if a and b else "") for a, b in shown]
    if len(shown) < len(pairs):
        rows.append((f"… {len(pairs) - len(shown)} more: -v lists them", "", ""))
    yield Table(f"Stacks, {comparison.stacks.similarity:.0%} alike", ("A", "B", "·"), tuple(rows))


def _level(frame: Frame | None) -> str:
    return frame.name if frame else ""


def _changes(comparison: Comparison, verbose: bool) -> Iterator[Block]:
    drivers = comparison.drivers
    chosen = drivers.changes if verbose else drivers.third_party
    hidden = len(drivers.changes) - len(chosen)
    title = f"Changed from A to B ({drivers.common} modules are the same)"
    rows = [_change(change) for change in chosen[: len(chosen) if verbose else MAX_CHANGES]]
    if len(rows) < len(chosen):
        rows.append(("…", f"{len(chosen) - len(rows)} more: -v lists them", "", ""))
    if hidden:
        plural = "s" if hidden > 1 else ""
        rows.append((f"{hidden} module{plural} of Windows", "changed", "", ""))
    if rows:
        yield Table(title, ("module", "what", "A", "B"), tuple(rows))
    else:
        yield Points("drivers", (f"no module changed ({drivers.common} are the same)",))


def _change(change: DriverChange) -> tuple[str, str, str, str]:
    builds = [f"{_linked(m.time_date_stamp)} {m.version}".strip() if m else "" for m in (change.before, change.after)]
    return change.name, change.kind, builds[0], builds[1]


def _linked(stamp: int) -> str:
    """A time stamp as a date where it can be one, else as the build's number."""
    moment = from_unix(stamp)
    plausible = moment is not None and 1990 <= moment.year <= 2035
    return moment.strftime("%Y-%m-%d") if plausible and moment else f"{stamp:08x}"
