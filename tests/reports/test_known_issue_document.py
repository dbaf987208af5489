"""How a match is told: what it is, what holds, fails and is untested, what helps; a near miss helps nobody.

Source: issue 5 section 3 ("which conditions hold, which fail, which are untested; near misses are shown as such").
"""

from __future__ import annotations

from dataclasses import replace

from bugcheck.known_issues.issue import IssueSource, Treatment
from bugcheck.known_issues.matching import MATCH, NEAR_MISS, POSSIBLE, Match, match
from bugcheck.known_issues.situation import Fault
from bugcheck.reports.known_issue_document import match_details, match_json, match_line, match_points
from tests.known_issues.situations import crash, situation
from tests.known_issues.test_matching import ISSUE

TOLD = replace(
    ISSUE,
    treatments=(Treatment({"en": "update AcmeFilt", "zh": "升级 AcmeFilt"}),),
    sources=(IssueSource("Acme's page", "https://example.org/acme"),),
)


def matches() -> tuple[Match, Match, Match]:
    fits = match(TOLD, situation(crash()))
    possible = match(TOLD, situation(crash(stack=(), control_codes=())))
    near = match(TOLD, situation(crash(fault=Fault("write", 4))))
    return fits, possible, near


def test_one_line_says_what_it_is() -> None:
    fits, possible, near = matches()
    assert (fits.kind, possible.kind, near.kind) == (MATCH, POSSIBLE, NEAR_MISS)
    assert match_line(fits) == "ACME-1: AcmeFilt reads through null — fits in every point"
    assert "possible; untested is " in match_line(possible)
    assert match_line(near).endswith("a near miss, not this crash: the fault is a write of address 0x4, not a read")


def test_details_have_every_condition_once() -> None:
    for found in matches():
        told = dict(match_details(found))
        groups = [told.get(label, "").split("; ") for label in ("fits", "does not fit", "untested")]
        assert sum(len([each for each in group if each]) for group in groups) == len(TOLD.conditions)
    _, possible, near = matches()
    assert "untested" in dict(match_details(possible))
    assert dict(match_details(near))["does not fit"] == "the fault is a write of address 0x4, not a read"


def test_a_near_miss_gives_no_treatment() -> None:
    fits, possible, near = matches()
    assert dict(match_details(fits))["helps"] == "update AcmeFilt"
    assert dict(match_details(possible, "zh"))["helps"] == "升级 AcmeFilt"
    assert "helps" not in dict(match_details(near))
    assert match_json(near)["helps"] == []
    assert match_json(near)["fails"] == ["the fault is a write of address 0x4, not a read"]


def test_points_are_a_line_each_and_everything_when_asked() -> None:
    found = matches()
    (short,) = match_points(found)
    assert len(short.items) == 5, "three matches, and what helps against two of them"
    (long,) = match_points(found, verbose=True)
    assert "source: Acme's page" in long.items
    assert len(long.items) > len(short.items)
    assert list(match_points([])) == []
