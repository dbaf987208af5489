"""Source of every expectation: the full-dump layout (kdmp-parser BuildPhysmemFullDump) and the file system."""

import struct
from pathlib import Path

import kdmp_parser
import pytest

from bugcheck.synth import write_sparse_full_dump, x64_machine, x86_machine
from bugcheck.synth.address_space import PageState

PAGE = 0x1000
GIB = 1 << 30


def test_64_gib_take_almost_no_disk(tmp_path: Path) -> None:
    path = tmp_path / "huge.dmp"
    truth = write_sparse_full_dump(path, x64_machine(), 64 * GIB)
    status = path.stat()
    assert 64 * GIB - PAGE < status.st_size <= 64 * GIB
    assert status.st_blocks * 512 < 4 << 20
    with path.open("rb") as file:
        header = file.read(0x2000)
        runs, total, first, count = struct.unpack_from("<I4xQQQ", header, 0x88)
        assert (runs, first, total) == (1, 1, count)
        assert 0x2000 + count * PAGE == status.st_size
        assert struct.unpack_from("<Q", header, 0x10)[0] > 60 * GIB  # the page tables sit high
        for frame in truth.physical.pages:
            file.seek(0x2000 + (frame - first) * PAGE)
            assert file.read(PAGE) == truth.physical.page(frame)


def test_kdmp_parser_reads_a_smaller_one(tmp_path: Path) -> None:
    path = tmp_path / "sparse.dmp"
    truth = write_sparse_full_dump(path, x64_machine(), 32 << 20)
    reader = kdmp_parser.KernelDumpParser(path)
    assert reader.directory_table_base == truth.directory_table_base
    pages = [page for page in truth.mappings().values() if page.state is PageState.VALID]
    assert len(pages) > 50
    for page in pages:
        assert reader.translate_virtual(page.virtual_address) == page.physical_address
        found = reader.read_virtual_page(page.virtual_address)
        assert bytes(found or b"") == truth.read(page.virtual_address, PAGE)


def test_32_bit_machines_have_one_too(tmp_path: Path) -> None:
    path = tmp_path / "small.dmp"
    truth = write_sparse_full_dump(path, x86_machine(), 2 * GIB)
    assert path.stat().st_blocks * 512 < 4 << 20
    assert truth.description.physical_layout == ((1, (2 * GIB - 0x1000) // PAGE),)


def test_too_small_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        write_sparse_full_dump(tmp_path / "tiny.dmp", x64_machine(), 0x10000)
