"""Folders and archives → Sources: every file once, harmless names, neighbours, what cannot be opened told."""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from bugcheck.archives.packed import Limits
from bugcheck.evidence.encodings import encoding_of
from bugcheck.evidence.evidence import Quality, Record
from bugcheck.evidence.intake import Intake, Unreadable
from bugcheck.evidence.reading import read_source
from bugcheck.evidence.source import Source
from tests.archives.cabinets import MSZIP, cabinet, mszip_blocks


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def opened(folder: Path, **options: object) -> dict[str, Source | Unreadable]:
    return {each.path: each for each in Intake(str(folder), **options).sources()}  # type: ignore[arg-type]


def test_files_folders_and_archives_in_archives(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.txt").write_bytes(b"x")
    (tmp_path / "a.zip").write_bytes(zipped({"logs/1.txt": b"one", "inner.zip": zipped({"2.txt": b"two"})}))
    found = opened(tmp_path)
    assert list(found) == ["a.zip/logs/1.txt", "a.zip/inner.zip/2.txt", "b/x.txt"]
    assert [each.text() for each in found.values() if isinstance(each, Source)] == ["one", "two", "x"]


def test_our_own_case_folder_is_no_evidence(tmp_path: Path) -> None:
    (tmp_path / ".bugcheck").mkdir()
    (tmp_path / ".bugcheck" / "case.sqlite").write_bytes(b"x")
    (tmp_path / "report.html").write_bytes(b"x")
    assert opened(tmp_path, skip=frozenset(["report.html"])) == {}


def test_names_that_climb_stay_below_their_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"../../etc/passwd": b"x", "/abs": b"y", "C:\\w\\z": b"z"}))
    assert list(opened(tmp_path)) == ["a.zip/etc/passwd", "a.zip/abs", "a.zip/C:/w/z"]


def test_a_neighbour_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "SYSTEM").write_bytes(b"hive")
    (tmp_path / "system.log1").write_bytes(b"log")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("d/SYSTEM", "d/SYSTEM.LOG1"):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    (tmp_path / "x.tar").write_bytes(stream.getvalue())
    found = opened(tmp_path)
    for path, content in (("SYSTEM", b"log"), ("x.tar/d/SYSTEM", b"abc")):
        source = found[path]
        assert isinstance(source, Source)
        beside = source.neighbours("System.LOG1")
        assert beside is not None
        assert beside.head == content
        assert source.neighbours("other") is None


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "deep.zip").write_bytes(zipped({"1.zip": zipped({"2.zip": zipped({"3.zip": zipped({"x": b"x"})})})}))
    (tmp_path / "many.zip").write_bytes(zipped({str(number): b"x" for number in range(20)}))
    found = opened(tmp_path, limits=Limits(members=10))
    reasons = {path: each.reason for path, each in found.items() if isinstance(each, Unreadable)}
    assert reasons["empty"] == "the file is empty"
    assert "nested" in reasons["deep.zip/1.zip/2.zip"]
    assert "more than 10 members" in reasons["many.zip"]


def test_one_file_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"x")
    assert list(opened(tmp_path / "x.log")) == ["x.log"]


def test_encodings() -> None:
    assert encoding_of("text ä".encode("utf-16")) == "utf-16-le"
    assert encoding_of("plain text".encode("utf-16-le")) == "utf-16-le"
    assert encoding_of("größe".encode()) == "utf-8"
    assert encoding_of("系统在故障时重新启动，并写入内存转储".encode("gbk")) == "gbk"
    assert encoding_of("Größe, Maß und Übergröße".encode("cp1252")) == "cp1252"
    assert encoding_of(b"MZ\x90\0\3\0\0\0") == ""


