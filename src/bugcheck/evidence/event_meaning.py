"""An entry of a Windows event log → an Event with our kind, sentence and fields.

Source of truth: knowledge/events.tsv says which event means what and where its values are; `event_steps` has the
steps a table cannot express (a bug check in prose, a logon type's name).

Folklore: the same event comes with named data (EVTX, XML), numbered strings (.evt) or only as rendered text in the
machine's language (CSV, text).  Kind and sentence hold for all three; fields are found where the form has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord, labels_of, one_line
from bugcheck.evidence.event_steps import crash, machine, people, services, software
from bugcheck.evidence.evidence import NO_FIELDS, Event
from bugcheck.knowledge.events import Meaning, Origin, meaning_of

STEPS = {**crash.STEPS, **machine.STEPS, **people.STEPS, **services.STEPS, **software.STEPS}
_NOTHING = frozenset(("", "-", "(null)", "n/a", "%%1793", "unavailable"))
_VALUE_LIMIT = 500
_CACHE_LIMIT = 4096
_BINARY_LIMIT = 256
"""Attached bytes up to which an entry is remembered: the service manager attaches the service's name."""
_Told = tuple[str, str, Mapping[str, str]]
_DATED_STEPS = frozenset(("previous_shutdown",))
"""Steps that look at the entry's time."""
_remembered: dict[tuple[str | int | bytes, ...], _Told] = {}
_known: dict[tuple[str, int], Meaning | None] = {}


def event_of(record: LogRecord) -> Event:
    """Tell what an entry means."""
    meaning = _look_up(record.provider, record.code)
    source = f"{record.log}/{record.provider}" if record.log else record.provider
    if meaning is None:
        return Event(record.time, "", _bare_text(record), record.where, source, record.code, NO_FIELDS, record.host)
    kind, text, fields = _told(record, meaning)
    return Event(record.time, kind, text, record.where, source, record.code, fields, record.host)


def _told(record: LogRecord, meaning: Meaning) -> _Told:
    """Work out kind, text and fields, or remember them of an equal entry: logs repeat themselves."""
    key = (record.provider, record.code, record.user, record.message, record.binary, *record.data, *record.strings)
    told = _remembered.get(key)
    if told is None:
        told = _tell(record, meaning)
        short = len(record.message) < _VALUE_LIMIT and len(record.binary) < _BINARY_LIMIT
        if short and meaning.step not in _DATED_STEPS:
            if len(_remembered) >= _CACHE_LIMIT:
                _remembered.clear()
            _remembered[key] = told
    return told


def _tell(record: LogRecord, meaning: Meaning) -> _Told:
    fields = _fields(record, meaning)
    kind = meaning.kind
    if meaning.step:
        kind = STEPS[meaning.step](record, fields) or kind
    text = one_line(meaning.say(fields))
    if record.message and any(not fields.get(name) for name in meaning.required):
        text = one_line(record.message)
    kept = {name: one_line(value, _VALUE_LIMIT) for name, value in fields.items() if value and name[0] != "_"}
    if record.user and "user" not in kept and kind:
        kept["by_user"] = record.user
    if not meaning.sure:
        kept["meaning"] = "likely"
    return "" if kind == "none" else kind, text, kept or NO_FIELDS


def _look_up(provider: str, code: int) -> Meaning | None:
    key = (provider, code)
    if key not in _known:
        if len(_known) >= _CACHE_LIMIT:
            _known.clear()
        _known[key] = meaning_of(provider, code)
    return _known[key]


def _bare_text(record: LogRecord) -> str:
    """Say what there is of an event nobody explained to us."""
    if record.message:
        return one_line(record.message)
    if record.data:
        said = ", ".join(f"{name}: {value}" for name, value in list(record.data.items())[:12] if value)
    else:
        said = ", ".join(one_line(text) for text in record.strings[:12] if text)
    return one_line(f"{record.provider or 'unknown provider'} {record.code}{': ' if said else ''}{said}")


def _fields(record: LogRecord, meaning: Meaning) -> dict[str, str]:
    """Find the values, each at the first place that has it."""
    fields: dict[str, str] = {}
    labels: tuple[dict[str, str], list[str]] | None = None
    for name, origins in meaning.fields:
        for origin in origins:
            if origin.how in ("label", "line"):
                if not record.message:
                    continue
                labels = labels or labels_of(record.message)
                value = labels[0].get(origin.what, "") if origin.how == "label" else _nth(labels[1], origin.number)
            else:
                value = _value(record, origin)
            if value and value.strip().lower() not in _NOTHING:
                fields[name] = value
                break
    if meaning.pattern is not None and record.message and not record.strings:
        _add_matched(fields, meaning, record.message)
    return fields


def _add_matched(fields: dict[str, str], meaning: Meaning, message: str) -> None:
    match = meaning.pattern.search(message[:MATCH_LIMIT]) if meaning.pattern else None
    found: Mapping[str, str | None] = match.groupdict() if match else {}
    fields.update({name: value for name, value in found.items() if value and name not in fields})


def _value(record: LogRecord, origin: Origin) -> str:
    if origin.how == "data":
        return record.data.get(origin.what, "")
    if origin.how == "string":
        return record.string(origin.number)
    if origin.how == "joined":
        return " ".join(filter(None, (_value(record, part) for part in origin.parts)))
    return origin.what


def _nth(values: list[str], index: int) -> str:
    return values[index] if index < len(values) else ""
