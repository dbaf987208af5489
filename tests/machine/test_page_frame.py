"""Page frames: offsets against public PDBs' types, built databases, and real small dumps that have none."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.gaps import Gap
from bugcheck.knowledge.kernel_objects import object_offsets
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.machine.machine import Machine
from bugcheck.machine.page_frame import PageFrame, pfn_database, read_page_frame
from bugcheck.symbols.isf import open_isf
from bugcheck.synth.description import DumpKind, MachineDescription
from tests.crashes import crash_of

DATABASE = 0xFFFF_FA80_0000_0000
"""Where synth's MmPfnDatabase points on x64."""
ENTRY = 0xFFFF_F680_1234_5678
X64 = synth.x64_machine()


def frame(*, pte: int = ENTRY, shares: int = 1, references: int = 1, entry: int = 6) -> bytes:
    """An MMPFN of Windows 10 on x64 (dt nt!_MMPFN of 10.0.19041): u1, PteAddress, OriginalPte, u2, u3, u4."""
    return struct.pack("<QQQQHHIQ", 0, pte, 0, shares, references, entry, 0, 0)


def machine_with(number: int, raw: bytes, machine: MachineDescription = X64) -> Machine:
    """A machine whose database holds one frame."""
    memory = {**machine.memory, DATABASE + number * len(raw): raw}
    return crash_of(replace(machine, memory=memory), DumpKind.FULL).machine


def test_a_page_in_use() -> None:
    machine = machine_with(0x1234, frame(shares=3 | 1 << 63, references=2, entry=6 | 1 << 4))
    assert pfn_database(machine) == DATABASE
    found = read_page_frame(0x1234, machine)
    assert isinstance(found, PageFrame)
    assert (found.state, found.reference_count, found.share_count, found.pte_address) == (6, 2, 3, ENTRY)
    assert (found.modified, found.read_in_progress, found.write_in_progress, found.parity_error) == (
        True,
        False,
        False,
        False,
    )
    assert found.address == DATABASE + 0x1234 * 0x30
    assert found.words == f"in use, modified, reference count 2, share count 3, page table entry at {ENTRY:#x}"


def test_a_free_page_has_no_share_count() -> None:
    found = read_page_frame(5, machine_with(5, frame(shares=0x77, references=0, entry=1 | 1 << 15)))
    assert isinstance(found, PageFrame)
    assert (found.state, found.share_count, found.parity_error) == (1, None, True)
    assert found.words.startswith("free, parity error, reference count 0, page table entry")


@pytest.mark.parametrize("number", [0x99, 1 << 40, (1 << 64) - 1])
def test_a_frame_the_dump_does_not_hold_is_a_gap(number: int) -> None:
    found = read_page_frame(number, machine_with(5, frame()))
    assert isinstance(found, Gap)
    assert f"page frame {number:#x}" in found.what


def test_a_build_whose_layout_nobody_tells_is_a_gap() -> None:
    machine = machine_with(5, frame())
    machine.layout.__dict__["table"] = None
    found = read_page_frame(5, machine)
    assert isinstance(found, Gap)
    assert "layout of MMPFN" in found.missing


@pytest.mark.corpus
def test_small_dumps_have_no_database(corpus: Path) -> None:
    found = read_page_frame(
        5, Machine(read_dump(map_file(str(corpus / "kernel/r-Techsupport__training_bsods__1a.dmp"))))
    )
    assert isinstance(found, Gap)


@pytest.mark.parametrize(
    ("build", "pack", "expected"),
    [  # offsets of PteAddress, ShareCount, ReferenceCount, e1 and the size, x86: dt nt!_MMPFN
        (2600, 3, (4, 8, 0xE, 0xC, 0x18)),
        (3790, 2, (4, 8, 0xC, 0xE, 0x18)),
        (7601, 1, (8, 4, 0xC, 0xE, 0x1C)),
        (19045, None, (4, 0x10, 0x14, 0x16, 0x1C)),
    ],
)
def test_offsets_of_x86(build: int, pack: int | None, expected: tuple[int, ...]) -> None:
    table = object_offsets("x86", build, service_pack=pack, revision=24000 if build == 7601 else None)
    assert table is not None
    members = ("PteAddress", "ShareCount", "ReferenceCount", "e1", "sizeof")
    assert tuple(table[f"MMPFN.{member}"] for member in members) == expected


@pytest.mark.corpus
@pytest.mark.slow
def test_the_table_says_what_the_public_pdbs_say(corpus: Path) -> None:
    machine = machine_with(5, frame())
    for line in (corpus / "symbols/isf/PICKED.tsv").read_text().splitlines()[1:]:
        version, key = line.split("\t")[:2]
        types = open_isf(str(corpus / f"symbols/isf/ntkrnlmp.pdb-{key}.json.xz"), cache=None).types
        by_types = KernelLayout(machine.dump, None, types=lambda types=types: types)
        by_types.__dict__["table"] = None
        table = object_offsets("x64", int(version.split(".")[2]), revision=int(version.split(".")[3]))
        assert table is not None
        for member, path in (
            ("PteAddress", "PteAddress"),
            ("ShareCount", "u2.ShareCount"),
            ("ReferenceCount", "u3.ReferenceCount"),
            ("e1", "u3.e1"),
        ):
            assert by_types.offset(f"MMPFN.{path}") == table[f"MMPFN.{member}"], (version, member)
        assert by_types.size("MMPFN") == table["MMPFN.sizeof"] == 0x30
