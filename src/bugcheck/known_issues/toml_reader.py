"""A TOML file → KnownIssues, and what is wrong with it, by entry and key.

Source: docs/reference/known-issues.md, which is ours.

Folklore: a misspelt key in a file written by hand would silently make a condition weaker, so every key and every
value's shape is checked, and an entry with a fault is left out with a sentence, not half taken.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar, cast

from bugcheck.known_issues.condition import DEEPEST, test_named
from bugcheck.known_issues.issue import Certainty, Condition, IssueSource, KnownIssue, Role, Texts, Treatment, Value
from bugcheck.known_issues.versions import is_range
from bugcheck.records import dataclass

FILE_LIMIT = 4 << 20
ENTRIES, LONGEST_TEXT, LONGEST_LIST, DEEPEST_VALUE = 20_000, 20_000, 2_000, 4
_TEXTS = frozenset({"title", "text"})
_LISTS = frozenset({"products", "drivers", "hashes", "bugchecks", "signatures", "near_miss_of"})
_STRINGS = frozenset({"id", "kind", "vendor", "versions", "effect", "published"})
_TABLES = frozenset({"condition", "treatment", "check", "source"})
T = TypeVar("T", Role, Certainty)


@dataclass(frozen=True, slots=True)
class EntryFault:
    """What is wrong with a file or an entry of it: where ("entry 3, ACME-1"), and what."""

    where: str
    what: str


class _Bad(Exception):
    """An entry that cannot be taken."""


def read_toml(data: bytes, origin: str) -> tuple[list[KnownIssue], list[EntryFault]]:
    """Read a file of issues; entries with a fault are left out and told."""
    if len(data) > FILE_LIMIT:
        return [], [EntryFault("file", f"it is larger than {FILE_LIMIT:,} bytes (the limit)")]
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return [], [EntryFault("file", f"it is no TOML: {error or 'nested too deep'}")]
    entries = document.get("issue")
    if not isinstance(entries, list):
        return [], [EntryFault("file", "it has no [[issue]]")]
    issues: list[KnownIssue] = []
    faults = [EntryFault("file", f"unknown key {key}") for key in document if key != "issue"]
    for number, entry in enumerate(cast("list[Any]", entries)[:ENTRIES], 1):
        try:
            issues.append(_issue(entry, origin))
        except _Bad as error:
            name: object = cast("dict[str, object]", entry).get("id") if isinstance(entry, dict) else None
            faults.append(EntryFault(f"entry {number}" + (f", {name}" if isinstance(name, str) else ""), str(error)))
    if len(cast("list[Any]", entries)) > ENTRIES:
        faults.append(EntryFault("file", f"entries beyond the first {ENTRIES:,} are not read (the limit)"))
    return issues, faults


def issue_of(table: object, origin: str) -> KnownIssue | None:
    """Read one entry as it was stored; None for one of a newer program."""
    try:
        return _issue(table, origin)
    except _Bad:
        return None


def _bad(what: str) -> NoReturn:
    raise _Bad(what)


def _table(value: object, what: str) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else _bad(f"{what} must be a table")


def _issue(entry: object, origin: str) -> KnownIssue:
    table = _table(entry, "an entry")
    _known_keys(table, _TEXTS | _LISTS | _STRINGS | _TABLES, "entry")
    strings = {key: _string(table[key], key) for key in _STRINGS & table.keys()}
    if not strings.get("id", "").strip() or "title" not in table:
        _bad("it needs an id and a title")
    lists = {key: _strings(table[key], key) for key in _LISTS & table.keys()}
    for key in ("drivers", "hashes"):
        lists[key] = tuple(each.lower() for each in lists.get(key, ()))
    return KnownIssue(
        id=strings["id"].strip(),
        title=_texts(table["title"], "title"),
        text=_texts(table.get("text", {}), "text"),
        kind=strings.get("kind", "defect"),
        vendor=strings.get("vendor", ""),
        products=lists.get("products", ()),
        versions=strings.get("versions", ""),
        drivers=lists["drivers"],
        hashes=lists["hashes"],
        bugchecks=lists.get("bugchecks", ()),
        signatures=lists.get("signatures", ()),
        effect=strings.get("effect", ""),
        near_miss_of=lists.get("near_miss_of", ()),
        published=strings.get("published", ""),
        conditions=tuple(_condition(each, 0) for each in _tables(table, "condition")),
        treatments=tuple(_treatment(each) for each in _tables(table, "treatment")),
        checks=tuple(_texts(each, "check") for each in _tables(table, "check", texts=True)),
        sources=tuple(_source(each) for each in _tables(table, "source")),
        origin=origin,
    )


def _known_keys(table: Mapping[str, object], known: frozenset[str] | set[str], what: str) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        _bad(f"{what}: unknown key {', '.join(unknown)}")


def _string(value: object, what: str) -> str:
    if not isinstance(value, str):
        _bad(f"{what} must be a text")
    if len(value) > LONGEST_TEXT:
        _bad(f"{what} is longer than {LONGEST_TEXT:,} characters (the limit)")
    return value


def _strings(value: object, what: str) -> tuple[str, ...]:
    many = cast("list[object]", value) if isinstance(value, list) else [value]
    if len(many) > LONGEST_LIST:
        _bad(f"{what} has more than {LONGEST_LIST:,} entries (the limit)")
    return tuple(_string(each, what) for each in many)


def _texts(value: object, what: str) -> Texts:
    """Read a text in English, or a table of texts by language."""
    if isinstance(value, str):
        return {"en": _string(value, what)}
    texts = {language: _string(text, what) for language, text in _table(value, what).items()}
    if any(not (2 <= len(language) <= 12) for language in texts):
        _bad(f'{what}: languages are codes as "en" and "zh"')
    return texts


def _tables(table: Mapping[str, object], key: str, *, texts: bool = False) -> Iterator[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        _bad(f"{key} must be a list: write [[issue.{key}]]")
    many = cast("list[object]", value)
    if len(many) > LONGEST_LIST:
        _bad(f"more than {LONGEST_LIST:,} {key}s (the limit)")
    for each in many:
        if not isinstance(each, dict) and not (texts and isinstance(each, str)):
            _bad(f"{key} must be a table")
        yield each


def _choice(value: object, kind: type[T], what: str) -> T:
    words = [each.value for each in kind]
    return kind(value) if value in words else _bad(f"{what} is one of {', '.join(words)}")


def _condition(value: object, depth: int) -> Condition:
    table = dict(_table(value, "condition"))
    name = _string(table.pop("test", ""), "test")
    role = _choice(table.pop("role", Role.SIGN.value), Role, "role")
    says = _texts(table.pop("says", {}), "says")
    negated = table.pop("not", False)
    if not isinstance(negated, bool):
        _bad("not must be true or false")
    parts: tuple[Condition, ...] = ()
    if name in ("any", "all"):
        if depth >= DEEPEST:
            _bad(f"conditions are nested more than {DEEPEST} deep (the limit)")
        parts = tuple(_condition(each, depth + 1) for each in _tables({"of": table.pop("of", [])}, "of"))
        if not parts:
            _bad(f"{name} needs conditions in `of`")
    _check_values(name, table, says)
    values = {key: _value(each, key, 0) for key, each in table.items()}
    return Condition(name, values, role, negated, says, parts)


def _check_values(name: str, table: Mapping[str, object], says: Texts) -> None:
    if name in ("any", "all", "told"):
        _known_keys(table, set(), f"condition {name}")
        if name == "told" and not says:
            _bad("condition told needs says")
        return
    test = test_named(name)
    if test is None:
        _bad(f"there is no test named {name!r}")
    _known_keys(table, {*test.needs, *test.may}, f"condition {name}")
    missing = sorted(set(test.needs) - table.keys())
    if missing:
        _bad(f"condition {name} needs {', '.join(missing)}")
    if "version" in table and not is_range(_string(table["version"], "version")):
        _bad(f"condition {name}: {table['version']!r} is no range of versions")


def _value(value: object, what: str, depth: int) -> Value:
    if isinstance(value, str):
        return _string(value, what)
    if isinstance(value, (bool, int, float)):
        return value
    if depth >= DEEPEST_VALUE:
        _bad(f"{what} is nested too deep")
    if isinstance(value, list):
        many = cast("list[object]", value)
        if len(many) > LONGEST_LIST:
            _bad(f"{what} has more than {LONGEST_LIST:,} entries (the limit)")
        return tuple(_value(each, what, depth + 1) for each in many)
    if isinstance(value, dict):
        return {key: _value(each, what, depth + 1) for key, each in cast("dict[str, object]", value).items()}
    return str(value)  # a date or time


def _treatment(value: object) -> Treatment:
    table = _table(value, "treatment")
    _known_keys(table, {"text", "risk", "undo", "url"}, "treatment")
    if "text" not in table:
        _bad("a treatment needs a text")
    rest = {key: _string(table[key], key) for key in ("risk", "undo", "url") if key in table}
    return Treatment(_texts(table["text"], "text"), **rest)


def _source(value: object) -> IssueSource:
    table = _table(value, "source")
    _known_keys(table, {"name", "url", "certainty", "note"}, "source")
    certainty = _choice(table.get("certainty", Certainty.OWN.value), Certainty, "certainty")
    rest = {key: _string(table[key], key) for key in ("url", "note") if key in table}
    return IssueSource(_string(table.get("name", ""), "name"), certainty=certainty, **rest)