def test_lines_of_a_file_without_line_ends_are_cut(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"y" * (3 << 20))
    source = opened(tmp_path)["x"]
    assert isinstance(source, Source)
    assert [(number, len(line)) for number, line in source.lines()] == [(1, 0x10000)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_devices_and_links_are_told_and_never_opened(tmp_path: Path) -> None:
    """Opening a pipe nobody writes to would wait for ever; a link in a stranger's folder may lead to our own files."""
    case, outside = tmp_path / "case", tmp_path / "mine"
    (case / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (case / "a").write_bytes(b"a")
    os.mkfifo(case / "pipe")
    for name, target in (
        ("device", "/dev/zero"), ("file", outside / "secret"), ("folder", outside), ("self", "self"), ("none", "gone"),
        ("inside", "a"), ("sub/up", "../a"),
    ):  # fmt: skip
        (case / name).symlink_to(target)
    found = opened(case)
    assert {path: each.text() for path, each in found.items() if isinstance(each, Source)} == {
        "a": "a", "inside": "a", "sub/up": "a",
    }  # fmt: skip
    reasons = {path: each.reason for path, each in found.items() if isinstance(each, Unreadable)}
    assert reasons.keys() == {"pipe", "device", "file", "folder", "self", "none"}
    assert "no regular file" in reasons["pipe"]
    assert "leads out of the folder" in reasons["file"]
    assert "leads out of the folder" in reasons["folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "a").chmod(0)
    (found,) = opened(tmp_path).values()
    assert isinstance(found, Unreadable)
    assert "permission denied" in found.reason


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode here")
def test_a_name_that_is_no_text_can_be_shown_and_stored(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\x1b[31m.log")).write_bytes(b"x")
    (path,) = opened(tmp_path)
    assert path == "\\udcff\\x1b[31m.log"
    path.encode()


def test_a_name_that_an_archive_holds_twice(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in (("d/x", b"one"), ("d/x", b"two"), ("../d/x", b"six")):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("d/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "x.tar").write_bytes(stream.getvalue())
    found = opened(tmp_path)
    texts = {path: each.text() for path, each in found.items() if isinstance(each, Source)}
    assert texts == {"x.tar/d/x": "one", "x.tar/d/x (2)": "two", "x.tar/d/x (3)": "six"}


def test_an_encrypted_member_asks_for_its_password(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.txt": b"x" * 20}))
    raw[6] |= 1  # local header: encrypted
    raw[raw.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    (found,) = opened(tmp_path).values()
    assert isinstance(found, Unreadable)
    assert "password" in found.reason


def test_a_member_that_breaks_off_is_damaged(tmp_path: Path) -> None:
    """A gzip file copied by half still gives its first lines: they are read, and the file is not called complete."""
    lines = "".join(f"2006-11-01 19:02:{n % 60:02} OPEN TCP 10.0.0.{n % 250} 10.0.1.1 {n} 80\n" for n in range(9000))
    log = f"#Version: 1.0\n#Fields: date time action protocol src-ip dst-ip src-port dst-port\n{lines}"
    packed = gzip.compress(log.encode())
    (tmp_path / "pfirewall.log.gz").write_bytes(packed[: len(packed) // 2])
    (source,) = opened(tmp_path).values()
    assert isinstance(source, Source)
    records: list[Record] = []
    evidence = read_source(source, "x", lambda _, record: records.append(record))
    assert (evidence.kind, evidence.quality) == ("windows_firewall", Quality.DAMAGED)
    assert evidence.events > 100
    assert "cut off" in evidence.notes[0]


def test_a_folder_that_may_not_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    (found,) = opened(tmp_path).values()
    assert isinstance(found, Unreadable)
    assert (found.path, "may not be listed" in found.reason) == ("shut", True)


def _packed_seeds() -> list[bytes]:
    files = {"logs/a.log": b"line\n" * 400, "../../x.job": b"x" * 90, "SYSTEM": b"regf" * 30}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    cab = cabinet([("..\\up.log", 2000, 0, 0)], [(MSZIP, mszip_blocks(b"line\n" * 400))])
    tar = stream.getvalue()
    nested = zipped({"in.zip": zipped(files), "in.tar": tar, "in.cab": cab})
    return [zipped(files), tar, gzip.compress(tar), cab, nested]


def test_mutants_of_archives_end_in_answers(tmp_path: Path) -> None:
    """More: BUGCHECK_MUTANTS=10000."""
    dice, seeds = random.Random(5), _packed_seeds()
    path = tmp_path / "f"
    for number in range(int(os.environ.get("BUGCHECK_MUTANTS", "300"))):
        raw = bytearray(dice.choice(seeds))
        for _ in range(dice.choice((1, 3, 30))):
            raw[dice.randrange(len(raw))] = dice.choice((0, 0x7F, 0xFF, dice.randrange(256)))
        path.write_bytes(raw if dice.random() < 0.6 else raw[: dice.randrange(1, len(raw))])
        started = time.process_time()
        for source in Intake(str(tmp_path)).sources():
            assert ".." not in source.path.split("/")
            if isinstance(source, Source):
                source.neighbours("SYSTEM.LOG1")
                read_source(source, "x", lambda _, __: None)
        assert time.process_time() - started < 5, number
