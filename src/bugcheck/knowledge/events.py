"""A provider and an event id → what such an event means: its kind, its sentence, where its fields are.

Source of truth: events.tsv, event_logs.tsv, event_words.tsv and event_headings.tsv beside this module; their comments
say where each line comes from and what the columns hold.

Folklore: one event has several names.  Windows Vista calls "BugCheck" 1001 "Microsoft-Windows-WER-SystemErrorReporting"
1001, some tools drop the prefix, and case differs between "disk" and "Disk"; so names are compared without either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import NamedTuple

from bugcheck.knowledge.tables import table
from bugcheck.records import dataclass

_PREFIX = "microsoft-windows-"
_SEGMENT = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_PLACE = re.compile(r"\{(\w+)\}")


class Origin(NamedTuple):
    """Where a value is found: `how` is data, string, label, line, words or joined; `what` the name, number or parts."""

    how: str
    what: str
    number: int = 0
    parts: tuple[Origin, ...] = ()


class Segment(NamedTuple):
    """A piece of a sentence: a template and its fields; left out when `optional` and one is missing."""

    optional: bool
    template: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event means.

    Attributes:
        kind: a word of event_kinds.tsv, "" when none fits.
        sentence: its pieces.
        fields: our names with the places where each value may be, best first.
        step: name of a further step of `evidence.event_steps`, or "".
        sure: a second source or a real log confirms it.
        pattern: finds fields in the English text, or None.
    """

    kind: str
    sentence: tuple[Segment, ...]
    fields: tuple[tuple[str, tuple[Origin, ...]], ...]
    step: str
    sure: bool
    pattern: re.Pattern[str] | None

    @property
    def required(self) -> frozenset[str]:
        """Names of the fields without which the sentence has a hole."""
        return frozenset(name for optional, _, names in self.sentence if not optional for name in names)

    def say(self, fields: Mapping[str, str]) -> str:
        """Write the sentence with the values there are."""
        pieces: list[str] = []
        for optional, template, names in self.sentence:
            values = [fields.get(name) or "?" for name in names]
            if not optional or "?" not in values:
                pieces.append(template % tuple(values) if names else template)
        return "".join(pieces)


def plain_provider(name: str) -> str:
    """Return a provider's name as it is compared: lower case, without Microsoft's prefix."""
    return name.strip().lower().removeprefix(_PREFIX)


def meaning_of(provider: str, code: int) -> Meaning | None:
    """Return what an event means, or None for one we do not know."""
    plain = plain_provider(provider)
    exact, patterns = _meanings()
    found = exact.get((plain, code))
    if found is None:
        found = next((row for pattern, row in patterns.get(code, ()) if fnmatchcase(plain, pattern)), None)
    if found is None:
        found = exact.get((plain, -1))
    if found is None:
        found = next((row for pattern, row in patterns.get(-1, ()) if fnmatchcase(plain, pattern)), None)
    return found


def kinds_of_log(log: str, era: str) -> frozenset[str]:
    """Return the kinds a log tells of by itself; era is "nt5" or "nt6"."""
    return _logs().get((log.lower(), era), frozenset())


def word(text: str) -> str | None:
    """Return what a word of Windows means in English ("ausgeführt" → running), or None."""
    return _words().get(text.strip().lower())


@lru_cache(4096)
def heading(text: str) -> str | None:
    """Return what stands under a heading of an export ("Ereignis-ID" → code), or None."""
    return _headings().get(text.strip().lower())


def event_kinds() -> frozenset[str]:
    """Return every kind of event there is."""
    return frozenset(columns[0] for columns in _rows("event_kinds.tsv"))


def _rows(name: str) -> list[list[str]]:
    lines = table(name).decode().split("\n")
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@cache
def _words() -> dict[str, str]:
    return {columns[0]: columns[1] for columns in _rows("event_words.tsv")}


@cache
def _headings() -> dict[str, str]:
    return {columns[0]: columns[1] for columns in _rows("event_headings.tsv")}


@cache
def _logs() -> dict[tuple[str, str], frozenset[str]]:
    return {(log.lower(), era): frozenset(kinds.split()) for log, era, kinds in _rows("event_logs.tsv")}


@cache
def _meanings() -> tuple[dict[tuple[str, int], Meaning], dict[int, list[tuple[str, Meaning]]]]:
    """Read the table: rows by provider and id, and rows whose provider is a pattern by id; id -1 is any."""
    exact: dict[tuple[str, int], Meaning] = {}
    patterns: dict[int, list[tuple[str, Meaning]]] = {}
    for providers, ids, *rest in _rows("events.tsv")[1:]:
        row = _meaning(*rest)
        for provider in map(plain_provider, providers.split("|")):
            for code in (-1 if one == "*" else int(one) for one in ids.split(",")):
                if "*" in provider or "?" in provider:
                    patterns.setdefault(code, []).append((provider, row))
                else:
                    exact.setdefault((provider, code), row)
    return exact, patterns


def _meaning(kind: str, sentence: str, fields: str, step: str, certainty: str, text: str) -> Meaning:
    segments = [_segment(match[1], match[2]) for match in _SEGMENT.finditer(sentence)]
    pairs = [part.partition("=") for part in fields.split(";") if part]
    origins = tuple((ours, tuple(map(_origin, theirs.split("|")))) for ours, _, theirs in pairs)
    pattern = re.compile(text) if text else None
    return Meaning(kind, tuple(segments), origins, step, certainty == "sure", pattern)


def _segment(optional: str | None, plain: str | None) -> Segment:
    text = optional if optional is not None else plain or ""
    pieces = _PLACE.split(text)
    names = tuple(pieces[1::2])
    template = "%s".join(piece.replace("%", "%%") for piece in pieces[::2]) if names else text
    return Segment(optional is not None, template, names)


def _origin(text: str) -> Origin:
    if text.startswith("~"):
        return Origin("words", text[1:])
    if "+" in text:
        return Origin("joined", text, 0, tuple(map(_origin, text.split("+"))))
    if text.startswith("$"):
        return Origin("string", text, int(text[1:]) - 1)
    if text.startswith("@"):
        return Origin("line", text, int(text[1:]) - 1) if text[1:].isdigit() else Origin("label", text[1:].lower())
    return Origin("data", text)
