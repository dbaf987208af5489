"""Checksums against those the linkers wrote, pefile's, and the sum done word by word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.errors import TruncatedDump
from bugcheck.images import checksum
from bugcheck.images.checksum import Checksum, compute_checksum, read_checksum
from bugcheck.images.pe_header import FileImage
from tests.images.builders import pe
from tests.images.real_files import open_image, real_images

pefile = pytest.importorskip("pefile")


@pytest.mark.parametrize("path", real_images())
def test_real_files_agree_with_pefile_and_their_linker(path: Path) -> None:
    found = read_checksum(open_image(path))
    assert found.computed == pefile.PE(str(path), fast_load=True).generate_checksum()
    assert found.matches in (True, None)


def test_driver_of_2003_still_has_its_sum(shared: Path) -> None:
    # pefile 2024.8.26: OPTIONAL_HEADER.CheckSum 0x1497d, written by its linker; verify_checksum() is True
    assert read_checksum(open_image(shared / "story" / "RapDrv.sys")) == Checksum(0x1497D, 0x1497D)


def test_one_changed_byte_shows() -> None:
    data = bytearray(pe(b"driver"))
    right = read_checksum(FileImage(BinaryView(bytes(data), "test.sys"))).computed
    signed = pe(b"driver", checksum=right)
    assert read_checksum(FileImage(BinaryView(signed, "test.sys"))).matches is True
    patched = signed.replace(b"driver", b"drover")
    assert read_checksum(FileImage(BinaryView(patched, "test.sys"))).matches is False


def test_unset_checksum_says_nothing() -> None:
    assert read_checksum(FileImage(BinaryView(pe(), "test.sys"))).matches is None


def _word_by_word(data: bytes, field: int) -> int:
    """Add 16-bit words with end-around carry, the field taken as zero, and the length."""
    zeroed = data[:field] + bytes(4) + data[field + 4 :]
    total = 0
    for offset in range(0, len(zeroed), 2):
        total += int.from_bytes(zeroed[offset : offset + 2], "little")
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(data)


@given(st.binary(min_size=4, max_size=70), st.data())
def test_sum_is_the_one_done_word_by_word(data: bytes, choice: st.DataObject) -> None:
    field = choice.draw(st.integers(0, len(data) - 4))
    if not any(data[:field] + data[field + 4 :]):
        return  # an image begins with MZ; all zeros sum to 0, not to 0xFFFF
    assert compute_checksum(BinaryView(data, "x"), field) == _word_by_word(data, field)


def test_a_sum_that_carries_to_all_ones_is_not_zero() -> None:
    data = b"\xff\xff" + bytes(4)
    assert compute_checksum(BinaryView(data, "x"), 2) == _word_by_word(data, 2) == 0xFFFF + 6


def test_chunks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 5 + b"x"
    whole = compute_checksum(BinaryView(data, "x"), 99)
    monkeypatch.setattr(checksum, "CHUNK_SIZE", 6)
    assert compute_checksum(BinaryView(data, "x"), 99) == whole == _word_by_word(data, 99)


def test_field_outside_the_file_is_an_error() -> None:
    with pytest.raises(TruncatedDump):
        compute_checksum(BinaryView(b"MZ", "short.sys"), 0x58)
