"""Folders and archives → Sources: every file once, harmless names, neighbours, what cannot be opened told."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from bugcheck.archives.packed import Limits
from bugcheck.evidence.intake import Intake, Unreadable
from bugcheck.evidence.source import Source, encoding_of


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
