"""Archives: every kind opens, every limit holds, and hostile bytes end in a named error."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bugcheck.archives import cabinet as cabinet_module
from bugcheck.archives.packed import CONTAINERS, Limits, Unpacking, container_of, shown_name
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, DumpFormat
from bugcheck.dump.open import Opened, open_dumps
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded, NotADump
from tests.archives.cabinets import LZX, MSZIP, STORED, cabinet, lzx_blocks, mszip_blocks, stored_block

DATA = Path(__file__).parent / "data"
FIRST = b"TESTDUMP" + bytes(range(256)) * 4  # as in data/README.md
SECOND = b"TESTDUMP" + b"second " * 9000


def _probe(view: BinaryView) -> bool:
    return view.size >= 8


def _read(view: BinaryView) -> Dump:
    return Dump("test", Architecture.X64, view)


@pytest.fixture(autouse=True)
def test_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """One dump format that any file beginning with TESTDUMP has, so that archives are tested by themselves."""
    form = DumpFormat("test", (b"TESTDUMP",), _probe, _read, "for tests")
    monkeypatch.setattr("bugcheck.dump.open.DUMP_FORMATS", [form])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], str]:
    def writer(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return writer


Write = Callable[[str, bytes], str]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def cabbed(compression: int, blocks: list[bytes], data: bytes, name: str = "a.dmp", **options: int) -> bytes:
    return cabinet([(name, len(data), 0, 0)], [(compression, blocks)], **options)


def contents(opened: Opened) -> bytes:
    assert opened.error is None, opened.error
    assert opened.dump is not None
    assert opened.dump.complete
    return opened.dump.file.read(0, opened.size)


def only_error(path: str, **options: object) -> DumpError:
    (opened,) = open_dumps(path, **options)  # type: ignore[arg-type]
    assert opened.dump is None
    assert opened.error is not None
    return opened.error


@pytest.mark.parametrize(
    ("name", "data", "member"),
    [
        ("s.zip", zipped({"Minidump/1.dmp": FIRST}, zipfile.ZIP_STORED), "Minidump/1.dmp"),
        ("d.zip", zipped({"1.dmp": FIRST}), "1.dmp"),
        ("b.zip", zipped({"1.dmp": FIRST}, zipfile.ZIP_BZIP2), "1.dmp"),
        ("l.zip", zipped({"1.dmp": FIRST}, zipfile.ZIP_LZMA), "1.dmp"),
        ("1.dmp.gz", gzip.compress(FIRST), "1.dmp"),
        ("two.gz", gzip.compress(FIRST[:100]) + bytes(8) + gzip.compress(FIRST[100:]), "two"),
        ("tail.gz", gzip.compress(FIRST) + b"a signature", "tail"),
        ("1.dmp.xz", lzma.compress(FIRST), "1.dmp"),
        ("1.dmp.lzma", lzma.compress(FIRST, lzma.FORMAT_ALONE), "1.dmp"),
        ("1.dmp.bz2", bz2.compress(FIRST), "1.dmp"),
        ("1.tar", tarred({"x/1.dmp": FIRST}), "x/1.dmp"),
        ("g.tar", tarred({"x/" * 80 + "1.dmp": FIRST}, tarfile.GNU_FORMAT), "x/" * 80 + "1.dmp"),
        ("1.tgz", gzip.compress(tarred({"1.dmp": FIRST})), "1.tar/1.dmp"),
        ("s.cab", cabbed(STORED, [stored_block(FIRST)], FIRST), "a.dmp"),
        ("m.cab", cabbed(MSZIP, mszip_blocks(FIRST), FIRST), "a.dmp"),
        ("l.cab", cabbed(LZX, lzx_blocks(FIRST), FIRST), "a.dmp"),
        ("r.cab", cabbed(MSZIP, mszip_blocks(FIRST), FIRST, reserve=20), "a.dmp"),
    ],
)
def test_every_kind_opens(write: Write, name: str, data: bytes, member: str) -> None:
    path = write(name, data)
    (opened,) = open_dumps(path)
    assert contents(opened) == FIRST
    assert opened.name == f"{path}/{member}"
    assert opened.source == path
    assert opened.size == len(FIRST)


@pytest.mark.parametrize("blocks", [mszip_blocks, lzx_blocks])
def test_a_cabinet_of_many_blocks(write: Write, blocks: Callable[[bytes], list[bytes]]) -> None:
    data = b"TESTDUMP" + random.Random(1).randbytes(100_000)
    compression = MSZIP if blocks is mszip_blocks else LZX
    (opened,) = open_dumps(write("a.cab", cabbed(compression, blocks(data), data)))
    assert contents(opened) == data


def test_a_cabinet_made_by_gcab() -> None:
    opened = list(open_dumps(str(DATA / "gcab.cab")))
    assert [contents(one) for one in opened] == [FIRST, SECOND]


def test_a_cabinet_without_open_file_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Windows and macOS: libmspack writes into a private folder, which is gone afterwards."""
    monkeypatch.setattr(cabinet_module, "_OPEN_FILES", "/nonexistent")
    opened = list(open_dumps(str(DATA / "gcab.cab"), folder=str(tmp_path)))
    assert [contents(one) for one in opened] == [FIRST, SECOND]
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_have_no_name(tmp_path: Path, write: Write) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    cab = cabbed(MSZIP, mszip_blocks(FIRST), FIRST)
    path = write("a.zip", zipped({"1.dmp": FIRST, "c.cab": cab, "2.gz": gzip.compress(SECOND)}))
    for opened in open_dumps(path, folder=str(folder)):
        assert contents(opened) in (FIRST, SECOND)
        assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(write: Write) -> None:
    error = only_error(write("a.gz", gzip.compress(FIRST)), folder="/nonexistent")
    assert "no such file or directory" in error.reason


