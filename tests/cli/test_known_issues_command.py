"""`bugcheck known-issues`: what is found, shown, taken over, and the exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bugcheck import api
from bugcheck.cli.main import main
from bugcheck.known_issues.matching import NEAR_MISS

OWN = """
[[issue]]
id = "TEAM-7"
title.en = "AcmeFilt stops servers"
title.zh = "备份运行时驱动使服务器崩溃"
drivers = ["acmefilt.sys"]
bugchecks = ["8E"]
  [[issue.condition]]
  test = "bugcheck"
  code = "8E"
"""


@pytest.fixture
def database(tmp_path: Path) -> list[str]:
    return ["--database", str(tmp_path / "data" / "issues.sqlite")]


@pytest.fixture
def own(tmp_path: Path, database: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    (tmp_path / "team.toml").write_text(OWN, "utf-8")
    assert main(["known-issues", "import", str(tmp_path / "team.toml"), *database]) == 0
    assert "1 new, 0 changed, 0 as before" in capsys.readouterr().out
    return database


@pytest.mark.parametrize(
    "words",
    [["备份", "崩溃"], ["备份运行"], ["务器"], ["acmefilt"], ["--driver", "AcmeFilt.sys"], ["--bugcheck", "8e"]],
)
def test_own_entries_are_found(own: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known-issues", "search", *words, *own]) == 0
    assert "TEAM-7" in capsys.readouterr().out


def test_language_and_json(own: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known-issues", "show", "team-7", "--language", "zh", *own]) == 0
    assert "备份运行时驱动使服务器崩溃" in capsys.readouterr().out
    assert main(["known-issues", "list", "--json", *own]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["id"] == "TEAM-7"
    assert lines[0]["origin"].endswith("team.toml")
    assert "CVE-2006-4541" in [line["id"] for line in lines]


def test_what_ships_is_found_without_a_database(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known-issues", "search", "ntopensection", *database]) == 0
    out = capsys.readouterr().out
    assert "CVE-2006-4541" in out
    assert "set off by" in out
    assert not Path(database[1]).exists()


def test_statuses(tmp_path: Path, database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known-issues", "search", "qqqqqqqq", *database]) == 1
    assert main(["known-issues", "show", "NO-1", *database]) == 1
    assert "no such known issue" in capsys.readouterr().err
    assert main(["known-issues", "search", *database]) == 2
    assert main(["known-issues", "search", "--bugcheck", "xyz", *database]) == 2
    assert main(["known-issues", "import", str(tmp_path / "nowhere"), *database]) == 3
    (tmp_path / "bad.toml").write_text(
        OWN + OWN.replace("TEAM-7", "TEAM-8").replace('"bugcheck"', '"bugchek"'), "utf-8"
    )
    assert main(["known-issues", "import", str(tmp_path / "bad.toml"), *database]) == 1
    assert "entry 2, TEAM-8" in capsys.readouterr().err
    (tmp_path / "broken.sqlite").write_bytes(b"x" * 5000)
    assert main(["known-issues", "search", "x", "--database", str(tmp_path / "broken.sqlite")]) == 3


def test_matches_of_a_dump(shared: Path, database: list[str]) -> None:
    found = api.known_issue_matches(api.analyze(shared / "story" / "story_triage.dmp"), database=database[1])
    assert {each.issue.id: each.kind for each in found}["CVE-2006-4541"] == NEAR_MISS


def test_own_entries_are_removed_and_what_ships_stays(own: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known-issues", "remove", "team-7", "nobody-1", "CVE-2006-4541", *own]) == 1
    told = capsys.readouterr()
    assert "1 entry removed" in told.out
    assert "nobody-1: no such entry of your own" in told.err
    assert "CVE-2006-4541: ships with bugcheck and stays" in told.err
    assert main(["known-issues", "show", "team-7", *own]) == 1
    assert main(["known-issues", "search", "--driver", "acmefilt.sys", *own]) == 1
    assert main(["known-issues", "search", "acmefilt", *own]) == 1, "its words are gone from the index too"


def test_an_own_entry_in_front_of_one_that_ships(
    tmp_path: Path, database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ours.toml").write_text(OWN.replace("TEAM-7", "CVE-2006-4541"), "utf-8")
    assert main(["known-issues", "import", str(tmp_path / "ours.toml"), *database]) == 0
    assert main(["known-issues", "remove", "CVE-2006-4541", *database]) == 0
    assert "CVE-2006-4541: the entry of that id that ships counts again" in capsys.readouterr().out
    assert main(["known-issues", "show", "CVE-2006-4541", *database]) == 0
    assert "NtOpenSection" in capsys.readouterr().out


def test_a_whole_collection_is_removed_by_its_origin(
    tmp_path: Path, own: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["known-issues", "remove", "--origin", "the moon", *own]) == 2
    assert "team.toml (1)" in capsys.readouterr().err
    assert main(["known-issues", "remove", "--origin", str(tmp_path / "team.toml"), *own]) == 0
    assert main(["known-issues", "show", "team-7", *own]) == 1
    assert main(["known-issues", "remove", *own]) == 2
