"""The database of one's own entries: keys, full text in several languages, atomic, shared."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck.errors import DumpError
from bugcheck.known_issues.issue import KnownIssue
from bugcheck.known_issues.issue_table import issue_table
from bugcheck.known_issues.search_text import query
from bugcheck.known_issues.shipped import shipped_issues
from bugcheck.known_issues.store import SCHEMA, IssueStore
from bugcheck.known_issues.toml_reader import issue_of

ISSUE = KnownIssue(
    "TEAM-1",
    {"en": "AcmeFilt stops servers", "zh": "备份运行时驱动使服务器崩溃"},
    text={"ja": "バックアップ中にクラッシュする", "ko": "백업 중 시스템 중지", "de": "Überlauf im Kernelstapel"},
    products=("Acme Filter",),
    drivers=("acmefilt.sys",),
    hashes=("ab" * 32,),
    bugchecks=("8E/C0000005", "0x50"),
    origin="team.toml",
)


@pytest.fixture
def store() -> IssueStore:
    store = IssueStore()
    store.add([ISSUE, replace(ISSUE, id="OTHER", title={"en": "nothing to do with it"}, text={}, drivers=())])
    return store


@pytest.mark.parametrize(
    "words",
    ["acmefilt", "AcmeFilt.sys", "stops serv", "崩溃", "备份", "备份运行", "崩", "驱动 崩溃", "クラッシュ",
     "백업", "überlauf", "ubERLAUF",
     "team-1", "Acme 崩溃"],
)  # fmt: skip
def test_full_text(store: IssueStore, words: str) -> None:
    assert [issue.id for issue in store.search(words)][:1] == ["TEAM-1"]


@pytest.mark.parametrize("words", ["", "   ", "'\"*()^:", "崩备", "nowhere", "NEAR(", "a" * 5000, "\x00", "\ud800"])
def test_text_that_finds_nothing(store: IssueStore, words: str) -> None:
    assert [issue.id for issue in store.search(words) if issue.id == "TEAM-1"] == []


def test_a_query_is_never_syntax() -> None:
    assert query('a" OR "b') == '"a"* AND "or"* AND "b"*'


def test_keys(store: IssueStore) -> None:
    for found in (
        store.by_driver("C:\\Windows\\ACMEFILT.SYS"),
        store.by_driver("acmefilt"),
        [each for each in store.by_hash("AB" * 32) if each.id == "TEAM-1"],
        [each for each in store.by_bugcheck(0x8E) if each.id == "TEAM-1"],
        [each for each in store.by_bugcheck(0x50) if each.id == "TEAM-1"],
        [each for each in store.by_product("acme filter") if each.id == "TEAM-1"],
    ):
        assert [issue.id for issue in found] == ["TEAM-1"]
    assert store.by_driver("x.sys") == []
    assert store.get("team-1") == ISSUE


def test_adding_again_changes_nothing(store: IssueStore) -> None:
    counts = store.add([ISSUE])
    assert (counts.added, counts.changed, counts.same) == (0, 0, 1)
    counts = store.add([replace(ISSUE, title={"en": "renamed"}, drivers=("other.sys",))])
    assert (counts.added, counts.changed, counts.same) == (0, 1, 0)
    assert store.by_driver("acmefilt") == []
    assert store.search("renamed")[0].drivers == ("other.sys",)
    assert "TEAM-1" not in [each.id for each in store.search("崩溃")]
    assert store.remove("TEAM-1")
    assert not store.remove("TEAM-1")
    assert len(store) == 1


def test_every_shipped_entry_survives_being_stored() -> None:
    store = IssueStore()
    store.add(shipped_issues())
    assert {issue.id: issue for issue in store.issues()} == {issue.id: issue for issue in shipped_issues()}
    assert all(issue_of(issue_table(issue), "shipped") == issue for issue in shipped_issues())


def test_an_import_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "issues.sqlite")
    store = IssueStore(path)

    def broken() -> Iterator[KnownIssue]:
        yield ISSUE
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        store.add(broken())
    assert len(store) == 0
    assert len(IssueStore(path)) == 0


def _fill(path: str, number: int) -> None:
    store = IssueStore(path)
    for turn in range(10):
        store.add([replace(ISSUE, id=f"P{number}-{turn}-{each}") for each in range(10)])


def test_two_processes_share_it(tmp_path: Path) -> None:
    path = str(tmp_path / "issues.sqlite")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(path, number)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    store = IssueStore(path)
    assert len(store) == 200
    assert len(store.search("崩溃", 500)) == 200


def test_killed_half_way_nothing_is_lost(tmp_path: Path) -> None:
    path = str(tmp_path / "issues.sqlite")
    IssueStore(path).add([ISSUE])
    process = multiprocessing.get_context("spawn").Process(target=_fill_forever, args=(path,))
    process.start()
    time.sleep(1.5)
    process.kill()
    process.join()
    store = IssueStore(path)
    assert store.get("TEAM-1") == ISSUE
    assert len(store) == 1


def _fill_forever(path: str) -> None:
    def forever() -> Iterator[KnownIssue]:
        number = 0
        while True:
            number += 1
            yield replace(ISSUE, id=f"X{number}")

    IssueStore(path).add(forever())


def test_a_newer_or_foreign_database_is_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as database:
        database.execute(f"PRAGMA user_version={SCHEMA + 1}")
    database.close()
    with pytest.raises(DumpError, match="newer bugcheck"):
        IssueStore(str(newer))
    foreign = tmp_path / "foreign.sqlite"
    foreign.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DumpError, match="cannot be used"):
        IssueStore(str(foreign))
    with pytest.raises(DumpError):
        IssueStore(str(tmp_path / "no" / "folder" / "issues.sqlite"))
