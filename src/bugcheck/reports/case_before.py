"""A Case → the minutes before its crashes in one picture: a row a crash, all aligned at the crash.

Source: the timeline.  What comes before every crash stands in a column; what only happened by chance does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bugcheck.cases.investigate import Case
from bugcheck.records import dataclass
from bugcheck.reports.case_document import local_time
from bugcheck.reports.case_picture import LANES, MOST_HOSTS, WORDS_LIMIT, shown_hosts
from bugcheck.reports.case_words import Words, counted
from bugcheck.reports.page import Grid, GridRow, Mark, TimeLane, TimePicture
from bugcheck.reports.spoken import Say
from bugcheck.timeline.crashes import IncidentCrash
from bugcheck.timeline.timed_event import TimedEvent

BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=1)
MOST_CRASHES, MOST_MARKS, MOST_ROWS = 6, 200, 60
TICKS = (15, 10, 5)
"""Minutes before the crash that the scale names."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What a kind of event did on one host before one crash, and the places for which some file speaks."""

    crash: IncidentCrash
    events: tuple[TimedEvent, ...]
    beds: tuple[tuple[float, float], ...]


def before_crashes(case: Case, words: Words, say: Say = str) -> TimePicture | None:
    """The minutes before the newest crashes; None when no crash has a time."""
    timed = [crash for crash in case.investigation.crashes if crash.time is not None]
    crashes = timed[-MOST_CRASHES:][::-1]
    if not crashes:
        return None
    lanes, told, silent, unknown = list[TimeLane](), list[GridRow](), dict[str, list[str]](), dict[str, list[str]]()
    for tone in LANES:
        for host in shown_hosts(case)[:MOST_HOSTS]:
            rows = [_row(case, crash, tone, host) for crash in crashes]
            label = words[f"lane {tone}"]
            if any(row.events for row in rows):
                lanes += _lanes(case, rows, f"{label}, {host}", tone)
                told += [_told(case, row.crash, event, say) for row in rows for event in row.events]
            else:
                watched = all(_length(row.beds) > 0.99 * _place(timedelta()) for row in rows)
                (silent if watched else unknown).setdefault(label, []).append(host)
    minutes = f"{BEFORE // timedelta(minutes=1)}"
    quiet = (("silent", silent), ("unwatched", unknown))
    notes = [words[key].format(_listed(found, words)) for key, found in quiet if found]
    if len(timed) > len(crashes):
        notes.append(counted(words, "crashes cut", len(timed) - len(crashes)))
    heads = (words["crash"], words["before"], words["host"], words["kind"], words["found"], words["where"])
    table = Grid("", heads, tuple(told[:MOST_ROWS])) if told else None
    return TimePicture(
        counted(words, "before picture", len(crashes)).replace("MINUTES", minutes),
        tuple(lanes),
        (*((_place(timedelta(minutes=each)), f"−{each} min") for each in TICKS), (_place(timedelta()), words["crash"])),
        (_place(timedelta()),),
        table,
        words["in words"],
        "  ".join(notes),
    )


def _listed(found: dict[str, list[str]], words: Words) -> str:
    return words["comma"].join(f"{label} ({words['comma'].join(hosts)})" for label, hosts in found.items())


def _place(before: timedelta) -> float:
    return (BEFORE - before) / (BEFORE + AFTER)


def _length(spans: tuple[tuple[float, float], ...]) -> float:
    return sum(end - start for start, end in spans)


def _row(case: Case, crash: IncidentCrash, tone: str, host: str) -> _Row:
    moment = crash.time or case.created
    start, end = moment - BEFORE, moment + AFTER
    covered = case.timeline.coverage(LANES[tone], start, moment, host).covered
    events = case.timeline.events(*LANES[tone], host=host, start=start, end=end, limit=MOST_MARKS)
    beds = tuple((_place(moment - first), _place(moment - last)) for first, last in covered)
    return _Row(crash, tuple(each for each in events if each.time >= start), beds)


def _lanes(case: Case, rows: list[_Row], label: str, tone: str) -> Iterator[TimeLane]:
    """A heading, and a lane a crash."""
    yield TimeLane(label)
    for row in rows:
        moment = row.crash.time or case.created
        marks = tuple(
            Mark(_place(moment - each.time), f"{_ago(row.crash, each)}  {each.text[:WORDS_LIMIT]}")
            for each in row.events
        )
        yield TimeLane(local_time(case, moment, row.crash.host)[:16], tone, marks, row.beds)


def _ago(crash: IncidentCrash, event: TimedEvent) -> str:
    """How long before the crash, as minutes and seconds."""
    seconds = round((event.time - (crash.time or event.time)).total_seconds())
    return f"{'−' if seconds < 0 else '+'}{abs(seconds) // 60}:{abs(seconds) % 60:02}"


def _told(case: Case, crash: IncidentCrash, event: TimedEvent, say: Say) -> GridRow:
    evidence = case.timeline.evidence_of(event.evidence)
    place = f"{evidence.path if evidence else event.evidence}, {event.where}"
    when = local_time(case, crash.time, crash.host)[:16]
    kind = say(event.kind.replace("_", " "))
    return GridRow((when, _ago(crash, event), event.host, kind, event.text[:WORDS_LIMIT], place))
