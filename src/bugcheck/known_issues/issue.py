"""What is known of a fault in the field → KnownIssue: whom it hits, what sets it off, what helps, who says so.

An issue is data: TOML files (`knowledge/known_issues/`, and a team's own), lines of compact tables, or records that
were imported.  Its conditions name tests (`condition.py`), so that a machine can say which of them hold.

Source: the words of CVE records, vendors' articles and LOLDrivers, which name the same things differently.

Folklore: most published texts tell a product and an effect and leave the trigger to the imagination.  What cannot be
tested is a condition too (test `told`), or an entry would look better founded than it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from bugcheck.records import dataclass, field

ENGLISH = "en"
Texts = Mapping[str, str]
"""Language (ISO 639-1, "en", "zh") → text."""
Value = str | int | float | bool | tuple["Value", ...] | Mapping[str, "Value"]


class Role(Enum):
    """What a condition is to its issue."""

    SCOPE = "scope"
    """Whom it concerns at all: a product, a driver, a Windows. When it fails the issue is of no interest."""
    SIGN = "sign"
    """How a crash of this issue looks."""
    TRIGGER = "trigger"
    """What has to happen first."""


class Certainty(Enum):
    """How well founded a source's statement is, as far as we looked."""

    READ = "read"
    """The source itself was read."""
    EXCERPT = "excerpt"
    """Only an excerpt or another's summary of it was read."""
    INFERRED = "inferred"
    """Concluded from what sources say."""
    BACKGROUND = "background"
    """Widely known, without a source that was looked up."""
    OWN = "own"
    """A team's own experience."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A testable statement.

    Attributes:
        test: name of a test. values: what it is to compare with, by parameter name.
        role: what it is to the issue. negated: it is to hold when the test does not.
        says: why it is asked, in words, where the test's own sentence is not enough.
        parts: further conditions, for the tests `any` and `all`.
    """

    test: str
    values: Mapping[str, Value]
    role: Role = Role.SIGN
    negated: bool = False
    says: Texts = field(default_factory=dict[str, str])
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Treatment:
    """Something that helps: what to do, how risky it is ("low", "medium", "high" or ""), the way back, a place."""

    text: Texts
    risk: str = ""
    undo: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class IssueSource:
    """Who says so: a name, an address or "", how certain, and what the source is said to tell or not to tell."""

    name: str
    url: str = ""
    certainty: Certainty = Certainty.EXCERPT
    note: str = ""


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """A fault others have met.

    Attributes:
        id: unique: "CVE-2006-4541", "TECH99708", a team's own.
        title: one line per language. text: what happens, per language.
        kind: "defect", "conflict", "vulnerable_driver", "malicious_driver", "hardware", "configuration", "update" …
        vendor, products: whose it is. versions: the affected ones, in words.
        drivers: file names in lower case. hashes: of files, hexadecimal, any kind. bugchecks: "8E", "7F/8".
        signatures: bugcheck's own or WinDbg's buckets it was seen under.
        effect: "crash", "hang", "privilege", "code", "leak" …
        conditions: what must hold. treatments: what helps. checks: what a person can look at, per language.
        near_miss_of: ids of issues it could be mistaken for.
        sources: who says so. published: date or "".
        origin: where the entry itself comes from ("shipped", a file's path, "CVE list").
    """

    id: str
    title: Texts
    text: Texts = field(default_factory=dict[str, str])
    kind: str = "defect"
    vendor: str = ""
    products: tuple[str, ...] = ()
    versions: str = ""
    drivers: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    bugchecks: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    effect: str = ""
    conditions: tuple[Condition, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    checks: tuple[Texts, ...] = ()
    near_miss_of: tuple[str, ...] = ()
    sources: tuple[IssueSource, ...] = ()
    published: str = ""
    origin: str = "shipped"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is told in."""
        return tuple(sorted({*self.title, *self.text}))


def in_language(texts: Texts, language: str = ENGLISH) -> str:
    """Choose a text: in the language asked for, else English, else the first there is, else ""."""
    return texts.get(language) or texts.get(ENGLISH) or next(iter(texts.values()), "")


def bugcheck_code(text: str) -> int | None:
    """Read the code of a bug check as entries write it ("8E", "7F/8"); None when it is none."""
    try:
        return int(text.partition("/")[0], 16)
    except ValueError:
        return None
