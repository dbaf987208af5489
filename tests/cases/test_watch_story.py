"""The story's watch: the step is taken, it crashes again, and the case draws its conclusions.

Source: ../shared/story/README.md row 14; issue 5 section 5.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bugcheck.cli.main import main
from bugcheck.synth.description import DumpKind
from bugcheck.synth.kernel_dumps import build_kernel_dump
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns
from bugcheck.synth.story_machine import story_machine


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    write_story(folder, Turns(sparse=20))
    (tmp_path / "in").mkdir()
    assert main(["investigate", str(folder), "--output", str(tmp_path / "first.txt")]) == 0
    assert main(["case", "decide", str(folder), "aligned the versions", "--step", "1", "--by", "Ann"]) == 0
    return folder


def arrives(case: Path, name: str, culprit: str = "RapDrv.sys", days: float = 3) -> None:
    machine = story_machine(datetime.now(UTC) + timedelta(days=days), timedelta(days=2), culprit)
    path = case.parent / "in" / name
    path.write_bytes(build_kernel_dump(machine, DumpKind.TRIAGE_FULL_PATHS))
    os.utime(path, (time.time() - 3600, time.time() - 3600))


def looked(case: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["watch", str(case), "--folder", str(case.parent / "in"), "--once", "--json"])
    return status, json.loads(capsys.readouterr().out)


def investigated(case: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["investigate", str(case), "--json"]) in (0, 1)
    return json.loads(capsys.readouterr().out)


def test_quiet(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, report = looked(case, capsys)
    assert (status, report["state"]) == (0, "quiet")
    assert report["step_taken"]["step"] == 1
    assert report["if_recurs"]["step"] == 2
    assert not report["quiet_long_enough"]


def test_the_same_crash_after_the_step(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next step is due, and what the step was to treat is eliminated by it."""
    arrives(case, "again.dmp")
    status, report = looked(case, capsys)
    assert (status, report["state"]) == (1, "same_crash")
    assert report["new_crashes"][0]["after_step"] is True
    assert "Application Protection" in report["next_step"]["treatment"]
    assert report["next_step"]["step"] == 2
    found = investigated(case, capsys)
    assert found["plan"][0]["done"].startswith("aligned the versions"), "what was done stays in the plan"
    assert "Application Protection" in found["plan"][1]["treatment"]
    assert {host["name"] for host in found["hosts"]} == {"A", "B"}, "the watch's own folder is no host"
    assert {crash["host"] for crash in found["crashes"]} == {"A"}
    conflict = next(each for each in found["hypotheses"] if each["key"].startswith("product_conflict:Symantec"))
    assert conflict["state"] == "eliminated"
    assert "aligned the versions" in conflict["decided_by"]
    assert found["hypotheses"][0]["id"] == "third_party_driver", "the driver's defect alone, whatever goes before"


def test_another_crash_after_the_step(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing against the treatment."""
    arrives(case, "other.dmp", "tcpip.sys")
    status, report = looked(case, capsys)
    assert (status, report["state"]) == (5, "another_crash")
    assert report["next_step"] is None
    conflict = next(
        each for each in investigated(case, capsys)["hypotheses"] if each["key"].startswith("product_conflict:Symantec")
    )
    assert conflict["state"] != "eliminated"
