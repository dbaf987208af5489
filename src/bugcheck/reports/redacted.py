"""A Document, a Page, JSON → the same with every text passed through a redactor, before any format draws it.

Folklore: redacting a finished page misses what its markup splits or escapes; values have no markup yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

AnyValue = TypeVar("AnyValue")
_ADDRESSES = frozenset(["anchor", "target", "tone", "prefix", "language"])
"""Members of records that are made of numbers and fixed words only."""
_PLAIN = frozenset(["schema", "sha256", "bugcheck_version", "quality", "outcome", "state", "trust", "damage"])
"""JSON keys whose values are enumerations or hashes."""


def redacted(value: AnyValue, redact: Callable[[str], str]) -> AnyValue:
    """The value with every text redacted, in whatever it is nested."""
    return cast("AnyValue", _redacted(value, redact))


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {redact(key): each if key in _PLAIN else _redacted(each, redact) for key, each in pairs}
    if isinstance(value, list | tuple | frozenset):
        made = [_redacted(each, redact) for each in cast("list[Any]", value)]
        return type(value)(made)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if is_dataclass(value) and not isinstance(value, type):
        members = {
            each.name: getattr(value, each.name)
            if each.name in _ADDRESSES
            else _redacted(getattr(value, each.name), redact)
            for each in fields(value)
        }
        return type(value)(**members)
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Every text that `redacted` would pass on."""
    found: list[str] = []

    def take(text: str) -> str:
        found.append(text)
        return text

    _redacted(value, take)
    return iter(found)
