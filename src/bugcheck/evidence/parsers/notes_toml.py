"""A person's notes.toml → hosts, checks, actions, observations, suspicions and judgements, with who said so.

Source: TOML 1.0; the keys are ours, described in docs/reference/notes.md.  A time without an offset is the host's wall
clock, as everywhere.

Folklore: notes are written in a hurry.  A key that is not known is told, not dropped; a table that lacks what it must
have is told and the rest is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import cast

from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

TABLES = {
    "case": ("title", "about", "time_zone", "utc_offset", "language"),
    "hosts": ("role", "folder", "names", "time_zone", "utc_offset", "clock_skew_seconds", "os", "about"),
    "check": ("who", "when", "what", "result", "host", "about", "sources"),
    "action": ("who", "when", "what", "host", "treats", "undo"),
    "observation": ("who", "when", "what", "host", "kind"),
    "hypothesis": ("id", "mechanism", "subject", "who", "host", "expects", "prior", "treatments", "when"),
    "judgement": ("hypothesis", "state", "add", "reason", "who", "when", "withdraw"),
}
EVENTS = {"check": "check", "action": "action", "observation": "note"}
MOST_ENTRIES = 2000
Table = Mapping[str, object]


def probe(source: Source) -> int:
    """Tell by the tables' names at the beginnings of lines."""
    if not source.base_name.lower().endswith(".toml"):
        return NO
    lines = source.head_text.splitlines()
    heads = {line.strip().strip("[]").partition(".")[0].strip() for line in lines if line.lstrip().startswith("[")}
    if not heads & TABLES.keys():
        return NO
    return SURE if source.base_name.lower() == "notes.toml" else LIKELY


@evidence_parser("notes", probe=probe, names=("notes.toml", "*.notes.toml"))
def notes_toml(source: Source) -> Iterator[Record]:
    """What people know, checked and did, in TOML."""
    try:
        document = tomllib.loads(source.text())
    except tomllib.TOMLDecodeError as error:
        yield Gap(f"the notes in {source.path}", f"TOML that can be read: {error}", damage=True)
        return
    for name in sorted(document.keys() - TABLES.keys()):
        yield Gap(f"[{name}] in {source.path}", f"a table of a known name: {', '.join(TABLES)}")
    yield from _case(_table(document.get("case")))
    for name, host in _table(document.get("hosts")).items():
        yield from _host(name, _table(host))
    for name in ("check", "action", "observation", "hypothesis", "judgement"):
        for number, entry in enumerate(_tables(document.get(name)), 1):
            yield from _unknown_keys(name, number, entry)
            yield from _entry(name, number, entry)


def _table(value: object) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}


def _tables(value: object) -> list[Table]:
    entries = cast("list[object]", value) if isinstance(value, list) else [value] if value else []
    return [_table(entry) for entry in entries[:MOST_ENTRIES]]


def _unknown_keys(name: str, number: int, entry: Table) -> Iterator[Gap]:
    unknown = entry.keys() - set(TABLES[name])
    if unknown:
        yield Gap(f"{', '.join(sorted(unknown))} in [[{name}]] {number}", f"keys among {', '.join(TABLES[name])}")


def _case(case: Table) -> Iterator[Fact]:
    for key, value in case.items():
        yield Fact("setting", f"case.{key}", _words(value), f"[case] {key}")


def _host(name: str, host: Table) -> Iterator[Fact]:
    where = f"[hosts.{name}]"
    for key, value in host.items():
        yield Fact("setting", f"host.{key}", _words(value), where, host=name)
    yield Fact("setting", "host.named", name, where, host=name)


def _words(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(_words(each) for each in cast("list[object]", value))
    return value.isoformat() if isinstance(value, (datetime, date, time)) else str(value)


def _entry(name: str, number: int, entry: Table) -> Iterator[Record]:
    where = f"[[{name}]] {number}"
    fields = {key: _words(value) for key, value in entry.items() if key not in ("when", "what", "host", "expects")}
    host = _words(entry.get("host", ""))
    if name == "hypothesis":
        yield from _hypothesis(entry, where, fields, host)
    elif name == "judgement":
        if (when := _moment(entry.get("when"))) is not None:
            fields["at"] = when.isoformat()
        said = fields.get("state") or fields.get("add") or ("withdrawn" if fields.get("withdraw") else "")
        yield Fact("judgement", fields.get("hypothesis", ""), said, where, fields)
    else:
        yield from _dated(name, entry, where, fields, host)


def _dated(name: str, entry: Table, where: str, fields: dict[str, str], host: str) -> Iterator[Record]:
    what, when = _words(entry.get("what", "")), _moment(entry.get("when"))
    if not what:
        yield Gap(f"what {where} says", "its `what`")
        return
    fields = {("by" if key == "who" else key): value for key, value in fields.items()}
    result = fields.get("result", "")
    if name == "check":
        yield Fact("check_result", what, result, where, fields, host)
    if when is None:
        yield Gap(f"when {where} was", "its `when` (a date and time)")
        if name != "check":
            yield Fact("undated_note", what, EVENTS[name], where, fields, host)
        return
    text = f"{what}: {result}" if result else what
    yield Event(when, EVENTS[name], text, where, fields.get("by", ""), fields={**fields, "what": what}, host=host)


def _hypothesis(entry: Table, where: str, fields: dict[str, str], host: str) -> Iterator[Record]:
    name = fields.pop("id", "")
    if not name or not fields.get("mechanism"):
        yield Gap(f"the suspicion in {where}", "its `id` and `mechanism`")
        return
    yield Fact("hypothesis", name, fields.pop("mechanism"), where, fields, host)
    for number, expected in enumerate(_tables(entry.get("expects")), 1):
        words = {key: _words(value) for key, value in expected.items()}
        yield Fact("expectation", name, words.get("event", ""), f"{where} expects {number}", words, host)


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    return None
