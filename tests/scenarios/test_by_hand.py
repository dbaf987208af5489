"""Every weight in the open: the log-odds of a whole investigation, done again by hand from its JSON alone.

Source: docs/reference/json.md: `log_odds` is `prior` plus the counted weights plus what people added and nobody took
back; of predictions that share a `group` only the strongest counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bugcheck.api.incident import investigate, render_case
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns

JUDGED = """
[[judgement]]
hypothesis = "bad_memory"
add = 1.25
reason = "it is old"
when = 2006-04-20T10:00:00
[[judgement]]
hypothesis = "failing_disk"
add = 3
reason = "it rattles"
when = 2006-04-20T10:00:00
[[judgement]]
hypothesis = "failing_disk"
withdraw = true
reason = "it was the fan"
when = 2006-04-20T11:00:00
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("story")
    write_story(folder, Turns(sparse=20))
    Path(folder, "more.notes.toml").write_text(JUDGED, "utf-8")
    found = investigate(folder, keep=False, known_issues=":memory:")
    return json.loads(render_case(found, "json"))


def test_each_sum_by_hand(report: dict[str, Any]) -> None:
    assert len(report["hypotheses"]) >= 14
    for each in report["hypotheses"]:
        total = each["prior"]
        total += sum(one["weight"] for one in each["predictions"] if one["counted"])
        total += sum(one["add"] for one in each["judgements"] if not (one["withdrawn"] or one["takes_back"]))
        assert each["log_odds"] == pytest.approx(total, abs=0.005), each["key"]


def test_two_with_a_calculator(report: dict[str, Any]) -> None:
    """The numbers of the demo's report, added on paper."""
    found = {each["key"].partition(":")[0]: each for each in reversed(report["hypotheses"])}
    assert found["product_conflict"]["log_odds"] == 3.4  # -1.1 + 1.0 versions + 2.0 updates + 0.8 logons + 0.7 watcher
    assert found["third_party_driver"]["log_odds"] == 0.2  # -0.7 + 2.3 + 1.0 - 0.2 near miss - 1.5 updates - 0.7 check
    assert found["bad_memory"]["judgements"][0]["add"] == 1.25
    assert [each["withdrawn"] for each in found["failing_disk"]["judgements"]] == [True, False]


def test_of_a_group_only_the_strongest_counts(report: dict[str, Any]) -> None:
    seen = 0
    for each in report["hypotheses"]:
        groups: dict[str, list[dict[str, Any]]] = {}
        for one in each["predictions"]:
            if one["group"]:
                groups.setdefault(one["group"], []).append(one)
        for members in groups.values():
            counted = [one for one in members if one["counted"]]
            assert len(counted) == 1
            assert abs(counted[0]["weight"]) == max(abs(one["weight"]) for one in members)
            seen += len(members) > 1
    assert seen, "the demo has predictions that share an observation"


def test_no_outcome_without_its_reason(report: dict[str, Any]) -> None:
    """Observed and contradicted cite evidence of the case; untested names what is missing, and adds nothing."""
    known = {each["id"] for each in report["evidence"]}
    for each in report["hypotheses"]:
        for one in each["predictions"]:
            assert one["told"], one
            if one["outcome"] == "untested":
                assert one["weight"] == 0
                continue
            assert one["weight"] != 0, one
            cited = {cite["evidence"] for cite in one["citations"]}
            assert cited <= known | {""}, one
            if one["topic"] not in ("known issue", "reported"):
                assert cited, one
