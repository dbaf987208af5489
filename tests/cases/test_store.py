"""A case's store: upgraded, damaged, busy, killed; what is kept outlives all of them."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from bugcheck.api import known_issue_library
from bugcheck.api.case import decide, list_cases, open_case, verify_case
from bugcheck.api.incident import investigate, render_case
from bugcheck.cases import investigate as reading
from bugcheck.cases import store as stores
from bugcheck.cases.session import reopened
from bugcheck.cases.store import CaseStore
from bugcheck.errors import UsageError
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns
from bugcheck.timeline.store import StoreBusy

NOW = datetime(2024, 5, 1, tzinfo=UTC)
HEAD = "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n"  # noqa: E501


def fill(folder: Path, files: int = 3, lines: int = 300) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(files):
        rows = [
            f"2024-05-{number + 1:02} {line // 3600:02}:{line // 60 % 60:02}:{line % 60:02} "
            f"DROP TCP 10.1.{number}.{line % 250} 10.0.0.1 {line} 445 48 S 1 0 1 - - - RECEIVE"
            for line in range(lines)
        ]
        (folder / f"pfirewall-{number}.log").write_text(HEAD + "\n".join(rows) + "\n", "utf-8")


def events_of(folder: Path) -> list[tuple[str, str, int]]:
    return sorted((each.path, each.sha256, each.events) for each in investigate(folder).case.evidence)


def test_a_store_of_the_first_version_is_upgraded(tmp_path: Path) -> None:
    (tmp_path / ".bugcheck").mkdir()
    old = sqlite3.connect(tmp_path / ".bugcheck" / "case.sqlite")
    for statement in (
        "CREATE TABLE identity(id TEXT, created TEXT)",
        "CREATE TABLE custody(time TEXT, what TEXT, path TEXT, sha256 TEXT)",
        "CREATE TABLE runs(number INTEGER PRIMARY KEY, time TEXT, standings TEXT)",
        "CREATE TABLE decisions(time TEXT, by TEXT, text TEXT)",
        "INSERT INTO identity VALUES('abc','2024-01-01T00:00:00+00:00')",
        "INSERT INTO decisions VALUES('2024-01-02T00:00:00+00:00','Ann','driver updated')",
        "PRAGMA user_version=1",
    ):
        old.execute(statement)
    old.commit()
    old.close()
    store = CaseStore(str(tmp_path), NOW)
    (decision,) = store.decisions()
    assert (store.id, decision.by, decision.text, decision.step) == ("abc", "Ann", "driver updated", None)
    store.saw("00", "a.dmp", "pending", NOW, "kept")
    assert store.watched()[0].kept == "kept"


def test_a_damaged_store_is_said_and_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    investigate(tmp_path)
    path = tmp_path / ".bugcheck" / "case.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(UsageError, match="damaged"):
        investigate(tmp_path)
    assert path.read_bytes().startswith(b"no database")
    assert investigate(tmp_path, keep=False).case.evidence


def test_a_damaged_timeline_is_read_anew(tmp_path: Path) -> None:
    fill(tmp_path)
    before = events_of(tmp_path)
    (tmp_path / ".bugcheck" / "timeline.sqlite").write_bytes(b"no database" * 1000)
    assert events_of(tmp_path) == before


def test_a_folder_that_cannot_keep_a_case_is_investigated(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / ".bugcheck").write_text("in the way", "utf-8")
    found = investigate(tmp_path)
    assert found.store == ""
    assert any("could not be kept" in gap.missing for gap in found.case.gaps)


def test_a_second_process_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 1)
    before = events_of(tmp_path)
    monkeypatch.setattr(stores, "LONGEST_WAIT", 0.1)
    with open_case(tmp_path).investigating(), pytest.raises(StoreBusy, match="another process"):
        investigate(tmp_path)
    assert events_of(tmp_path) == before


def test_two_processes_at_once(tmp_path: Path) -> None:
    fill(tmp_path)
    command = [sys.executable, "-m", "bugcheck", "investigate", "--json", str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        _, told = each.communicate(timeout=120)
        assert each.returncode in (0, 1), told
    assert [count for _, _, count in events_of(tmp_path)] == [300, 300, 300]


def test_killed_in_the_middle_nothing_is_lost(tmp_path: Path) -> None:
    fill(tmp_path / "a", 6, 2000)
    fill(tmp_path / "b", 6, 2000)
    whole = events_of(tmp_path / "b")
    command = [sys.executable, "-m", "bugcheck", "investigate", "--json", str(tmp_path / "a")]
    for delay in (0.3, 0.5, 0.7, 0.9):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        process.wait()
    assert events_of(tmp_path / "a") == whole


def test_a_bugcheck_that_changed_reads_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 1)
    events_of(tmp_path)
    read: list[str] = []
    original = reading.read_source
    monkeypatch.setattr(
        reading, "read_source", lambda source, *rest: (read.append(source.path), original(source, *rest))[1]
    )
    events_of(tmp_path)
    assert not read
    monkeypatch.setattr(reading, "fingerprint", lambda: "another")
    events_of(tmp_path)
    assert read == ["pfirewall-0.log"]


def test_custody_is_verified(tmp_path: Path) -> None:
    fill(tmp_path)
    investigate(tmp_path)
    store = open_case(tmp_path)
    assert verify_case(store).is_whole
    (tmp_path / "pfirewall-0.log").write_text("changed", "utf-8")
    (tmp_path / "pfirewall-1.log").unlink()
    (tmp_path / "more.txt").write_text("more", "utf-8")
    found = verify_case(store)
    assert (found.changed, found.gone, found.new) == (("pfirewall-0.log",), ("pfirewall-1.log",), ("more.txt",))


def test_the_chain_of_custody_tells_what_became_of_each_file(tmp_path: Path) -> None:
    fill(tmp_path)
    first = investigate(tmp_path).custody
    assert [(each.what, each.path) for each in first] == [("added", f"pfirewall-{number}.log") for number in range(3)]
    assert investigate(tmp_path).custody == ()
    changed = HEAD + "2024-05-09 00:00:01 DROP TCP 10.1.9.9 10.0.0.1 1 445 48 S 1 0 1 - - - RECEIVE\n"
    (tmp_path / "pfirewall-0.log").write_text(changed, "utf-8")
    taken = (tmp_path / "pfirewall-1.log").read_bytes()
    (tmp_path / "pfirewall-1.log").unlink()
    (tmp_path / "notes.toml").write_text('[case]\ntitle = "x"\n', "utf-8")
    lines = {(each.what, each.path): each.sha256 for each in investigate(tmp_path).custody}
    assert lines.keys() == {("added", "notes.toml"), ("changed", "pfirewall-0.log"), ("gone", "pfirewall-1.log")}
    assert lines["changed", "pfirewall-0.log"] == sha256(changed.encode()).hexdigest()
    (tmp_path / "pfirewall-1.log").write_bytes(taken)
    (back,) = investigate(tmp_path).custody
    assert (back.what, back.path, back.sha256) == ("added", "pfirewall-1.log", sha256(taken).hexdigest())
    assert [each.what for each in open_case(tmp_path).custody()].count("added") == 5


def test_a_case_reopened_says_what_the_investigation_said(tmp_path: Path) -> None:
    write_story(tmp_path / "case", Turns(sparse=40))
    found, store = investigate(tmp_path / "case"), open_case(tmp_path / "case")
    for name in ("MEMORY.DMP", "pfirewall.log"):
        (tmp_path / "case" / "A" / name).unlink()  # the case is told from what it keeps, not from the folder
    again = reopened(store, known_issue_library(None).matches)
    one, other = (render_case(each, verbose=True).splitlines() for each in (found, again))
    assert one == other
    assert again.case.created == max(each.time for each in store.custody())


def test_a_step_the_plan_does_not_have(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    investigate(tmp_path)
    with pytest.raises(UsageError, match="no step 99"):
        decide(open_case(tmp_path), "done", step=99)


def test_cases_are_found_below_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "one", 1)
    investigate(tmp_path / "one")
    assert [store.folder for store in list_cases(str(tmp_path))] == [str(tmp_path / "one")]
    with pytest.raises(UsageError, match="no case"):
        open_case(tmp_path)
