"""The properties of an object PowerShell or wmic wrote → what kind of fact it is, and where its name and value are.

Source of truth: knowledge/powershell_objects.tsv, whose comment says what the columns mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bugcheck.knowledge.tables import table


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row of the table: what an object must have, and which fact it gives."""

    required: tuple[str, ...]
    kind: str
    name: str
    value: str
    fields: tuple[tuple[str, str], ...]


@cache
def _meanings() -> tuple[Meaning, ...]:
    found: list[Meaning] = []
    for line in table("powershell_objects.tsv").decode().splitlines():
        columns = line.split("\t")
        if len(columns) == 5 and not line.startswith(("#", "required\t")):
            pairs = tuple((pair.partition("=")[0], pair.partition("=")[2]) for pair in columns[4].split())
            found.append(Meaning(tuple(columns[0].split()), columns[1], columns[2], columns[3], pairs))
    return tuple(found)


def _holds(condition: str, properties: dict[str, str]) -> bool:
    """Tell whether a condition of the table holds: `A|B`, `A=x|y`, `A|B!x`."""
    negated = "!" in condition
    names, mark, values = condition.partition("!" if negated else "=")
    found = next((name for name in names.split("|") if name in properties), None)
    if found is None or not mark:
        return found is not None
    value = properties[found].replace(" ", "_").casefold()
    listed = value in values.casefold().split("|")
    return value != "" and not listed if negated else listed


def meaning_of(properties: dict[str, str]) -> Meaning | None:
    """Find the first row of the table whose conditions an object meets."""
    return next((each for each in _meanings() if all(_holds(one, properties) for one in each.required)), None)


def valued(rule: str, properties: dict[str, str]) -> str:
    """Read a name or value: `=word`, `A|B` (the first there is), `A+B` (joined)."""
    if rule.startswith("="):
        return rule[1:]
    found = ((properties.get(part, "") for part in one.split("+")) for one in rule.split("|"))
    return next((text for parts in found if (text := " ".join(filter(None, parts)))), "")