def test_nested_and_mixed(write: Write) -> None:
    """A zip as help forums ask for: logs, a dump, a cabinet, a compressed dump, a tar."""
    members = {
        "info.txt": b"text",
        "1.dmp": FIRST,
        "wer.cab": cabbed(MSZIP, mszip_blocks(SECOND), SECOND),
        "renamed.bin": FIRST,
        "2.gz": gzip.compress(SECOND),
        "3.tar.gz": gzip.compress(tarred({"t/3.dmp": FIRST, "t/notes": b"text"})),
        "photos.zip": zipped({"a.jpg": b"\xff\xd8\xff"}),
    }
    path = write("a.zip", zipped(members))
    opened = list(open_dumps(path))
    assert [one.name.removeprefix(path + "/") for one in opened] == [
        "1.dmp",
        "wer.cab/a.dmp",
        "renamed.bin",
        "2.gz/2",
        "3.tar.gz/3.tar/t/3.dmp",
    ]
    assert [contents(one) for one in opened] == [FIRST, SECOND, FIRST, SECOND, FIRST]


def test_nesting_limit(write: Write) -> None:
    inner = zipped({"1.dmp": FIRST})
    path = write("a.zip", zipped({"b.zip": zipped({"c.zip": inner}), "2.dmp": SECOND}))
    deep, good = open_dumps(path)
    assert isinstance(deep.error, LimitExceeded)
    assert "b.zip/c.zip" in str(deep.error)
    assert "2 deep" in deep.error.reason
    assert contents(good) == SECOND


@pytest.mark.parametrize("data", [zipped({"a.txt": b"1", "b.evtx": b"2"}), tarred({"a.txt": b"1", "b.evtx": b"2"})])
def test_an_archive_without_a_dump(write: Write, data: bytes) -> None:
    error = only_error(write("a", data))
    assert isinstance(error, NotADump)
    assert "2 files (a.txt, b.evtx)" in error.reason


def test_an_empty_zip(write: Write) -> None:
    assert "nothing in this zip file" in only_error(write("a.zip", zipped({}))).reason


def test_a_member_named_dmp_that_is_none_is_reported(write: Write) -> None:
    bad, good = open_dumps(write("a.zip", zipped({"0.dmp": bytes(5000), "1.dmp": FIRST})))
    assert isinstance(bad.error, NotADump)
    assert "all zeros" in bad.error.reason
    assert contents(good) == FIRST


