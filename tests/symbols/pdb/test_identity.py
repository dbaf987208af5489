"""Identity of a PDB, beside what llvm-pdbutil-14 `dump -summary` and the images of the pairs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError, DumpError
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.identity import PdbId
from bugcheck.images.pe_header import FileImage
from bugcheck.symbols.pdb.identity import PdbIdentity, read_identity
from tests.symbols.pdb.fixtures import DATA, NAMES, streams_of, write_msf


def identity_of(data: bytes) -> PdbIdentity:
    return read_identity(BinaryView(data, "made.pdb"))


@pytest.mark.parametrize("name", NAMES)
def test_a_pdb_matches_its_image(name: str) -> None:
    image = FileImage(BinaryView((DATA / f"{name}.dll").read_bytes(), name))
    wanted = read_debug_directory(image, image.header).pdb
    assert wanted is not None
    assert wanted.name == f"{name}.pdb"
    identity = identity_of((DATA / f"{name}.pdb").read_bytes())
    assert identity.matches(wanted)
    assert identity.pdb_id(wanted.name) == wanted


def test_both_ages_count_and_no_other() -> None:
    streams = streams_of((DATA / "x64.pdb").read_bytes())
    streams[1] = streams[1][:8] + (7).to_bytes(4, "little") + streams[1][12:]
    identity = identity_of(write_msf(streams, 1024))
    assert (identity.age, identity.dbi_age, identity.linked_age) == (7, 1, 1)
    assert [age for age in range(10) if identity.matches(PdbId("x64.pdb", identity.guid.lower(), age))] == [1, 7]
    assert identity.matches(PdbId("x64.pdb", f"{identity.signature:08x}", 1))
    assert not identity.matches(PdbId("x64.pdb", "0" * 8, 1))


def test_without_a_dbi_stream_the_info_streams_age_counts() -> None:
    streams = streams_of((DATA / "x64.pdb").read_bytes())
    streams[3] = b""
    identity = identity_of(write_msf(streams))
    assert (identity.dbi_age, identity.linked_age) == (None, 1)


def test_what_is_no_pdb_is_named() -> None:
    with pytest.raises(DumpError, match=r"portable \.NET"):
        identity_of(b"BSJB" + bytes(200))
    with pytest.raises(DumpError, match=r"Visual C\+\+ 6"):
        identity_of(b"Microsoft C/C++ program database 2.00\r\n\x1aJG" + bytes(200))


def test_every_cut_fails_in_our_way() -> None:
    data = (DATA / "x64.pdb").read_bytes()
    for size in (0, 10, 32, 50, 56, 100, 4096, len(data) - 4096):
        with pytest.raises(BugcheckError):
            identity_of(data[:size])


@pytest.mark.corpus
def test_pdbs_of_the_story_and_the_synthetic_dumps(shared: Path) -> None:
    pairs = [(image, image.with_suffix(".pdb")) for image in shared.glob("**/*.exe")]
    pairs = [(image, pdb) for image, pdb in pairs if pdb.is_file()]
    assert pairs
    for path, pdb in pairs:
        image = FileImage(BinaryView(path.read_bytes(), path.name))
        wanted = read_debug_directory(image, image.header).pdb
        assert wanted is not None
        assert identity_of(pdb.read_bytes()).matches(wanted), path.name
