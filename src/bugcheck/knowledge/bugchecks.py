"""Bug check code → what it and its four parameters mean.

Source of truth: Microsoft Learn "Bug Check Code Reference" (CC BY 4.0), rewritten in `bugchecks.jsonl`; the format and
the attribution are in `bugchecks.README.md`.

Folklore: small dumps set bit 0x10000000 in the code (0x1000008E is 0x8E); four such codes have their own name and line.
64-bit Windows sign-extends a status in a parameter (ffffffff`c0000005), so tables are asked with its low half.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bugcheck.knowledge.tables import table
from bugcheck.records import dataclass, replace

MINIDUMP_BIT = 0x10000000
Level = Mapping[str, Any]  # a record of the file, or a subtype inside one
_TABLES = ("values", "subtype_parameter", "subtype_mask", "subtypes")
Known = dict[int, "ParameterMeaning | None"]


@dataclass(frozen=True, slots=True)
class ParameterMeaning:
    """What one parameter is (`meaning`), what to resolve it as (`role`), and what its present value says, if known."""

    meaning: str
    role: str | None
    value_meaning: str | None = None


@dataclass(frozen=True, slots=True)
class BugCheckCase:
    """A bug check with its parameters applied: the meaning of the case that fits (None: no table knows it)."""

    meaning: str | None
    parameters: tuple[ParameterMeaning | None, ...]


@dataclass(frozen=True, slots=True)
class BugCheckKnowledge:
    """What is known of one bug check code.

    `code` is the code asked for; `minidump_variant` tells that it carries the small-dump bit. `parameters` has four
    entries, None where nothing is documented. `category_hint` is what such a check is usually about, not a verdict.
    """

    code: int
    name: str
    summary: str
    category_hint: str
    parameters: tuple[ParameterMeaning | None, ...]
    source: str
    tables: Level
    aliases: tuple[int, ...]
    live_dump: bool
    undocumented: bool
    minidump_variant: bool

    def case(self, parameters: Sequence[int]) -> BugCheckCase:
        """Apply up to four unsigned parameters to the value tables and subtypes; a missing one matches nothing."""
        given = dict(enumerate(parameters[:4], start=1))
        known = dict(enumerate(self.parameters, start=1))
        values: dict[int, str] = {}
        cases: list[str] = []
        level: Level | None = self.tables
        while level is not None:
            _apply(level, given, known, values)
            level = _matching_subtype(level, given, values)
            if level is not None:
                cases.append(level["meaning"])
        found = tuple(m and replace(m, value_meaning=values.get(n)) for n, m in known.items())
        named = [m.value_meaning for m in found if m and m.role == "subtype" and m.value_meaning]
        return BugCheckCase(": ".join(cases or named) or None, found)


def describe_bugcheck(code: int) -> BugCheckKnowledge | None:
    """Return what is known of a 32-bit bug check code, with or without the small-dump bit; None for an unknown code.

    Raises OSError when the package's data file is missing.
    """
    record = _record(code)
    if record is None and code & MINIDUMP_BIT:
        record = _record(code & ~MINIDUMP_BIT)
    return None if record is None else _knowledge(record, code)


def all_bugchecks() -> Iterator[BugCheckKnowledge]:
    """Yield every code of the file in ascending order. Raises OSError when the package's data file is missing."""
    import json

    for line in table("bugchecks.jsonl").splitlines()[1:]:
        record: dict[str, Any] = json.loads(line)
        yield _knowledge(record, int(record["code"], 16))


def _record(code: int) -> dict[str, Any] | None:
    import json

    data = table("bugchecks.jsonl")
    start = data.find(b'\n{"code":"%#x",' % code) if code >= 0 else -1
    return None if start < 0 else json.loads(data[start : data.index(b"\n", start + 1)])


def _knowledge(record: dict[str, Any], code: int) -> BugCheckKnowledge:
    own = int(record["code"], 16)
    return BugCheckKnowledge(
        code=code,
        name=record["name"],
        summary=record["summary"],
        category_hint=record["category_hint"],
        parameters=tuple(m and ParameterMeaning(**m) for m in record["parameters"]),
        source=record["source"],
        tables={key: record[key] for key in _TABLES if key in record},
        aliases=tuple(int(alias, 16) for alias in record.get("aliases", ())),
        live_dump=record.get("live_dump", False),
        undocumented=record.get("undocumented", False),
        minidump_variant=code != own or own >> 28 == 1,
    )


def _low_half(value: int) -> int:
    return value & 0xFFFFFFFF if value >> 31 == 0x1FFFFFFFF else value


def _apply(level: Level, given: Mapping[int, int], known: Known, values: dict[int, str]) -> None:
    overrides: dict[str, Any] = level.get("parameters", {})
    known.update({int(n): ParameterMeaning(**m) for n, m in overrides.items()})
    tables: dict[str, dict[str, str]] = level.get("values", {})
    for n, texts in tables.items():
        if int(n) in given and (text := texts.get(f"{_low_half(given[int(n)]):#x}")):
            values[int(n)] = text


def _matching_subtype(level: Level, given: Mapping[int, int], values: dict[int, str]) -> Level | None:
    number: int | None = level.get("subtype_parameter")
    if number is None or number not in given:
        return None
    value = _low_half(given[number]) & int(level.get("subtype_mask", "0xffffffffffffffff"), 16)
    for subtype in level["subtypes"]:
        if any(_covers(match, value) for match in subtype["match"]):
            values.setdefault(number, subtype["meaning"])
            return subtype
    return None


def _covers(match: str, value: int) -> bool:
    first, _, last = match.partition("-")
    return int(first, 16) <= value <= int(last or first, 16)