def test_names_are_only_names(write: Write, tmp_path: Path) -> None:
    names = ["../../evil.dmp", "/etc/evil.dmp", "C:\\evil.dmp", "a\x1b[31m\n.dmp", "rtl\u202egpj.dmp"]
    opened = list(open_dumps(write("a.zip", zipped(dict.fromkeys(names, FIRST)))))
    shown = [one.name.removeprefix(str(tmp_path / "a.zip") + "/") for one in opened]
    assert shown == ["../../evil.dmp", "/etc/evil.dmp", "C:\\evil.dmp", "a\\x1b[31m\\n.dmp", "rtl\\u202egpj.dmp"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


def test_names_in_a_cabinet_are_only_names(write: Write, tmp_path: Path) -> None:
    data = cabbed(MSZIP, mszip_blocks(FIRST), FIRST, name="..\\..\\evil.dmp")
    (opened,) = open_dumps(write("a.cab", data))
    assert contents(opened) == FIRST
    assert [one.name for one in tmp_path.iterdir()] == ["a.cab"]


def test_long_names_are_cut() -> None:
    assert shown_name("x" * 5000, 10) == "x" * 10 + "…"
    assert shown_name("", 10) == "(no name)"


def test_an_encrypted_zip() -> None:
    path = str(DATA / "encrypted.zip")
    errors = [opened.error for opened in open_dumps(path)]
    assert [str(error) for error in errors] == [
        f"{path}/Minidump/1.dmp: encrypted: its password is needed",
        f"{path}/Minidump/2.dmp: encrypted: its password is needed",
    ]
    opened = list(open_dumps(path, password=b"secret"))
    assert [contents(one) for one in opened] == [FIRST, SECOND]


def test_a_wrong_password() -> None:
    opened = list(open_dumps(str(DATA / "encrypted.zip"), password=b"wrong"))
    assert all(one.dump is None for one in opened)
    assert "the password does not fit" in str(opened[0].error)


AES_TEXT = b"2024-03-05 10:00:00 hello\n" * 200


def members_of(name: str, data: bytes, password: bytes | None) -> list[tuple[str, bytes | str]]:
    """Name and content of each member, or why there is none."""
    unpacking = Unpacking(password=password)
    view = BinaryView(data, name)
    found = container_of(view)
    assert found is not None
    told: list[tuple[str, bytes | str]] = []
    for member in found.members(view, unpacking):
        try:
            told.append((member.name, member.reason or b"".join(member.chunks() if member.chunks else ())))
        except DumpError as error:
            told.append((member.name, f"{type(error).__name__}: {error.reason}"))
    return told


@pytest.mark.parametrize(("name", "members"), [("aes256.zip", ("a.log", "c.txt")), ("aes128.zip", ("a.log",))])
def test_zips_that_7_zip_encrypted_with_aes(name: str, members: tuple[str, ...]) -> None:
    """AE-2 with Deflate and stored, 256 bits; with bzip2, 128 bits."""
    data = (DATA / name).read_bytes()
    contents = {"a.log": AES_TEXT, "c.txt": b"x"}
    assert members_of(name, data, b"secret") == [(each, contents[each]) for each in members]
    assert members_of(name, data, None) == [(each, "encrypted: its password is needed") for each in members]
    misfit = "DumpError: encrypted: the password does not fit"
    assert members_of(name, data, b"wrong") == [(each, misfit) for each in members]


def test_a_changed_byte_under_aes_is_told() -> None:
    """Its code authenticates the encrypted bytes: one that was changed is never taken for true."""
    data = bytearray((DATA / "aes256.zip").read_bytes())
    start = data.index(b"c.txt") + 5 + 11 + 16 + 2  # name, extra field, salt, verifier: the one byte of c.txt
    data[start] ^= 1
    (_, told) = members_of("a.zip", bytes(data), b"secret")[1]
    assert told == "CorruptDump: its authentication code does not fit: it is damaged or was changed"


def test_an_aes_member_without_its_extra_field_is_named() -> None:
    data = (DATA / "aes256.zip").read_bytes().replace(b"AE\x03", b"XX\x03")
    assert all("method 99" in str(told) for _, told in members_of("a.zip", data, b"secret"))


def test_zipcrypto_with_a_wrong_password_that_passes_its_check() -> None:
    """Its check is one byte; among 2000 wrong passwords some pass it, and none gives bytes or a bare checksum error."""
    data = (DATA / "encrypted.zip").read_bytes()
    told = {words for number in range(2000) for _, words in members_of("a.zip", data, b"%d" % number)}
    assert told == {
        "DumpError: encrypted: the password does not fit",
        "DumpError: encrypted: the password does not fit, or the member is damaged",
    }


@pytest.mark.parametrize(("magic", "words"), [(b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a\x07\x01\0", "RAR")])
def test_archives_that_are_not_unpacked_are_named(write: Write, magic: bytes, words: str) -> None:
    (opened,) = open_dumps(write("a.bin", magic + bytes(600)))
    assert words in str(opened.error)
    assert "unpack it first" in str(opened.error)


def patch_method(data: bytes, method: int) -> bytes:
    """Overwrite the method of a zip's first member in its local header (offset 8) and in the directory (offset 10)."""
    patched = bytearray(data)
    struct.pack_into("<H", patched, 8, method)
    struct.pack_into("<H", patched, patched.index(b"PK\1\2") + 10, method)
    return bytes(patched)


@pytest.mark.parametrize(("method", "words"), [(9, "Deflate64"), (99, "method 99"), (98, "method 98")])
def test_methods_that_are_not_unpacked(write: Write, method: int, words: str) -> None:
    path = write("a.zip", patch_method(zipped({"MEMORY.DMP": FIRST, "1.dmp": SECOND}), method))
    bad, good = open_dumps(path)
    assert words in str(bad.error)
    assert contents(good) == SECOND


def test_zip64(write: Write) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("1.dmp", "w", force_zip64=True) as member:
        member.write(FIRST)
    (opened,) = open_dumps(write("a.zip", buffer.getvalue()))
    assert contents(opened) == FIRST


SMALL = Limits(member_bytes=1 << 20, total_bytes=1 << 21, ratio=100, ratio_floor=1 << 16, members=20)
BOMB = b"TESTDUMP" + bytes((1 << 20) - 8)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped({"1.dmp": BOMB})),
        ("b.zip", zipped({"1.dmp": BOMB}, zipfile.ZIP_BZIP2)),
        ("l.zip", zipped({"1.dmp": BOMB}, zipfile.ZIP_LZMA)),
        ("a.gz", gzip.compress(BOMB)),
        ("a.bz2", bz2.compress(BOMB)),
        ("a.xz", lzma.compress(BOMB)),
        ("a.cab", cabbed(MSZIP, mszip_blocks(BOMB), BOMB)),
    ],
)
def test_the_ratio_limit(write: Write, name: str, data: bytes) -> None:
    path = write(name, data)
    error = only_error(path, limits=SMALL)
    assert isinstance(error, LimitExceeded)
    assert "100 times" in error.reason
    (opened,) = open_dumps(path)  # under the default limits it is a dump of zeros like any other
    assert contents(opened) == BOMB


def test_a_bzip2_bomb_in_a_zip_takes_little_memory(write: Write) -> None:
    """64 MiB of zeros are 100 bytes of bzip2; tracemalloc sees what Python and its modules hold."""
    import tracemalloc

    path = write("a.zip", zipped({"1.dmp": b"TESTDUMP" + bytes(64 << 20)}, zipfile.ZIP_BZIP2))
    tracemalloc.start()
    try:
        assert isinstance(only_error(path), LimitExceeded)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_bzip2_member_with_a_wrong_checksum(write: Write) -> None:
    data = bytearray(zipped({"1.dmp": FIRST}, zipfile.ZIP_BZIP2))
    data[data.index(b"PK\1\2") + 16] ^= 1  # APPNOTE 4.3.12: crc-32
    (opened,) = open_dumps(write("a.zip", bytes(data)))
    assert opened.dump is not None
    assert "checksum" in opened.dump.gaps[0].missing


def test_the_member_limit_is_named_with_the_member(write: Write) -> None:
    limits = Limits(member_bytes=1000)
    big, small = open_dumps(write("a.zip", zipped({"1.dmp": SECOND, "2.dmp": FIRST[:900]})), limits=limits)
    assert isinstance(big.error, LimitExceeded)
    assert "1.dmp" in big.error.file
    assert "0x3e8" in big.error.reason
    assert contents(small) == FIRST[:900]


def test_the_total_limit_ends_the_search(write: Write) -> None:
    data = random.Random(2).randbytes(900_000)
    members = {f"{number}.dmp": b"TESTDUMP" + data for number in range(6)}
    opened = list(open_dumps(write("a.zip", zipped(members, zipfile.ZIP_STORED)), limits=SMALL))
    assert [one.error is None for one in opened] == [True, True, False]
    assert isinstance(opened[-1].error, LimitExceeded)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_number_of_members(write: Write, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    path = write("a", pack({f"{number}.txt": b"" for number in range(30)}))
    error = only_error(path, limits=SMALL)
    assert isinstance(error, LimitExceeded)
    assert "20 members" in error.reason


def test_a_huge_zip_directory_is_not_read(write: Write) -> None:
    """2000 members of 200-byte names: 500 KB of directory, where 20 members would have 10 KB."""
    data = zipped({f"{number:0200}": b"" for number in range(2000)})
    error = only_error(write("a.zip", data), limits=SMALL)
    assert isinstance(error, LimitExceeded)
    assert "directory" in error.reason


def test_a_huge_lzma_dictionary_is_refused(write: Write) -> None:
    data = bytearray(zipped({"1.dmp": FIRST}, zipfile.ZIP_LZMA))
    struct.pack_into("<I", data, 30 + len("1.dmp") + 5, 0xF000_0000)  # APPNOTE 5.8.8: after version, size, one byte
    assert "dictionary" in only_error(write("a.zip", bytes(data))).reason


def test_zeros_take_no_room(tmp_path: Path, write: Write) -> None:
    """The temporary file of a dump of zeros is sparse: st_blocks counts what is on the disk, in 512 bytes."""
    import tempfile

    from bugcheck.archives import spool

    sizes: list[tuple[int, int]] = []
    mapped = spool.mapped

    def watched(descriptor: int, size: int, name: str) -> BinaryView:
        status = os.fstat(descriptor)
        sizes.append((status.st_size, status.st_blocks * 512))
        return mapped(descriptor, size, name)

    with tempfile.TemporaryFile(dir=tmp_path) as probe:
        probe.truncate(1 << 20)
        if os.fstat(probe.fileno()).st_blocks:
            pytest.skip("this file system has no sparse files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "mapped", watched)
        (opened,) = open_dumps(write("a.gz", gzip.compress(BOMB)), folder=str(tmp_path))
    assert contents(opened) == BOMB
    assert sizes[0][0] == 1 << 20
    assert sizes[0][1] <= 1 << 17


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.gz", gzip.compress(SECOND + random.Random(3).randbytes(200_000))),
        ("a.bz2", bz2.compress(SECOND + random.Random(3).randbytes(200_000), 1)),
        ("a.xz", lzma.compress(SECOND + random.Random(3).randbytes(200_000))),
    ],
)
def test_a_stream_cut_off_leaves_what_came_out(write: Write, name: str, data: bytes) -> None:
    (opened,) = open_dumps(write(name, data[: len(data) * 3 // 4]))
    assert opened.dump is not None
    assert not opened.dump.complete
    assert "cut off" in opened.dump.gaps[0].missing
    assert opened.dump.file.read(0, len(FIRST)) == SECOND[: len(FIRST)]


def test_a_stream_cut_off_at_its_header(write: Write) -> None:
    error = only_error(write("a.gz", gzip.compress(FIRST)[:12]))
    assert isinstance(error, CorruptDump)
    assert "cut off" in error.reason


def test_a_cabinet_cut_off_keeps_the_whole_members(write: Write) -> None:
    blocks = mszip_blocks(FIRST + SECOND)
    whole = cabinet([("1.dmp", len(FIRST), 0, 0), ("2.dmp", len(SECOND), len(FIRST), 0)], [(MSZIP, blocks)])
    first, second = open_dumps(write("a.cab", whole[: -len(blocks[-1]) // 2]))
    assert contents(first) == FIRST
    assert second.dump is not None
    assert "cut off" in second.dump.gaps[0].missing
    # 0x8000 unpacked bytes are whole; the rest of the second member is not there
    assert second.size == 0x8000 - len(FIRST)


def test_a_damaged_block_ends_its_folder_only(write: Write) -> None:
    bad = [mszip_blocks(FIRST)[0][:10] + bytes(20)]
    bad[0] = struct.pack("<IHH", 0, len(bad[0]) - 8, len(FIRST)) + b"XX" + bad[0][10:]
    files = [("1.dmp", len(FIRST), 0, 0), ("2.dmp", len(SECOND), 0, 1)]
    broken, good = open_dumps(write("a.cab", cabinet(files, [(MSZIP, bad), (MSZIP, mszip_blocks(SECOND))])))
    assert "damaged" in str(broken.error)
    assert contents(good) == SECOND


def test_members_in_other_cabinets_of_a_set(write: Write) -> None:
    blocks = [stored_block(FIRST)]
    files = [("1.dmp", len(FIRST), 0, 0), ("2.dmp", 9, 0, 0xFFFE), ("3.dmp", 9, 0, 5)]
    good, split, nowhere = open_dumps(write("a.cab", cabinet(files, [(STORED, blocks)], next_cabinet="b.cab")))
    assert contents(good) == FIRST
    assert "another cabinet" in str(split.error)
    assert "folder 5 does not exist" in str(nowhere.error)


def test_folders_on_the_same_blocks_are_unpacked_once(write: Write) -> None:
    """Many folders pointing at one run of blocks would multiply the work: the second has none."""
    data = bytearray(cabinet([("1.dmp", len(FIRST), 0, 0), ("2.dmp", len(FIRST), 0, 1)], [(STORED, []), (STORED, [])]))
    at = len(data)
    data += stored_block(FIRST)
    for folder in (36, 44):
        struct.pack_into("<IH", data, folder, at, 1)
    opened = list(open_dumps(write("a.cab", bytes(data))))
    assert all(one.dump is None for one in opened)
    assert all("cut off" in str(one.error) for one in opened)


def test_a_tar_cut_off(write: Write) -> None:
    data = tarred({"1.dmp": FIRST, "2.dmp": SECOND})
    first, second, archive = open_dumps(write("a.tar", data[:10_000]))
    assert contents(first) == FIRST
    assert second.dump is not None
    assert "cut off" in second.dump.gaps[0].missing
    assert isinstance(archive.error, CorruptDump)


def test_a_tar_with_a_broken_header(write: Write) -> None:
    data = bytearray(tarred({"1.dmp": FIRST, "2.dmp": SECOND}))
    at = 512 + -(-len(FIRST) // 512) * 512
    data[at : at + 100] = b"\xff" * 100
    first, archive = open_dumps(write("a.tar", bytes(data)))
    assert contents(first) == FIRST
    assert isinstance(archive.error, CorruptDump)
    assert archive.error.offset == at


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 2, 8))):
            mutant[chance.randrange(len(mutant))] = chance.choice((0, 0xFF, 0x7F, chance.randrange(256)))
        yield bytes(mutant[: chance.choice((len(mutant), len(mutant), chance.randrange(len(mutant))))])


@pytest.mark.parametrize(
    "data",
    [
        zipped({"1.dmp": FIRST, "ü.txt": b"text"}),
        zipped({"1.dmp": FIRST}, zipfile.ZIP_LZMA),
        gzip.compress(FIRST),
        bz2.compress(FIRST),
        lzma.compress(FIRST),
        lzma.compress(FIRST, lzma.FORMAT_ALONE),
        tarred({"1.dmp": FIRST[:600], "x" * 200: b"text"}),
        cabbed(MSZIP, mszip_blocks(FIRST), FIRST, reserve=4),
        cabbed(LZX, lzx_blocks(FIRST), FIRST),
        cabinet([("1.dmp", 100, 0, 0)], [(STORED, [stored_block(FIRST)])], next_cabinet="b.cab"),
    ],
    ids=["zip", "zip-lzma", "gz", "bz2", "xz", "lzma", "tar", "mszip", "lzx", "set"],
)
def test_hostile_bytes_end_in_a_named_error(write: Write, data: bytes) -> None:
    for mutant in mutants(data, int(os.environ.get("BUGCHECK_MUTANTS", "60")), len(data)):
        path = write("mutant", mutant + b"\0")
        for opened in open_dumps(path, limits=SMALL):
            assert (opened.dump is None) != (opened.error is None)
            assert opened.name.startswith(path)


def test_every_container_loads() -> None:
    assert [one.name for one in CONTAINERS] == ["bzip2", "cab", "gzip", "rar", "seven_zip", "tar", "xz", "zip"]
    assert CONTAINERS.broken == []
