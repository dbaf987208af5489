"""A Case → pictures of time: the whole incident, and the minutes before each crash.

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
MOST_HOSTS, MOST_STRIPS, MOST_EVENTS, MOST_ROWS, BINS = 6, 3, 20_000, 40, 400
BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=1)
LOOK_BACK, LOOK_AHEAD = timedelta(days=31), timedelta(days=7)
STEPS = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 720)] + [
    timedelta(days=d) for d in (1, 2, 7, 14, 30, 90, 365)
]
WORDS_LIMIT = 160


@dataclass(frozen=True, slots=True)
class _Window:
    start: datetime
    end: datetime
    zone: tzinfo

    def place(self, moment: datetime) -> float:
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
    window = _Window(start - margin, end + margin, _zone(case, host))
    caption = words["picture"].format(local_time(case, start, host)[:10], local_time(case, end, host)[:10])
    lanes, rows = _lanes(case, words, window)
    table = Grid("", (words["host"], words["kind"], words["number"], words["when"]), tuple(rows)) if rows else None
    return TimePicture(caption, tuple(lanes), tuple(_ticks(window)), (), table, words["in words"])


def strips(case: Case, words: Words) -> Iterator[TimePicture]:
    """The minutes before the last crashes, newest first."""
    stops = [crash for crash in case.investigation.crashes if crash.time is not None]
    for crash in stops[-MOST_STRIPS:][::-1]:
        moment = crash.time or datetime.max
        window = _Window(moment - BEFORE, moment + AFTER, _zone(case, crash.host))
        when = local_time(case, moment, crash.host)
        caption = words["strip"].format(
            f"{BEFORE // timedelta(minutes=1)}", when, crash.host or "?", code_words(crash.code)
        )
        lanes, _ = _lanes(case, words, window)
        rows = tuple(_event_row(case, each, crash.host) for each in _events(case, window)[-MOST_ROWS:])
        heads = (words["when"], words["host"], words["kind"], words["found"], words["where"])
        table = Grid("", heads, rows) if rows else None
        summary = counted(words, "events", len(rows))
        yield TimePicture(caption, tuple(lanes), tuple(_ticks(window)), (window.place(moment),), table, summary)


def _zone(case: Case, host: str) -> tzinfo:
    known = case.timeline.host(host) if host else None
    return known.zone if known else case.created.tzinfo or (next(iter(case.timeline.hosts)).zone)


def _events(case: Case, window: _Window) -> list[TimedEvent]:
    kinds = [kind for each in LANES.values() for kind in each]
    return list(case.timeline.events(*kinds, start=window.start, end=window.end, limit=2000))


def _event_row(case: Case, event: TimedEvent, host: str) -> GridRow:
    evidence = case.timeline.evidence_of(event.evidence)
    place = f"{evidence.path if evidence else event.evidence}, {event.where}"
    when = local_time(case, event.time, event.host or host)[11:19]
    return GridRow((when, event.host, event.kind.replace("_", " "), event.text[:WORDS_LIMIT], place))


def _lanes(case: Case, words: Words, window: _Window) -> tuple[list[TimeLane], list[GridRow]]:
    """A heading and the lanes of each host; and the same as rows of a table."""
    lanes, rows = list[TimeLane](), list[GridRow]()
    failed = case.investigation.failed
    names = [*failed, *(host.name for host in case.timeline.hosts if host.name not in failed)][:MOST_HOSTS]
    for name in names or [""]:
        found = [
            lane for lane in (_crash_lane(case, words, window, name), *_event_lanes(case, words, window, name)) if lane
        ]
        if not found:
            continue
        host = case.timeline.host(name)
        role = f"  ({words.get(host.role, host.role)})" if host and host.role else ""
        lanes += [TimeLane((name or "?") + role), *found]
        rows += [
            GridRow((name, lane.label, f"{len(lane.marks):,}", f"{lane.marks[0].words} … {lane.marks[-1].words}"))
            for lane in found
            if lane.marks
        ]
    return lanes, rows


def _crash_lane(case: Case, words: Words, window: _Window, host: str) -> TimeLane | None:
    marks = [
        Mark(window.place(crash.time), f"{local_time(case, crash.time, host)}  {code_words(crash.code)}".rstrip())
        for crash in case.investigation.stops
        if crash.host == host and crash.time is not None and window.start <= crash.time <= window.end
    ]
    if not marks and host not in case.investigation.failed:
        return None
    return TimeLane(words["lane crash"], "crash", tuple(marks), ((0.0, 1.0),) if marks else ())


def _event_lanes(case: Case, words: Words, window: _Window, host: str) -> Iterator[TimeLane]:
    for tone, kinds in LANES.items():
        covered = case.timeline.coverage(kinds, window.start, window.end, host or None).covered
        events = case.timeline.events(*kinds, host=host, start=window.start, end=window.end, limit=MOST_EVENTS)
        bins: dict[int, list[TimedEvent]] = {}
        for event in events:
            if event.time >= window.start:
                bins.setdefault(int(window.place(event.time) * BINS), []).append(event)
        marks = tuple(Mark(window.place(found[0].time), _told(case, found, host)) for found in bins.values())
        if marks or covered:
            beds = tuple((window.place(start), window.place(end)) for start, end in covered)
            yield TimeLane(words[f"lane {tone}"], tone, marks, beds)


def _told(case: Case, events: list[TimedEvent], host: str) -> str:
    first = events[0]
    more = f" (+{len(events) - 1})" if len(events) > 1 else ""
    return f"{local_time(case, first.time, host)[:19]}  {first.text[:WORDS_LIMIT]}{more}"


def _ticks(window: _Window) -> Iterator[tuple[float, str]]:
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
        moment += step
