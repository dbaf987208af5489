"""A KnownIssue, a list of them, matches → Documents.

Source: what an entry holds (docs/reference/known-issues.md); nothing is added in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bugcheck.known_issues.issue import Condition, KnownIssue, Role, Value, in_language
from bugcheck.known_issues.matching import MATCH, POSSIBLE, Match
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table

MOST_SHOWN = 40
_ROLES = {Role.SCOPE: "concerns", Role.SIGN: "looks like", Role.TRIGGER: "set off by"}


def issue_document(issue: KnownIssue, language: str = "en") -> Document:
    """Tell one entry."""
    text = in_language(issue.text, language)
    blocks: list[Block] = [Headline(in_language(issue.title, language), issue.id)]
    blocks.append(Facts(tuple(row for row in _rows(issue) if row[1])))
    if text:
        blocks.append(Points("what happens", (text,)))
    for role, label in _ROLES.items():
        items = tuple(_condition(each, language) for each in issue.conditions if each.role is role)
        if items:
            blocks.append(Points(label, items))
    treatments = tuple(
        in_language(each.text, language) + (f" (risk: {each.risk})" if each.risk else "") for each in issue.treatments
    )
    checks = tuple(in_language(each, language) for each in issue.checks)
    sources = tuple(
        ", ".join(part for part in (each.name, each.url, f"certainty: {each.certainty.value}", each.note) if part)
        for each in issue.sources
    )
    for label, items in (("helps", treatments), ("check", checks), ("source", sources)):
        if items:
            blocks.append(Points(label, items))
    return Document(issue.id, tuple(blocks))


def _rows(issue: KnownIssue) -> list[tuple[str, str]]:
    hashes = f"{len(issue.hashes)}: {', '.join(issue.hashes[:3])}{' …' if len(issue.hashes) > 3 else ''}"
    return [
        ("kind", f"{issue.kind}, effect: {issue.effect}" if issue.effect else issue.kind),
        ("products", ", ".join((*([issue.vendor] if issue.vendor else []), *issue.products))),
        ("versions", issue.versions),
        ("drivers", ", ".join(issue.drivers[:MOST_SHOWN])),
        ("hashes", hashes if issue.hashes else ""),
        ("bug checks", ", ".join(issue.bugchecks)),
        ("published", issue.published),
        ("unlike", ", ".join(issue.near_miss_of)),
        ("from", issue.origin),
    ]


def _condition(condition: Condition, language: str) -> str:
    says = in_language(condition.says, language)
    if condition.test == "told":
        return says
    if condition.parts:
        joined = (" or " if condition.test == "any" else " and ").join(
            _condition(each, language) for each in condition.parts
        )
        text = f"({joined})"
    else:
        values = ", ".join(f"{name} {_value(value)}" for name, value in condition.values.items())
        text = f"{condition.test.replace('_', ' ')}: {values}"
    return ("not " if condition.negated else "") + text + (f" — {says}" if says else "")


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return " or ".join(map(_value, value[:8])) + (" …" if len(value) > 8 else "")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_value(each)}" for name, each in value.items())
    return str(value)


def list_document(issues: Sequence[KnownIssue], language: str = "en") -> Document:
    """Tell many entries, one a line."""
    rows = tuple((issue.id, in_language(issue.title, language)) for issue in issues)
    count = f"{len(issues)} known issue{'' if len(issues) == 1 else 's'}"
    return Document("known issues", (Table(count, ("id", "what"), rows),) if rows else (Headline("none known"),))


def match_line(found: Match, language: str = "en") -> str:
    """Tell a match in one sentence: what it is, and what speaks against it or is untested."""
    return f"{found.issue.id}: {in_language(found.issue.title, language)} — {_standing(found)}"


def _standing(found: Match) -> str:
    if found.kind == MATCH:
        return "fits in every point"
    if found.kind == POSSIBLE:
        return f"possible; untested is {_listed(found.untested)}"
    return f"a near miss, not this crash: {_listed(found.fails)}"


def _listed(sentences: Sequence[str]) -> str:
    return "; ".join(sentences) if sentences else "nothing"


def match_details(found: Match, language: str = "en") -> tuple[tuple[str, str], ...]:
    """What holds, what fails, what is untested, what helps and who says so, each with its label."""
    issue = found.issue
    groups = (
        ("fits", found.holds),
        ("does not fit", found.fails),
        ("untested", found.untested),
        ("helps", match_help(found, language)),
        ("source", tuple(each.name for each in issue.sources)),
    )
    return tuple((label, _listed(items)) for label, items in groups if items)


def match_help(found: Match, language: str = "en") -> tuple[str, ...]:
    """What helps against it; nothing for a near miss, whose treatment would treat another illness."""
    if found.kind not in (MATCH, POSSIBLE):
        return ()
    return tuple(in_language(each.text, language) for each in found.issue.treatments)


def match_points(matches: Sequence[Match], *, verbose: bool = False, language: str = "en") -> Iterator[Points]:
    """Tell matches beside a verdict: a line each and the first thing that helps, or with `verbose` all of each."""
    items: list[str] = []
    for found in matches:
        items.append(match_line(found, language))
        if verbose:
            items += [f"{label}: {text}" for label, text in match_details(found, language)]
        else:
            items += [f"helps: {text}" for text in match_help(found, language)[:1]]
    if items:
        yield Points("known", tuple(items))


def match_json(found: Match, language: str = "en") -> dict[str, object]:
    """A match as the JSON contract writes it."""
    return {
        "id": found.issue.id,
        "match": found.kind,
        "title": in_language(found.issue.title, language),
        "holds": list(found.holds),
        "fails": list(found.fails),
        "untested": list(found.untested),
        "helps": list(match_help(found, language)),
        "sources": [{"name": each.name, "url": each.url or None} for each in found.issue.sources],
    }
