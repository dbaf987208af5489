"""ARM64 .pdata and .xdata as bytes: the documentation's own examples, every code, hostile input."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault
from bugcheck.images.pe_header import DataDirectory
from bugcheck.machine.context import Context
from bugcheck.stack.arm64 import Arm64Unwinder
from bugcheck.stack.frame import Trust
from bugcheck.stack.pointers import strip_pointer
from bugcheck.stack.unwind_info_arm64 import (
    FP,
    LR,
    Action,
    UnwindCode,
    UnwindInfo,
    decode_codes,
    find_unwind_info,
    instruction_count,
)
from tests.stack.hostility import walk_mutants
from tests.stack.sources import Pieces
from tests.stack.tiny_images import TinyImage

END = UnwindCode(Action.END)


def information(row: int, xdata: bytes = b"", into: int = 0) -> UnwindInfo | None:
    memory = Pieces({0x100: pack("<II", 0x1000, row), 0x200: xdata})
    return find_unwind_info(memory, DataDirectory(0x100, 8), 0x1000 + into)


def test_example_1_of_the_documentation() -> None:
    """Frame-chained, compact form: str x19,[sp,#-0x10]!; sub sp,sp,#0x810; stp fp,lr,[sp]; mov fp,sp."""
    info = information(0x416101ED)
    assert info is not None
    assert info.length == 492
    assert info.codes == (
        UnwindCode(Action.SET_FP),
        UnwindCode(Action.SAVE, (FP, LR)),
        UnwindCode(Action.ALLOCATE, allocated=0x810),
        UnwindCode(Action.SAVE, (19,), allocated=0x10),
        END,
    )
    epilogue = info.epilogues[0]
    assert epilogue.codes == info.codes[1:]
    assert epilogue.start == 492 - 4 * 4


def test_example_2_of_the_documentation() -> None:
    """Frame-chained, full-form with mirror prologue and epilogue."""
    xdata = pack("<4I", 0x1040003D, 0x1000038, 0xE42291E1, 0xE42291E1)
    info = information(0x200, xdata, into=0xE0)
    assert info is not None
    assert info.length == 4 * 0x3D
    assert info.codes == (
        UnwindCode(Action.SET_FP),
        UnwindCode(Action.SAVE, (FP, LR), allocated=0x90),
        UnwindCode(Action.SAVE, (19, 20), allocated=0x10),
        END,
    )
    assert [(epilogue.start, epilogue.codes) for epilogue in info.epilogues] == [(4 * 0x38, info.codes)]


def test_example_3_of_the_documentation() -> None:
    """Variadic unchained function: four nops for the home area, save_lrpair, alloc_s; epilogue from index 4."""
    xdata = pack("<5I", 0x18400012, 0x200000F, 0xE3E3E3E3, 0xE40500D6, 0xE40500D6)
    info = information(0x200, xdata, into=60)
    assert info is not None
    pair, allocation = UnwindCode(Action.SAVE, (19, LR)), UnwindCode(Action.ALLOCATE, allocated=0x50)
    assert info.codes == (*[UnwindCode(Action.NOTHING)] * 4, pair, allocation, END)
    assert info.epilogues[0].start == 60
    assert info.epilogues[0].codes == (pair, allocation, END)


# Source: the table of unwind codes in "ARM64 exception handling"
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("05", UnwindCode(Action.ALLOCATE, allocated=0x50)),
        ("24", UnwindCode(Action.SAVE, (19, 20), allocated=0x20)),
        ("43", UnwindCode(Action.SAVE, (FP, LR), 0x18)),
        ("91", UnwindCode(Action.SAVE, (FP, LR), allocated=0x90)),
        ("c1 00", UnwindCode(Action.ALLOCATE, allocated=0x1000)),
        ("c8 83", UnwindCode(Action.SAVE, (21, 22), 0x18)),
        ("cc 83", UnwindCode(Action.SAVE, (21, 22), allocated=0x20)),
        ("d1 05", UnwindCode(Action.SAVE, (23,), 0x28)),
        ("d4 41", UnwindCode(Action.SAVE, (21,), allocated=0x10)),
        ("d6 84", UnwindCode(Action.SAVE, (23, LR), 0x20)),
        ("d8 42", UnwindCode(Action.SAVE_OTHER)),
        ("da 42", UnwindCode(Action.SAVE_OTHER, allocated=0x18)),
        ("dc 42", UnwindCode(Action.SAVE_OTHER)),
        ("de 42", UnwindCode(Action.SAVE_OTHER, allocated=0x18)),
        ("df 02", UnwindCode(Action.UNKNOWN)),
        ("e0 01 00 00", UnwindCode(Action.ALLOCATE, allocated=0x100000)),
        ("e1", UnwindCode(Action.SET_FP)),
        ("e2 06", UnwindCode(Action.SET_FP, offset=0x30)),
        ("e7 15 02", UnwindCode(Action.SAVE, (21,), 0x10)),
        ("e7 55 02", UnwindCode(Action.SAVE, (21, 22), 0x20)),
        ("e7 35 02", UnwindCode(Action.SAVE, (21,), allocated=0x20)),
        ("e7 75 02", UnwindCode(Action.SAVE, (21, 22), allocated=0x20)),
        ("e7 68 42", UnwindCode(Action.SAVE_OTHER, allocated=0x20)),
        ("e7 68 82", UnwindCode(Action.SAVE_OTHER, allocated=0x20)),
        ("e7 03 c2", UnwindCode(Action.SAVE_OTHER)),
        ("e7 95 02", UnwindCode(Action.UNKNOWN)),
        ("e8", UnwindCode(Action.TRAP_FRAME)),
        ("e9", UnwindCode(Action.MACHINE_FRAME)),
        ("ea", UnwindCode(Action.CONTEXT)),
        ("eb", UnwindCode(Action.EC_CONTEXT)),
        ("ec", UnwindCode(Action.CLEAR_UNWOUND_TO_CALL)),
        ("fc", UnwindCode(Action.SIGN_LR)),
        ("f8 00", UnwindCode(Action.UNKNOWN)),
        ("ff", UnwindCode(Action.UNKNOWN)),
        ("e0 01", UnwindCode(Action.UNKNOWN)),
    ],
)
def test_every_code(code: str, expected: UnwindCode) -> None:
    assert decode_codes(bytes.fromhex(code) + b"\xe4", 0)[0] == expected


