"""What a person suspects, sets or did → a notes file in the case's folder, read as evidence like any other.

Source: docs/reference/notes.md for the form.

Folklore: an opinion that lives in a tool's database is forgotten, one that overwrites another is denied.  So they are
appended to a file of the folder with who, when and why, and taken back by a further entry, never by erasing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bugcheck.errors import UsageError

FILE = "opinions.notes.toml"
_HEAD = "# What people suspect, set and did, by `bugcheck case`: entries are appended, never changed.\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that a suspicion lets expect before each crash: its kind, within how many minutes, and its weight."""

    event: str
    minutes: float = 60.0
    weight: float = 1.0


def suspicion(
    name: str,
    mechanism: str,
    *,
    by: str,
    when: datetime,
    subject: str = "",
    prior: float | None = None,
    expects: Iterable[Expected] = (),
    treatments: Iterable[str] = (),
) -> str:
    """Write a suspicion down as notes have it."""
    told: dict[str, str] = {"id": _text(name), "mechanism": _text(mechanism), "when": _time(when)}
    told |= {key: _text(value) for key, value in (("who", by), ("subject", subject)) if value}
    if prior is not None:
        told["prior"] = f"{prior:g}"
    events = [f"{{ event = {_text(e.event)}, before_minutes = {e.minutes:g}, weight = {e.weight:g} }}" for e in expects]
    if events:
        told["expects"] = f"[{', '.join(events)}]"
    if helps := [_text(each) for each in treatments]:
        told["treatments"] = f"[{', '.join(helps)}]"
    return _entry("hypothesis", told)


def judgement(
    hypothesis: str,
    reason: str,
    *,
    by: str,
    when: datetime,
    state: str = "",
    add: float | None = None,
    withdraw: bool = False,
) -> str:
    """Write down that a person sets a hypothesis's state, adds to its log-odds, or takes that back."""
    told = {"hypothesis": _text(hypothesis), "reason": _text(reason), "when": _time(when)}
    told |= {key: _text(value) for key, value in (("who", by), ("state", state)) if value}
    if add is not None:
        told["add"] = f"{add:g}"
    if withdraw:
        told["withdraw"] = "true"
    return _entry("judgement", told)


def action(text: str, treats: str, *, by: str, when: datetime) -> str:
    """Write down that a person treated a hypothesis: what comes after it speaks about that."""
    told = {"what": _text(text), "treats": _text(treats), "when": _time(when)}
    return _entry("action", told | ({"who": _text(by)} if by else {}))


def append_opinion(folder: str, entry: str) -> Path:
    """Append an entry to the folder's file of opinions. Raises UsageError when it cannot be written."""
    path = Path(folder, FILE)
    try:
        start = "" if path.exists() else _HEAD
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(f"{start}\n{entry}")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _entry(table: str, values: Mapping[str, str]) -> str:
    return f"[[{table}]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def _text(value: str) -> str:
    """A basic string of TOML: JSON's escapes are among its own."""
    clean = value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def _time(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
