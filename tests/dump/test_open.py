"""Opening files, pipes and streams, and the real corpus as it lies and packed."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file, sha256_of
from bugcheck.archives.packed import Limits
from bugcheck.binary import BinaryView
from bugcheck.dump.open import open_dumps, open_stream, read_dump
from bugcheck.errors import LimitExceeded, NotADump, UsageError
from tests.archives.cabinets import LZX, MSZIP, cabinet, lzx_blocks, mszip_blocks

SMALLEST_TRIAGE = "CriticalRocket__DriverProblems__111217-27671-01.dmp"


def test_a_missing_file(tmp_path: Path) -> None:
    path = str(tmp_path / "none.dmp")
    with pytest.raises(NotADump) as caught:
        map_file(path)
    assert caught.value.file == path
    assert caught.value.reason == "no such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADump, match="it is a folder"):
        map_file(str(tmp_path))


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.dmp").touch()
    with pytest.raises(NotADump, match="the file is empty"):
        map_file(str(tmp_path / "a.dmp"))


def test_a_path_that_is_none() -> None:
    with pytest.raises(UsageError, match="no path"):
        map_file("a\0b")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.dmp"
    path.write_bytes(b"PAGE")
    path.chmod(0)
    with pytest.raises(NotADump, match="permission denied"):
        map_file(str(path))


def test_a_file_is_mapped_not_read(tmp_path: Path) -> None:
    """A sparse file of 1 TiB opens at once."""
    path = tmp_path / "big.dmp"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert map_file(str(path)).size == 1 << 40


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = bytes(range(256)) * 1000
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    view = map_file(str(path))
    writer.join()
    assert view.read(0, view.size) == data


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_an_endless_device_ends_at_the_limit() -> None:
    with pytest.raises(LimitExceeded, match="0x100000"):
        map_file("/dev/zero", limits=Limits(member_bytes=1 << 20))


def test_an_empty_stream() -> None:
    with pytest.raises(NotADump, match="nothing came out"):
        list(open_stream(io.BytesIO(b"")))


def test_a_stream_beyond_the_limit() -> None:
    with pytest.raises(LimitExceeded):
        list(open_stream(io.BytesIO(bytes(5000)), limits=Limits(member_bytes=4000)))


def test_what_is_no_dump_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.dmp"
    path.write_bytes(b"\x7fELF" + bytes(60))
    (opened,) = open_dumps(str(path))
    assert opened.dump is None
    assert isinstance(opened.error, NotADump)
    assert "ELF" in opened.error.reason
    assert opened.file is not None
    assert opened.file.size == opened.size == 64


def test_the_hash_is_that_of_the_bytes() -> None:
    data = bytes(range(256)) * 10_000  # 2.4 MiB: several pieces
    assert sha256_of(BinaryView(data, "a")) == hashlib.sha256(data).hexdigest()
    assert sha256_of(BinaryView(memoryview(data)[5:], "a")) == hashlib.sha256(data[5:]).hexdigest()
    # FIPS 180-4's empty message
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of(BinaryView(b"", "a")) == empty


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_temporary_files_vanish_when_the_process_is_killed(tmp_path: Path) -> None:
    """A process that holds an unpacked member open is killed outright: its temporary folder is empty."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("1.dmp", os.urandom(300_000))
    folder = tmp_path / "temporary"
    folder.mkdir()
    program = (
        "import sys, time\n"
        "from bugcheck.dump.open import open_dumps\n"
        "held = next(open_dumps(sys.argv[1], folder=sys.argv[2]))\n"
        "print(held.size, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, str(archive), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"300000\n"
        process.kill()
    assert list(folder.iterdir()) == []


@pytest.mark.corpus
def test_every_kernel_dump_opens(corpus: Path) -> None:
    """corpus/README.md: all in kernel/ are triage dumps."""
    paths = sorted((corpus / "kernel").glob("*.dmp"))
    assert len(paths) == 26
    for path in paths:
        (opened,) = open_dumps(str(path))
        assert opened.dump is not None, opened.error
        assert opened.dump.format == "kernel_triage"
        assert opened.name == opened.source == str(path)
        assert opened.size == path.stat().st_size


@pytest.mark.corpus
def test_every_hash_is_that_of_the_manifest(corpus: Path) -> None:
    """MANIFEST.tsv gives each dump's SHA-256, the zero-filled ones' too, as whoever collected them computed it."""
    lines = (corpus / "kernel" / "MANIFEST.tsv").read_text("utf-8").splitlines()
    columns = lines[0].split("\t")
    name, digest = columns.index("file"), columns.index("sha256")
    rows = [line.split("\t") for line in lines[1:]]
    assert len(rows) == 28
    files = {path.name: path for folder in ("kernel", "kernel-corrupt") for path in (corpus / folder).iterdir()}
    for row in rows:
        assert sha256_of(map_file(str(files[Path(row[name]).name]))) == row[digest]


@pytest.mark.corpus
def test_zero_filled_dumps_are_named_as_such(corpus: Path) -> None:
    """corpus/README.md: two zero-filled dumps as they come from real disks."""
    paths = sorted((corpus / "kernel-corrupt").glob("*.dmp"))
    assert len(paths) == 2
    for path in paths:
        with pytest.raises(NotADump, match="all zeros: the disk kept its length but not its data"):
            read_dump(map_file(str(path)))


@pytest.mark.corpus
def test_a_zip_of_the_kernel_dumps(corpus: Path, tmp_path: Path) -> None:
    """Packed, every dump has the bytes it has on the disk; the zero-filled and the text are told apart."""
    sources = {path.name: path for folder in ("kernel", "kernel-corrupt") for path in (corpus / folder).iterdir()}
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, path in sources.items():
            packed.write(path, name)
    good, bad = 0, 0
    for opened in open_dumps(str(archive)):
        assert opened.file is not None
        name = opened.name.removeprefix(f"{archive}/")
        assert sha256_of(opened.file) == sha256_of(map_file(str(sources[name])))
        good += opened.dump is not None
        bad += "all zeros" in str(opened.error)
    assert (good, bad) == (26, 2)


@pytest.mark.corpus
def test_user_dumps_open_the_same_packed_and_plain(corpus: Path, tmp_path: Path) -> None:
    paths = sorted((corpus / "user").glob("*.dmp"))
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in paths:
            packed.write(path, path.name)
    plain = [next(open_dumps(str(path))) for path in paths]
    unpacked = list(open_dumps(str(archive)))
    assert [Path(one.name).name for one in unpacked] == [path.name for path in paths]
    assert sum(one.dump is not None for one in plain) >= 20
    for one, other in zip(plain, unpacked, strict=True):
        assert (one.dump is None) == (other.dump is None)
        assert type(one.error) is type(other.error)
        if one.error is not None and other.error is not None:
            assert one.error.reason == other.error.reason


@pytest.mark.corpus
@pytest.mark.parametrize(("compression", "blocks"), [(MSZIP, mszip_blocks), (LZX, lzx_blocks)], ids=["mszip", "lzx"])
def test_a_real_dump_in_a_cabinet(corpus: Path, tmp_path: Path, compression: int, blocks) -> None:  # type: ignore[no-untyped-def]
    data = (corpus / "kernel" / SMALLEST_TRIAGE).read_bytes()
    path = tmp_path / "a.cab"
    path.write_bytes(cabinet([("MEMORY.DMP", len(data), 0, 0)], [(compression, blocks(data))]))
    (opened,) = open_dumps(str(path))
    assert opened.dump is not None, opened.error
    assert opened.dump.format == "kernel_triage"
    assert opened.file is not None
    assert sha256_of(opened.file) == hashlib.sha256(data).hexdigest()


@pytest.mark.corpus
def test_a_stream_of_a_real_dump(corpus: Path) -> None:
    with (corpus / "kernel" / SMALLEST_TRIAGE).open("rb") as stream:
        (opened,) = open_stream(stream)
    assert opened.name == opened.source == "-"
    assert opened.dump is not None
    assert opened.dump.format == "kernel_triage"


@pytest.mark.corpus
def test_a_dump_whose_first_pages_are_gone(corpus: Path, tmp_path: Path) -> None:
    data = bytearray((corpus / "kernel" / SMALLEST_TRIAGE).read_bytes())
    data[:0x2000] = bytes(0x2000)
    path = tmp_path / "a.dmp"
    path.write_bytes(data)
    (opened,) = open_dumps(str(path))
    assert isinstance(opened.error, NotADump)
    assert "bytes are zeros, where a header should be" in opened.error.reason