def test_sequence_ends_at_end_and_counts_instructions_up_to_the_fragment() -> None:
    codes = decode_codes(bytes.fromhex("c8 9c e5 e1 91 e4 ff ff"), 0)
    assert [code.action for code in codes] == [
        Action.SAVE, Action.END_FRAGMENT, Action.SET_FP, Action.SAVE, Action.END,
    ]  # fmt: skip
    assert instruction_count(codes) == 1


def test_extended_header() -> None:
    xdata = pack("<IIII", 0x20, 1 | 1 << 16, 4, 0xE4E4E405)
    info = information(0x200, xdata, into=0x14)
    assert info is not None
    assert info.codes == (UnwindCode(Action.ALLOCATE, allocated=0x50), END)
    assert [epilogue.start for epilogue in info.epilogues] == [0x10]


def test_packed_fragment_has_no_prologue() -> None:
    info = information(0x416101ED & ~3 | 2)
    assert info is not None
    assert not info.has_prologue
    assert info.epilogues == ()
    assert len(info.codes) == 5


@pytest.mark.parametrize("row", [0x416101EF, 0x900])
def test_reserved_and_missing_records_are_faults(row: int) -> None:
    with pytest.raises(MemoryFault):
        information(row, b"\0\0\0\0")


def step_with(
    codes: str, stack: dict[int, bytes], registers: dict[str, int], into: int = 0x20
) -> dict[str, int] | None:
    """Unwind from a function of 0x100 bytes without epilogue whose .xdata holds these codes."""
    pool = bytes.fromhex(codes)
    pool += bytes(-len(pool) % 4)
    info = pack("<I", 0x40 | len(pool) // 4 << 27) + pool
    image = TinyImage(code=b"\x1f\x20\x03\xd5" * 64, code_size=256, rows=[(0x1000, 0, info)], machine=0xAA64)
    context = Context(Architecture.ARM64, "test", {"pc": image.base + 0x1000 + into, **registers})
    step = Arm64Unwinder().step(context, Trust.CONTEXT, image.source(stack))
    return dict(step.caller.registers) if step is not None else None


def test_context_record_on_the_stack() -> None:
    """MSFT_OP_CONTEXT: all registers from an ARM64 CONTEXT (winnt.h) at sp."""
    record = bytearray(0x390)
    record[0:4] = pack("<I", 0x0040_000F)
    record[8 : 8 + 8 * 33] = pack("<33Q", *range(100, 133))
    found = step_with("ea e4", {0x8000: bytes(record)}, {"sp": 0x8000, "lr": 1})
    assert found is not None
    assert (found["x0"], found["x28"], found["fp"], found["lr"], found["sp"], found["pc"]) == (
        100,
        128,
        129,
        130,
        131,
        132,
    )


def test_save_any_and_clear_unwound_to_call() -> None:
    stack = {0x8000: pack("<8Q", *range(1, 9))}
    found = step_with("e7 57 02 ec e4", stack, {"sp": 0x8000, "lr": 0x1234})
    assert found is not None
    assert (found["x23"], found["x24"], found["pc"]) == (5, 6, 0x1234)


def test_unknown_and_ec_codes_are_not_guessed() -> None:
    for codes in ("df 02 e4", "eb e4", "ff e4"):
        assert step_with(codes, {0x8000: bytes(64)}, {"sp": 0x8000, "lr": 0}) is None


def test_missing_stack_is_no_caller() -> None:
    assert step_with("91 e4", {}, {"sp": 0x8000, "lr": 0, "fp": 0}) is None


def test_signed_return_addresses_are_stripped() -> None:
    """Arm ARM: bit 55 tells the half; Windows kernel addresses have the upper 16 bits set, user ones clear."""
    assert strip_pointer(0xAB43_7FF6_1234_5678, Architecture.ARM64) == 0x0000_7FF6_1234_5678
    assert strip_pointer(0x5AD9_F801_BCD5_2DE8, Architecture.ARM64) == 0xFFFF_F801_BCD5_2DE8
    assert strip_pointer(0xAB43_7FF6_1234_5678, Architecture.X64) == 0xAB43_7FF6_1234_5678
    stack = {0x8000: pack("<2Q", 0x9000, 0xAB43_0001_4000_1024)}
    found = step_with("81 fc e4", stack, {"sp": 0x8000, "lr": 0})
    assert found is not None
    assert found["pc"] == 0x1_4000_1024


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=4, max_size=200), st.integers(0, 63))
def test_any_record_is_read_or_refused(data: bytes, index: int) -> None:
    image = TinyImage(code=b"\x1f\x20\x03\xd5" * 64, code_size=256, rows=[(0x1000, 0, data)], machine=0xAA64)
    registers = {"pc": image.base + 0x1000 + 4 * index, "sp": 0x8100, "fp": 0x8200, "lr": image.base + 0x1040}
    source = image.source({0x8000: data * 40})
    step = Arm64Unwinder().step(Context(Architecture.ARM64, "test", registers), Trust.CONTEXT, source)
    assert step is None or step.caller.instruction_pointer is not None


def test_many_epilogues_cost_little() -> None:
    """65,535 scopes over a pool of 1,020 codes, all of which could hold the instruction."""
    xdata = pack("<II", 0x3FFFF, 0xFFFF | 0xFF << 16) + bytes(4 * 0xFFFF) + b"\xe3" * 1020
    info = information(0x200, xdata, into=0x100)
    assert info is not None
    assert len(info.epilogues) <= 16


@pytest.mark.slow
def test_mutated_fixture_never_fails() -> None:
    walk_mutants("frames_arm64.exe", Architecture.ARM64, 2000)
