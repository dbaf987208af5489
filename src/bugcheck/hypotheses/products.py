"""Software and security facts → the security products of each host, by family and version.

Source: knowledge/security_products.tsv.

Folklore: an installed-software list holds a product and its parts ("LiveUpdate", "… Definitions"): a family counts once
a host, with the version of the entry that has one.  Two versions that differ in their third number update alike; those
that differ in the first do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from bugcheck.hypotheses.investigation import Investigation
from bugcheck.knowledge.tables import table
from bugcheck.timeline.store import PlacedFact

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_PARTS = ("liveupdate", "definitions", "language", "documentation", "help", "quarantine", "reporting", "agent console")


@dataclass(frozen=True, slots=True)
class SecurityProduct:
    """A product of a host: `family` is one engine, `kind` "antivirus" or "firewall"; `version` "" when unknown."""

    host: str
    family: str
    kind: str
    name: str
    version: str
    facts: tuple[PlacedFact, ...]

    @property
    def shown(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip() if self.version not in self.name else self.name

    @property
    def release(self) -> tuple[int, ...]:
        """First two numbers of the version; empty when unknown."""
        match = _NUMBER.search(self.version) or _NUMBER.search(self.name)
        return tuple(int(number) for number in match[0].split(".")[:2]) if match else ()


@cache
def _families() -> list[tuple[str, str, str]]:
    lines = table("security_products.tsv").decode().splitlines()
    rows = [line.split("\t") for line in lines if "\t" in line and not line.startswith(("#", "words\t"))]
    return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda row: -len(row[0]))


def family_of(name: str) -> tuple[str, str] | None:
    """Find (family, kind) of a product by its name, or None when it is no security product we know."""
    lower = name.lower()
    for words, family, kind in _families():
        at = lower.find(words)
        if at >= 0 and not (lower[at - 1 : at].isalpha() or lower[at + len(words) : at + len(words) + 1].isalpha()):
            return family, kind
    return None


def security_products(investigation: Investigation) -> list[SecurityProduct]:
    """The security products of every host, one entry a family and host."""
    groups: dict[tuple[str, str, str], list[PlacedFact]] = {}
    for placed in investigation.facts("security_product", "software"):
        found = family_of(placed.fact.name) or family_of(placed.fact.fields.get("vendor", ""))
        if found is not None and placed.host:
            groups.setdefault((placed.host, *found), []).append(placed)
    return [_product(host, family, kind, facts) for (host, family, kind), facts in sorted(groups.items())]


def _product(host: str, family: str, kind: str, facts: list[PlacedFact]) -> SecurityProduct:
    def rank(placed: PlacedFact) -> tuple[bool, bool, bool, int]:
        name = placed.fact.name.lower()
        part = any(word in name for word in _PARTS)
        return part, placed.fact.kind != "security_product", not placed.fact.value, len(name)

    best = min(facts, key=rank)
    return SecurityProduct(host, family, kind, best.fact.name, best.fact.value, tuple(facts))
