"""A Case, its sentences English → the same Case as told in another language, as far as its file has the sentences.

Source: the files of `languages/`.  A sentence is looked up as it stands, then among the patterns (the one with most
letters of its own first), then clause by clause; what nobody translated stays English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, cast

from bugcheck.cases.session import Investigated
from bugcheck.hypotheses.investigation import IssueMatch
from bugcheck.reports.language_files import language_file

AnyValue = TypeVar("AnyValue")
Say = Callable[[str], str]
_KEPT = frozenset(
    [
        *("id", "subject", "hosts", "driver", "products", "where", "evidence", "group", "hypothesis"),
        *("speaks_for", "speaks_against", "acts_on", "source", "target", "done", "by", "reason"),
    ]
)
"""Members that are keys or names, which no language changes."""
_HOLE = re.compile(r"\{(\w+)(!?)\}")
_SEAM = re.compile(r"(?<=[\u3400-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u3400-\u9fff])")
"""Where a Chinese or Japanese character meets a Latin one, a space stands."""
DEEPEST, LONGEST = 4, 500
"""Clauses within clauses that are looked up, and characters of one: patterns on a hostile text cost too much."""


@cache
def say_in(language: str) -> Say:
    """What says a sentence in a language."""
    plain: dict[str, str] = {}
    patterns: list[tuple[list[str], re.Pattern[str], str]] = []
    for told, text in language_file(language).sentences:
        if _HOLE.search(told):
            patterns.append((_HOLE.sub("\0", told).split("\0"), _pattern(told), text))
        else:
            plain[told] = text
    patterns.sort(key=lambda each: -sum(map(len, each[0])))

    @cache
    def say(text: str, depth: int = 0) -> str:
        known = plain.get(text)
        if known is not None or depth > DEEPEST or not text:
            return known or text
        for fixed, pattern, told in patterns if len(text) <= LONGEST else ():
            found = pattern.fullmatch(text) if all(piece in text for piece in fixed) else None
            if found:
                return _SEAM.sub(" ", _HOLE.sub(lambda hole, found=found: filled(hole, found, depth), told))
        clauses = text.split("; ")
        said = [say(clause, depth + 1) for clause in clauses] if len(clauses) > 1 else clauses
        return "；".join(said) if said != clauses else text

    def filled(hole: re.Match[str], found: re.Match[str], depth: int) -> str:
        piece = found[hole[1]]
        return say(piece, depth + 1) if hole[2] or f"{hole[1]}_" in found.re.groupindex else piece

    return say


def _pattern(told: str) -> re.Pattern[str]:
    """A sentence with holes as an expression: a hole named n, m or p is a number; a `!` asks to look its filling up."""
    parts: list[str] = []
    at = 0
    for hole in _HOLE.finditer(told):
        inner = r"[+-]?[\d.,]+%?" if hole[1] in ("n", "m", "p") else "(?:(?!; ).)+?"
        mark = f"(?P<{hole[1]}_>)" if hole[2] else ""
        parts += [re.escape(told[at : hole.start()]), f"(?P<{hole[1]}>{inner}){mark}"]
        at = hole.end()
    return re.compile("".join([*parts, re.escape(told[at:])]))


def spoken(investigated: Investigated, language: str) -> Investigated:
    """The investigation with what hypotheses, plan, test and gaps say told in a language."""
    if not language_file(language).sentences:
        return investigated
    say, case = say_in(language), investigated.case
    told = replace(
        case,
        weighed=_told(case.weighed, say),
        plan=_told(case.plan, say),
        gaps=_told(case.gaps, say),
        issues=tuple([_told_issue(each, say) for each in case.issues]),
    )
    return replace(investigated, case=told)


def _told_issue(issue: IssueMatch, say: Say) -> IssueMatch:
    """What was tested of a known issue; its own texts come in the language from its entry."""
    return replace(
        issue, holds=_told(issue.holds, say), fails=_told(issue.fails, say), untested=_told(issue.untested, say)
    )


def _told(value: AnyValue, say: Say) -> AnyValue:
    return cast("AnyValue", _each(value, say))


def _each(value: Any, say: Say) -> Any:
    if isinstance(value, str):
        return say(value)
    if isinstance(value, tuple):
        return tuple([_each(each, say) for each in cast("tuple[Any, ...]", value)])
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            each.name: _each(getattr(value, each.name), say)
            for each in fields(value)
            if each.init and each.name not in _KEPT
        }
        return replace(value, **changed)
    return value
