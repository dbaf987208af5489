"""A person's own suspicions and judgements, from the command line through to the report, the JSON and the plan.

Source: issue 5 section 4 ("A person can add, re-weigh and overrule, with a reason that is kept").
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bugcheck.cli.main import main
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns

NASTY = 'quotes " and \\ and\nlines and \x7f and 电缆'


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    write_story(folder, Turns(sparse=20))
    assert main(["investigate", str(folder), "--output", str(folder.parent / "first.txt")]) == 0
    return folder


def investigated(case: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["investigate", str(case), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def of(report: dict[str, Any], key: str) -> dict[str, Any]:
    return next(each for each in report["hypotheses"] if each["key"] == key)


def test_a_suspicion_goes_through_to_the_plan(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--expects", "logon:15:1.5", "--prior", "0", "--treat", "replace the cable", "--by", NASTY]
    assert main(["case", "suspect", str(case), "loose_cable", NASTY, *told]) == 0
    report = investigated(case, capsys)
    found = of(report, "loose_cable")
    assert found["mechanism"] == NASTY
    assert found["state"] == "supported"
    assert [each["outcome"] for each in found["predictions"]] == ["observed"]
    step = next(each for each in report["plan"] if each["acts_on"] == "loose_cable")
    assert (step["treatment"], step["source"]) == ("replace the cable", "notes")


def test_overruled_and_taken_back_with_history(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ["case", "judge", str(case), "third_party_driver:RapDrv.sys", "--by", "Ann"]
    before = of(investigated(case, capsys), "third_party_driver:RapDrv.sys")
    assert main([*first, "--add", "-2.5", "--reason", "its maker says it cannot be"]) == 0
    assert main([*first, "--state", "eliminated", "--reason", "it is gone and it still crashes"]) == 0
    overruled = of(investigated(case, capsys), "third_party_driver:RapDrv.sys")
    assert overruled["state"] == "eliminated"
    assert overruled["decided_by"] == "Ann: it is gone and it still crashes"
    assert overruled["log_odds"] == pytest.approx(before["log_odds"] - 2.5)
    assert main([*first, "--withdraw", "--reason", "that was another machine"]) == 0
    back = of(investigated(case, capsys), "third_party_driver:RapDrv.sys")
    assert (back["state"], back["log_odds"]) == (before["state"], before["log_odds"])
    history = [(each["reason"], each["withdrawn"], each["takes_back"]) for each in back["judgements"]]
    assert history == [
        ("its maker says it cannot be", True, False),
        ("it is gone and it still crashes", True, False),
        ("that was another machine", False, True),
    ]
    assert all(each["at"] and each["by"] == "Ann" for each in back["judgements"])


def test_what_a_person_supports_is_treated(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing observed speaks for bad memory here; a person's word puts its treatment into the plan all the same."""
    assert not [each for each in investigated(case, capsys)["plan"] if each["acts_on"] == "bad_memory"]
    assert main(["case", "judge", str(case), "bad_memory", "--state", "supported", "--reason", "I saw it fail"]) == 0
    report = investigated(case, capsys)
    assert [each for each in report["plan"] if each["acts_on"] == "bad_memory"]
    assert "opinions.notes.toml" in [each["path"] for each in report["evidence"]]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["suspect", "CASE", "x", "y", "--expects", "no_such_event"], "is no kind of event; kinds are bugcheck,"),
        (["suspect", "CASE", "x", "y", "--expects", "logon:soon"], "KIND[:MINUTES[:WEIGHT]]"),
        (["suspect", "CASE", "x", " "], "a suspicion has a name and a mechanism"),
        (["judge", "CASE", "nobody", "--state", "eliminated", "--reason", "r"], "is no hypothesis of this case"),
        (["judge", "CASE", "bad_memory", "--state", "dead", "--reason", "r"], "states are supported, not_eliminated"),
        (["judge", "CASE", "bad_memory", "--state", "eliminated", "--reason", " "], "say why"),
    ],
)
def test_what_is_not_entered(case: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(case, "opinions.notes.toml").read_bytes() if Path(case, "opinions.notes.toml").exists() else b""
    assert main(["case", *[str(case) if word == "CASE" else word for word in words]]) == 2
    assert reason in capsys.readouterr().err
    path = Path(case, "opinions.notes.toml")
    assert (path.read_bytes() if path.exists() else b"") == before
