"""Frame rules, beside llvm-pdbutil's table (committed) and records made by the book."""

from __future__ import annotations

import struct

from bugcheck.symbols.pdb.frame_data import find_fpo, find_frame, index_frames
from bugcheck.symbols.symbols import FpoRecord, FrameData
from tests.symbols.pdb.fixtures import expected, open_fixture


def test_frame_data_is_that_of_llvm_pdbutil() -> None:
    rows = expected("x86")["frames"]
    assert len(rows) == 29
    with open_fixture("x86") as symbols:
        for rva, size, local, parameters, stack, prologue, saved, seh, start, program in rows:
            rule = symbols.frame_rule(rva)
            assert isinstance(rule, FrameData)
            assert (rule.rva, rule.size, rule.locals_size, rule.parameters_size) == (rva, size, local, parameters)
            assert (rule.max_stack, rule.prologue_size, rule.saved_registers_size) == (stack, prologue, saved)
            assert (rule.has_seh, rule.is_function_start, rule.program.rstrip()) == (seh, start, program)


def test_the_rule_that_starts_last_counts() -> None:
    rows = expected("x86")["frames"]
    with open_fixture("x86") as symbols:
        for rva in range(0x1000, 0x1300):
            covering = [row[0] for row in rows if row[0] <= rva < row[0] + row[1]]
            rule = symbols.frame_rule(rva)
            assert (rule.rva if rule else None) == (max(covering) if covering else None), hex(rva)


def test_other_machines_have_no_rules() -> None:
    with open_fixture("x64") as symbols:
        assert symbols.frame_rule(0x1010) is None


def test_fpo_records_count_in_words() -> None:
    # FPO_DATA (winnt.h): 3 words of locals, 2 of parameters; prologue 5, 2 registers, SEH, EBP in use, frame type 1
    attributes = 5 | 2 << 8 | 1 << 11 | 1 << 12 | 1 << 14
    tables = index_frames(struct.pack("<IIIHH", 0x1000, 0x20, 3, 2, attributes), b"", b"")
    assert find_fpo(tables.fpo_rva, tables.fpo, 0x101F) == FpoRecord(
        rva=0x1000,
        size=0x20,
        locals_size=12,
        parameters_size=8,
        prologue_size=5,
        saved_registers_size=8,
        uses_ebp=True,
        has_seh=True,
        frame_type=1,
    )
    assert find_fpo(tables.fpo_rva, tables.fpo, 0x1020) is None
    assert find_fpo(tables.fpo_rva, tables.fpo, 0xFFF) is None


def test_a_relocation_before_the_records_and_programs_out_of_bounds() -> None:
    rows = struct.pack("<IIIIIIHHI", 0x2000, 8, 1, 2, 3, 4, 5, 6, 7) + struct.pack("<IIIIIIHHI", 0x1000, 8, *[9] * 7)
    strings = b"\0\0\0\0$T0 4 =\0"
    for stream in (rows, bytes(4) + rows):
        tables = index_frames(b"", stream, strings)
        found = find_frame(tables.frame_rva, tables.frame, tables.programs, 0x2007)
        assert found == FrameData(0x2000, 8, 1, 2, 3, 5, 6, has_seh=True, is_function_start=True, program="$T0 4 =")
        other = find_frame(tables.frame_rva, tables.frame, tables.programs, 0x1000)
        assert other is not None
        assert other.program == " ="
    beyond = index_frames(b"", struct.pack("<IIIIIIHHI", 0, 8, 0, 0, 0, 0xFFFF_FFF0, 0, 0, 0), strings)
    found = find_frame(beyond.frame_rva, beyond.frame, beyond.programs, 1)
    assert found is not None
    assert found.program == ""
