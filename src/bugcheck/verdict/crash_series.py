"""Crashes of one machine in their order → how often they come, which bits repeat, which drivers changed in between.

Folklore: a machine that always stops minutes after starting has its cause in what runs at start; one whose intervals
shrink is getting worse, which hardware does and software seldom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bugcheck.knowledge.drivers import find_driver
from bugcheck.timestamps import format_span, from_unix
from bugcheck.verdict.crash_record import CrashRecord

EARLY = 20 * 60.0
"""Seconds after start-up within which a crash counts as early."""
FEWEST = 5
"""Crashes from which a trend is told."""
EARLIEST, LATEST = 1996, 2037
"""Years of time stamps that are read as days; reproducible builds write a hash there."""
CLEARLY = 2.0
"""Factor between the typical intervals of the first and the second half that is a trend."""


def repeated_bits(group: Sequence[CrashRecord]) -> tuple[tuple[int, int], ...]:
    """Count changed bits over the dumps, most frequent first."""
    return tuple(Counter(bit for record in group for bit in record.bits).most_common())


def trend_of(group: Sequence[CrashRecord]) -> Iterator[str]:
    """Say over what time the crashes lie, whether they come faster, and how soon after start-up."""
    moments = [record.crash_time for record in group if record.crash_time]
    if len(moments) > 1:
        yield f"{len(moments)} crashes within {format_span((moments[-1] - moments[0]).total_seconds())}"
    yield from _pace([(b - a).total_seconds() for a, b in pairwise(moments)])
    uptimes = [record.uptime for record in group if record.uptime is not None]
    early = [uptime for uptime in uptimes if uptime <= EARLY]
    if len(early) > 1 and len(early) >= 0.8 * len(uptimes):
        every = "each" if len(early) == len(uptimes) else f"{len(early)} of them"
        where = "what is loaded or used at start is the place to look"
        yield f"{every} within {format_span(max(early))} of start-up: {where}"


def _pace(intervals: list[float]) -> Iterator[str]:
    if len(intervals) < FEWEST - 1:
        return
    half = len(intervals) // 2
    first, second = (sorted(part)[len(part) // 2] for part in (intervals[:half], intervals[-half:]))
    if first > CLEARLY * second:
        yield f"they come faster: typically {format_span(first)} apart at first, {format_span(second)} lately"
    elif second > CLEARLY * first:
        yield f"they come more slowly: typically {format_span(first)} apart at first, {format_span(second)} lately"


def changes_between(group: Sequence[CrashRecord]) -> Iterator[str]:
    """Tell which drivers came, went or changed for good, and before which crash: suspects first, then others' drivers.

    Drivers that come and go are loaded when needed, and Windows' own come with devices; only their replacement counts.
    """
    suspects = {record.blame.image.lower() for record in group if record.blame.image}
    loaded = [record.driver_stamps() for record in group]
    found: list[tuple[int, str]] = []
    for index in range(1, len(group)):
        old, new = group[index - 1].kernel_version, group[index].kernel_version
        if old != new:
            found.append((1, f"Windows itself was updated ({old} → {new}) before the crash of {_moment(group[index])}"))
        before, after = loaded[index - 1], loaded[index]
        for image in sorted(image for image in before.keys() | after.keys() if before.get(image) != after.get(image)):
            facts = find_driver(image)
            inbox = facts is not None and facts.ships_with_windows is True
            lasting = _is_lasting(image, loaded, index)
            if lasting and not (inbox and None in (before.get(image), after.get(image))):
                words = _change(before.get(image), after.get(image))
                rank = 0 if image in suspects else 2 if inbox else 1
                found.append((rank, f"{image} {words} before the crash of {_moment(group[index])}"))
    yield from (text for _, text in sorted(found, key=lambda each: each[0]))


def _is_lasting(image: str, loaded: Sequence[dict[str, str]], index: int) -> bool:
    """Tell whether all dumps before `index` agree on a driver, and all from there on."""
    before, after = ({each.get(image) for each in part} for part in (loaded[:index], loaded[index:]))
    return len(before) == len(after) == 1 or None not in before | after


def _moment(record: CrashRecord) -> str:
    return record.crash_time.strftime("%Y-%m-%d %H:%M") if record.crash_time else record.path


def _change(before: str | None, after: str | None) -> str:
    if before is None:
        return f"is new ({_built(after)})"
    return "is gone" if after is None else f"was replaced ({_built(before)} → {_built(after)})"


def _built(stamp: str | None) -> str:
    """A time stamp as the day of building, or as it stands where it is no plausible day."""
    moment = from_unix(int(stamp or "0", 16))
    plausible = moment is not None and EARLIEST <= moment.year <= LATEST
    return f"built {moment:%Y-%m-%d}" if moment is not None and plausible else f"time stamp {stamp}"
