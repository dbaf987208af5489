"""Debug records that lie in a small dump's blocks without the headers that lead to them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import analyze
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, VirtualRun
from bugcheck.dump.open import read_dump
from bugcheck.images.identity import PdbId
from bugcheck.machine.loose_pdb import loose_pdbs
from bugcheck.machine.machine import Machine
from bugcheck.machine.module_details import link_time
from bugcheck.synth import DumpKind
from bugcheck.timestamps import from_unix

GUID = bytes(range(16))
NAMED = PdbId("flaky.pdb", "03020100-0504-0706-0809-0A0B0C0D0E0F", 3)


def record(path: bytes = b"c:\\obj\\flaky.pdb\0", age: int = 3) -> bytes:
    """RSDS, GUID, age, path (winnt.h has no name for it; pefile calls it CV_INFO_PDB70)."""
    return b"RSDS" + GUID + struct.pack("<I", age) + path


def dump_with(data: bytes, inside: int = 0x500) -> tuple[Dump, int]:
    """A small dump with one more block, `inside` bytes behind the base of its last module; returns that base."""
    raw = synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS)
    dump = read_dump(BinaryView(raw + data, "built.dmp"))
    base = dump.modules[-1].base
    dump.virtual = sorted([*dump.virtual, VirtualRun(base + inside, len(data), len(raw), "data block")])
    return dump, base


def found(dump: Dump) -> dict[int, PdbId]:
    return loose_pdbs(dump, Machine(dump).modules)


def test_a_record_in_a_module_names_its_symbols() -> None:
    dump, base = dump_with(b"\xcc" * 9 + record() + b"\0GCTL")
    assert found(dump)[base] == NAMED
    machine = Machine(dump)
    module = machine.modules.at(base)
    assert module is not None
    assert machine.details_of(module).pdb == NAMED


def test_the_same_record_twice_is_one() -> None:
    dump, base = dump_with(record() + record())
    assert found(dump)[base] == NAMED


@pytest.mark.parametrize(
    "data",
    [
        record() + record(b"other.pdb\0"),  # two: which is the module's own?
        record(b"flaky.pdb"),  # the block ends before the name does
        record(b"flaky.dll\0"),
        record(b"fl\xffaky.pdb\0"),
        record(age=0),
        record(age=0x99999),
        b"RSDS",
    ],
)
def test_what_is_no_sound_record_is_left_out(data: bytes) -> None:
    dump, base = dump_with(data)
    assert base not in found(dump)


def test_a_record_outside_every_module_is_a_copy_in_data() -> None:
    dump, base = dump_with(record(), inside=0x4000_0000)
    assert base not in found(dump)


def test_other_kinds_of_dumps_are_not_searched() -> None:
    dump = read_dump(BinaryView(synth.build_kernel_dump(synth.x64_machine(), DumpKind.FULL), "built.dmp"))
    assert found(dump) == {}


@pytest.mark.corpus
def test_the_suspects_symbols_in_a_real_dump(corpus: Path) -> None:
    # xxd of the file at 0x10a480: RSDS, 1C19FDDB-27BB-3399-D9B4-5973EFEAFCF3, 1, amdppm.pdb; the block is at +110bc
    machine = analyze(corpus / "kernel" / "rizinorg__rizin-testbins__triage_x64.dmp").machine
    module = machine.modules.named("amdppm")
    assert module is not None
    assert machine.details_of(module).pdb == PdbId("amdppm.pdb", "1C19FDDB-27BB-3399-D9B4-5973EFEAFCF3", 1)
    assert machine.system is not None
    assert machine.system.cpu_name == "AMD Ryzen 7 3700X 8-Core Processor"


def test_a_stamp_is_a_time_only_where_it_can_be_one() -> None:
    crash = from_unix(1_700_000_000)
    assert link_time(1_600_000_000, None, crash) == from_unix(1_600_000_000)
    assert link_time(1_600_000_000, False, crash) is None
    assert link_time(1_800_000_000, None, crash) is None  # after the crash: the hash of a reproducible build
    assert link_time(0x0D83_33E6, None, crash) is None  # 1977
    assert link_time(1_800_000_000, None, None) is not None
