"""Two versions, a version and a range → an order, an answer.

Source: Windows' version resources (four numbers), and vendors who count in letters ("3.6.cpn" before "3.6.cqn").

Folklore: "10.0" is above "9.0", which text comparison gets wrong; "7.11" and "7.11.0.0" are the same version; file
versions are written with commas and with a branch behind them ("6, 1, 7600, 16385", "6.1.7600.16385 (win7_rtm)").
"""

from __future__ import annotations

import re

_LONGEST = 256
_PART = re.compile(r"\d{1,18}|[a-z]{1,32}")
_BOUND = re.compile(r"\s*(<=|>=|<|>|==|=|!=)?\s*(.+?)\s*$")
_END = (0, 0, "")
Key = tuple[tuple[int, int, str], ...]


def version_key(version: str) -> Key | None:
    """Make a version comparable: numbers as numbers, letters as letters; None for a text without a digit or letter."""
    text = version[:_LONGEST].casefold().partition("(")[0]
    text = text if re.search(r"\d", text) is None else text.partition(" built")[0]
    parts = [_rank(part) for part in _PART.findall(text)]
    while len(parts) > 1 and parts[-1] == _END:
        parts.pop()
    return tuple(parts) or None


def _rank(part: str) -> tuple[int, int, str]:
    """Rank a part: nothing and 0 are equal, letters are above them, numbers above letters."""
    if not part.isdigit():
        return (1, 0, part)
    return (2, int(part), "") if int(part) else _END


def compare_versions(first: str, second: str) -> int | None:
    """Order two versions: -1, 0, 1; None when one is none."""
    keys = version_key(first), version_key(second)
    if keys[0] is None or keys[1] is None:
        return None
    length = max(len(keys[0]), len(keys[1]))
    one, two = (key + (_END,) * (length - len(key)) for key in (keys[0], keys[1]))
    return (one > two) - (one < two)


def in_range(version: str, range_text: str) -> bool | None:
    """Tell whether a version lies in a range; None when the version is none.

    Args:
        version: "62.26.0.64".
        range_text: bounds that must all hold, separated by commas (">=62.26, <62.27"); a version without an operator
            stands for itself and what begins with it ("3.6" for "3.6.cpn"); `|` separates alternatives.
    """
    if version_key(version) is None:
        return None
    return any(
        all(_within(version, bound) for bound in alternative.split(",") if bound.strip())
        for alternative in range_text[:_LONGEST].split("|")
        if alternative.strip()
    )


def _within(version: str, bound: str) -> bool:
    found = _BOUND.match(bound)
    operator, limit = (found[1] or "", found[2]) if found else ("", bound)
    order = compare_versions(version, limit)
    if order is None:
        return False
    if not operator:
        return _begins(version, limit)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "!=": order != 0}.get(
        operator, order == 0
    )


def _begins(version: str, prefix: str) -> bool:
    whole, beginning = version_key(version) or (), version_key(prefix) or ()
    padded = whole + (_END,) * (len(beginning) - len(whole))
    return padded[: len(beginning)] == beginning


def is_range(text: str) -> bool:
    """Tell whether a text can be read as a range of versions."""
    parts = [bound for alternative in text.split("|") for bound in alternative.split(",") if bound.strip()]
    keys = [(found := _BOUND.match(part)) and version_key(found[2]) for part in parts]
    return bool(parts) and len(text) <= _LONGEST and all(keys)
