"""`knowledge/redaction.tsv` → what each field holds, and which names say nothing of anybody.

Source: that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from bugcheck.knowledge.tables import table


@cache
def redaction_words() -> Mapping[str, str]:
    """Every line: key → what."""
    lines = (line.split("\t") for line in table("redaction.tsv").decode().split("\n") if line and line[0] != "#")
    return {key: what for key, what in lines}  # noqa: C416 (a line of another shape should fail here)


@cache
def words_in(key: str) -> frozenset[str]:
    """The words of a line, lower case."""
    return frozenset(redaction_words()[key].lower().split("|"))


def is_kept(kind: str, name: str) -> bool:
    """Tell whether a name of a kind says nothing of anybody: Windows' own accounts, authorities and the like."""
    key = f"keep.{kind}"
    return key in redaction_words() and name.lower() in words_in(key)


def field_kind(key: str) -> str:
    """What stands in a field ("event.user", "fact.user.name"): user, host, domain …, "" for nothing of these."""
    return redaction_words().get(key, "")
