"""The watch: a dump arrives, is kept, judged and answered."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from bugcheck.api.case import decide, look, open_case, watcher
from bugcheck.cli.main import main


@pytest.fixture
def case(tmp_path: Path, shared: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    shutil.copy(shared / "story" / "story.dmp", folder)
    (tmp_path / "in").mkdir()
    return folder


def arrive(path: Path, data: bytes, *, ago: float = 3600.0) -> None:
    path.write_bytes(data)
    then = time.time() - ago
    os.utime(path, (then, then))


def test_a_dump_that_arrives(case: Path, tmp_path: Path, corpus: Path) -> None:
    watch = watcher(case, str(tmp_path / "in"))
    assert look(watch).state == "quiet"
    decide(open_case(case), "done as planned", by="Ann", step=1)
    taken = look(watch)
    assert taken.taken is not None
    assert taken.taken.done.startswith("done as planned (Ann")
    assert taken.plan.watch.since == open_case(case).decisions()[-1].time
    other = sorted((corpus / "kernel").glob("*.dmp"))[0]
    arrive(tmp_path / "in" / "MEMORY.DMP", other.read_bytes())
    (tmp_path / "in" / "readme.txt").write_text("no dump", "utf-8")
    found = look(watch)
    assert [each.verdict for each in found.new] == ["another_crash"]
    (tmp_path / "in" / "MEMORY.DMP").unlink()
    assert open_case(case).watched()[0].kept.startswith(".bugcheck/watched/")
    assert len([each for each in watch.investigate().case.evidence if each.kind == "crash_dump"]) == 2
    assert look(watch).new == ()


def test_a_file_that_is_being_written_waits(case: Path, tmp_path: Path, shared: Path) -> None:
    watch = watcher(case, str(tmp_path / "in"))
    data = (shared / "story" / "story.dmp").read_bytes()
    arrive(tmp_path / "in" / "a.dmp", data[: len(data) // 2], ago=0)
    assert [Path(path).name for path in look(watch).waiting] == ["a.dmp"]
    arrive(tmp_path / "in" / "a.dmp", data + b"x", ago=0)
    assert look(watch).waiting
    assert [each.verdict for each in look(watch).new] == ["known"]


def test_status_and_usage(case: Path, tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["watch", str(case), "--folder", str(tmp_path / "in"), "--once", "--json"]
    assert main(arguments) == 0
    arrive(tmp_path / "in" / "b.dmp", sorted((corpus / "kernel").glob("*.dmp"))[0].read_bytes())
    assert main(arguments) == 5
    assert '"state": "another_crash"' in capsys.readouterr().out
    assert main(arguments) == 0
    assert main(["watch", str(case), "--folder", str(tmp_path / "none")]) == 2
