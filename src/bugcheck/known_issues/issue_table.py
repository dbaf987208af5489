"""A KnownIssue → the table that `toml_reader` reads back: how entries are stored and shown as JSON.

Source: docs/reference/known-issues.md.
"""

from __future__ import annotations

from typing import Any

from bugcheck.known_issues.issue import Certainty, Condition, KnownIssue, Role

Table = dict[str, Any]
_PLAIN = ("kind", "vendor", "versions", "effect", "published")
_LISTS = ("products", "drivers", "hashes", "bugchecks", "signatures", "near_miss_of")


def issue_table(issue: KnownIssue) -> Table:
    """Write an issue as a table; what is empty is left out."""
    table: Table = {"id": issue.id, "title": dict(issue.title)}
    if issue.text:
        table["text"] = dict(issue.text)
    table |= {name: getattr(issue, name) for name in _PLAIN if getattr(issue, name)}
    table |= {name: list(getattr(issue, name)) for name in _LISTS if getattr(issue, name)}
    if issue.conditions:
        table["condition"] = [_condition(each) for each in issue.conditions]
    if issue.treatments:
        table["treatment"] = [
            _filled({"text": dict(each.text), "risk": each.risk, "undo": each.undo, "url": each.url})
            for each in issue.treatments
        ]
    if issue.checks:
        table["check"] = [dict(each) for each in issue.checks]
    if issue.sources:
        table["source"] = [
            _filled({"name": each.name, "url": each.url, "certainty": _certainty(each.certainty), "note": each.note})
            for each in issue.sources
        ]
    return table


def _certainty(certainty: Certainty) -> str:
    return certainty.value


def _filled(table: Table) -> Table:
    return {name: value for name, value in table.items() if value}


def _condition(condition: Condition) -> Table:
    table: Table = {"test": condition.test} | {name: _plain(value) for name, value in condition.values.items()}
    if condition.role is not Role.SIGN:
        table["role"] = condition.role.value
    if condition.negated:
        table["not"] = True
    if condition.says:
        table["says"] = dict(condition.says)
    if condition.parts:
        table["of"] = [_condition(part) for part in condition.parts]
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
