"""A Case → the picture of its time: hosts as lanes, what happened as marks, what is known as beds.

Source: the timeline.  A lane's bed is drawn only where some file would have told of such an event, so that an empty
bed means silence and a dotted line means that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from bugcheck.cases.investigate import Case
from bugcheck.records import dataclass
from bugcheck.reports.case_document import code_words, local_time
from bugcheck.reports.case_words import Words, counted
from bugcheck.reports.page import Grid, GridRow, Mark, TimeLane, TimePicture
from bugcheck.timeline.timed_event import TimedEvent

LANES = {
    "attack": ("attack",),
    "hardware": ("whea_error", "disk_error", "file_system_error", "display_reset", "thermal", "memory_low"),
    "security": ("antivirus_update", "antivirus_update_failed", "antivirus_detection", "protection_blocked"),
    "change": ("driver_installed", "software_installed", "software_removed", "update_installed", "service_installed"),
    "job": ("task_run", "file_copied", "backup"),
    "logon": ("logon",),
    "boot": ("boot",),
    "person": ("action", "check", "note"),
}
"""Lanes of a host, by the kinds of events they show."""
MOST_HOSTS, MOST_EVENTS, BINS = 6, 20_000, 400
LOOK_BACK, LOOK_AHEAD = timedelta(days=31), timedelta(days=7)
STEPS = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 720)] + [
    timedelta(days=d) for d in (1, 2, 7, 14, 30, 90, 365)
]
WORDS_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that is drawn, on one host's clock."""

    start: datetime
    end: datetime
    zone: tzinfo

    def place(self, moment: datetime) -> float:
        """Where a moment stands along the width, 0 to 1."""
        return min(1.0, max(0.0, (moment - self.start) / (self.end - self.start)))


def whole_picture(case: Case, words: Words) -> TimePicture | None:
    """The whole incident; None when nothing has a time."""
    times, known = case.investigation.times, case.timeline.span()
    if known is None:
        return None
    start, end = known
    if times:
        start, end = max(start, times[0] - LOOK_BACK), min(max(end, times[-1]), times[-1] + LOOK_AHEAD)
    margin = max((end - start) * 0.02, timedelta(minutes=1))
    host = next(iter(case.investigation.failed), "")
    window = Window(start - margin, end + margin, _zone(case, host))
    caption = words["picture"].format(local_time(case, start, host)[:10], local_time(case, end, host)[:10])
    lanes, rows, cut = _lanes(case, words, window)
    table = Grid("", (words["host"], words["kind"], words["number"], words["when"]), tuple(rows)) if rows else None
    return TimePicture(caption, tuple(lanes), tuple(_ticks(window)), (), table, words["in words"], "  ".join(cut))


def _zone(case: Case, host: str) -> tzinfo:
    known = case.timeline.host(host) if host else None
    return known.zone if known else case.created.tzinfo or (next(iter(case.timeline.hosts)).zone)


def shown_hosts(case: Case) -> list[str]:
    """The hosts that are drawn, those that failed first."""
    failed = case.investigation.failed
    return [*failed, *(host.name for host in case.timeline.hosts if host.name not in failed)]


def _lanes(case: Case, words: Words, window: Window) -> tuple[list[TimeLane], list[GridRow], list[str]]:
    """A heading and the lanes of each host; the same as rows of a table; and what is not drawn."""
    lanes, rows, cut = list[TimeLane](), list[GridRow](), list[str]()
    names = shown_hosts(case)
    if names[MOST_HOSTS:]:
        cut.append(counted(words, "hosts cut", len(names) - MOST_HOSTS))
    for name in names[:MOST_HOSTS] or [""]:
        found = [
            lane
            for lane in (_crash_lane(case, words, window, name), *_event_lanes(case, words, window, name, cut))
            if lane
        ]
        if not found:
            continue
        lanes += [TimeLane(host_label(case, words, name)), *found]
        rows += [
            GridRow((name, lane.label, f"{len(lane.marks):,}", f"{lane.marks[0].words} … {lane.marks[-1].words}"))
            for lane in found
            if lane.marks
        ]
    return lanes, rows, cut


def host_label(case: Case, words: Words, name: str) -> str:
    """A host's name, with its role."""
    host = case.timeline.host(name)
    return (name or "?") + (f"  ({words.get(host.role, host.role)})" if host and host.role else "")


def _crash_lane(case: Case, words: Words, window: Window, host: str) -> TimeLane | None:
    marks = [
        Mark(window.place(crash.time), f"{local_time(case, crash.time, host)}  {code_words(crash.code)}".rstrip())
        for crash in case.investigation.stops
        if crash.host == host and crash.time is not None and window.start <= crash.time <= window.end
    ]
    if not marks and host not in case.investigation.failed:
        return None
    return TimeLane(words["lane crash"], "crash", tuple(marks), ((0.0, 1.0),) if marks else ())


def _event_lanes(case: Case, words: Words, window: Window, host: str, cut: list[str]) -> Iterator[TimeLane]:
    for tone, kinds in LANES.items():
        covered = case.timeline.coverage(kinds, window.start, window.end, host or None).covered
        events = case.timeline.events(*kinds, host=host, start=window.start, end=window.end, limit=MOST_EVENTS + 1)
        bins: dict[int, list[TimedEvent]] = {}
        for number, event in enumerate(events):
            if number == MOST_EVENTS:
                cut.append(words["events cut"].format(MOST_EVENTS, words[f"lane {tone}"], host or "?"))
            elif event.time >= window.start:
                bins.setdefault(int(window.place(event.time) * BINS), []).append(event)
        marks = tuple(Mark(window.place(found[0].time), _told(case, found, host)) for found in bins.values())
        if marks or covered:
            beds = tuple((window.place(start), window.place(end)) for start, end in covered)
            yield TimeLane(words[f"lane {tone}"], tone, marks, beds)


def _told(case: Case, events: list[TimedEvent], host: str) -> str:
    first = events[0]
    more = f" (+{len(events) - 1})" if len(events) > 1 else ""
    return f"{local_time(case, first.time, host)[:19]}  {first.text[:WORDS_LIMIT]}{more}"


def _ticks(window: Window) -> Iterator[tuple[float, str]]:
    """At most about ten round moments of the host's own clock."""
    length = window.end - window.start
    step = next((each for each in STEPS if length / each <= 10), length / 8)
    local = window.start.astimezone(window.zone)
    moment = local.replace(hour=0, minute=0, second=0, microsecond=0)
    form = "%H:%M" if length <= timedelta(days=1) else "%m-%d %H:%M" if step < timedelta(days=1) else "%Y-%m-%d"
    for _ in range(2000):
        if moment > window.end:
            return
        if moment >= window.start:
            yield window.place(moment), f"{moment:{form}}"
        if window.end - moment < step:
            return  # and not a step beyond what a clock can say, where a damaged log says 9999
        moment += step
