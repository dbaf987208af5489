"""A crash's bug check, blamed module and loaded drivers → the shipped entries that could say anything of it.

Reading all entries costs more than analysing a small dump does, and most crashes have nothing to do with any.  So the
text of the files is looked at first: an entry that names drivers needs one of them loaded, and one of them blamed or
the bug check among its own; an entry that names none needs the bug check.  What could be mistaken for such an entry
(`near_miss_of`) comes along.

Source: knowledge/known_issues/*.toml, whose lists stand on lines of their own or in brackets over several; a test holds
what is found here against all entries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING

import bugcheck.knowledge as knowledge
from bugcheck.records import dataclass

if TYPE_CHECKING:
    from bugcheck.known_issues.issue import KnownIssue

_ENTRY = re.compile(rb"^\[\[issue\]\]", re.MULTILINE)
_LIST = re.compile(r"^(drivers|bugchecks|near_miss_of) = \[(.*?)\]", re.MULTILINE | re.DOTALL)
_ID = re.compile(r'^id = "([^"]*)"', re.MULTILINE)
_WORD = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What an entry's text says at a glance."""

    issue_id: str
    drivers: frozenset[str]
    codes: frozenset[int]
    alike: frozenset[str]
    text: bytes


def likely_entries(code: int | None, blamed: str, loaded: Iterable[str]) -> bytes:
    """The text of the shipped entries that could have to do with a crash; "" stands for nobody blamed.

    Names are those of files, in lower case.
    """
    here = frozenset(loaded)
    found = [each for each in _sketches() if _is_likely(each, code, blamed, here)]
    names = {each.issue_id for each in found}
    found += [each for each in _sketches() if each.alike & names and each.issue_id not in names]
    return b"\n".join(each.text for each in found)


def read_entries(text: bytes) -> list[KnownIssue]:
    """Read what likely_entries() found."""
    from bugcheck.known_issues.shipped import SHIPPED
    from bugcheck.known_issues.toml_reader import read_toml

    return read_toml(text, SHIPPED)[0] if text else []


def _is_likely(entry: _Sketch, code: int | None, blamed: str, loaded: Collection[str]) -> bool:
    if not entry.drivers:
        return code in entry.codes
    named = any(driver in loaded for driver in entry.drivers)
    return blamed in entry.drivers or (named and code in entry.codes)


@cache
def _sketches() -> tuple[_Sketch, ...]:
    return tuple(_sketch(text) for path in _files() for text in _entries(_read(path)))


def _files() -> list[str]:
    folder = os.path.join(os.path.dirname(knowledge.__file__), "known_issues")  # noqa: PTH118, PTH120 (pathlib costs 10 ms)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".toml")]  # noqa: PTH118, PTH208


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _entries(data: bytes) -> list[bytes]:
    starts = [match.start() for match in _ENTRY.finditer(data)]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def _sketch(text: bytes) -> _Sketch:
    head = text.decode()
    name = _ID.search(head)
    lists = {each[1]: _WORD.findall(each[2]) for each in _LIST.finditer(head)}
    codes = (_code(each.partition("/")[0]) for each in lists.get("bugchecks", ()))
    return _Sketch(
        name[1] if name else "",
        frozenset(each.lower() for each in lists.get("drivers", ())),
        frozenset(each for each in codes if each is not None),
        frozenset(lists.get("near_miss_of", ())),
        text,
    )


def _code(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
