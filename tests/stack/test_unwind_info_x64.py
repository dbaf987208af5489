"""UNWIND_INFO as bytes: every operation, version 2 epilogues, chains, hostile input."""

from __future__ import annotations

import random
import struct
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault
from bugcheck.images.pe_header import DataDirectory
from bugcheck.machine.context import Context
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.module_image import ModuleImage
from bugcheck.stack.unwind_info_x64 import Operation, RuntimeFunction, find_function, read_unwind_info
from bugcheck.stack.x64 import X64Unwinder
from bugcheck.stack.x64_epilogue import Exit, decode_epilogue
from tests.stack.hostility import DATA, walk_mutants
from tests.stack.sources import Pieces, bare_source, loaded, module_of
from tests.stack.tiny_images import TinyImage

# Source: "x64 exception handling", tables of UNWIND_INFO and UNWIND_CODE; the bytes follow them field by field
EVERY_OPERATION = (
    bytes([1, 0x60, 18, 0x25])  # version 1, prologue 0x60 bytes, 18 slots, frame register rbp at 0x20
    + bytes([0x60, 0x99]) + pack("<I", 0x123450)  # save xmm9, far
    + bytes([0x50, 0x68]) + pack("<H", 0x11)  # save xmm6 at 0x110
    + bytes([0x48, 0xC5]) + pack("<I", 0x90008)  # save r12, far
    + bytes([0x40, 0x34]) + pack("<H", 5)  # save rbx at 0x28
    + bytes([0x38, 0x03])  # set frame register
    + bytes([0x30, 0x11]) + pack("<I", 0x100000)  # allocate 1 MiB
    + bytes([0x20, 0x01]) + pack("<H", 0x50)  # allocate 0x280
    + bytes([0x10, 0x42])  # allocate 0x28
    + bytes([0x01, 0xF0])  # push r15
)  # fmt: skip


def test_every_operation_is_decoded() -> None:
    info = read_unwind_info(Pieces({0: EVERY_OPERATION}), 0)
    assert info is not None
    assert (info.version, info.prologue_size, info.frame_register, info.frame_offset) == (1, 0x60, 5, 0x20)
    assert [(code.operation, code.info, code.value) for code in info.codes] == [
        (Operation.SAVE_XMM128_FAR, 9, 0x123450),
        (Operation.SAVE_XMM128, 6, 0x110),
        (Operation.SAVE_NONVOL_FAR, 12, 0x90008),
        (Operation.SAVE_NONVOL, 3, 0x28),
        (Operation.SET_FPREG, 0, 0),
        (Operation.ALLOC_LARGE, 1, 0x100000),
        (Operation.ALLOC_LARGE, 0, 0x280),
        (Operation.ALLOC_SMALL, 4, 0x28),
        (Operation.PUSH_NONVOL, 15, 0),
    ]


def test_large_frame_offset() -> None:
    """UWOP_SET_FPREG_LARGE as CoreCLR's unwinder reads it: two further slots, in units of 16 bytes."""
    info = read_unwind_info(Pieces({0: bytes([1, 8, 3, 0xF5, 8, 0x0B]) + pack("<I", 0x40)}), 0)
    assert info is not None
    assert info.codes[0].operation is Operation.SET_FPREG_LARGE
    assert info.codes[0].value == 0x400


@pytest.mark.parametrize(
    ("slots", "distances", "rest"),
    [
        ("05 16 00 06 04 02", (5,), 1),  # one epilogue at the function's end, the second slot of the pair unused
        ("05 06 20 06 04 02", (0x20,), 1),  # one epilogue 0x20 bytes before the end
        ("05 16 20 06 30 16 00 00 04 02", (5, 0x20, 0x130), 1),  # three: odd count, one slot of padding behind them
        ("04 02", (), 1),
    ],
)
def test_version_2_epilogues(slots: str, distances: tuple[int, ...], rest: int) -> None:
    data = bytes.fromhex(slots)
    info = read_unwind_info(Pieces({0: bytes([2, 4, len(data) // 2, 0]) + data}), 0)
    assert info is not None
    assert info.epilogues == distances
    assert [code.operation for code in info.codes] == [Operation.ALLOC_SMALL] * rest


@pytest.mark.parametrize(
    "data", ["03 00 00 00", "00 00 00 00", "01 00 01 00 00 0f", "01 00 01 00 00 01", "01 00 01 00 00 21"]
)
def test_nonsense_is_no_information(data: str) -> None:
    assert read_unwind_info(Pieces({0: bytes.fromhex(data)}), 0) is None


def test_table_search_finds_its_row_and_no_other() -> None:
    rows = [(0x1000, 0x1010, 1 << 8), (0x1010, 0x1020, 2 << 8), (0x1100, 0x1180, 3 << 8)]
    memory = Pieces({0x100: b"".join(pack("<III", *row) for row in rows)})
    table = DataDirectory(0x100, 36)
    assert find_function(memory, table, 0x1017) == RuntimeFunction(0x1010, 0x1020, 2 << 8)
    assert find_function(memory, table, 0x1180) is None
    assert find_function(memory, table, 0xFFF) is None
    with pytest.raises(MemoryFault):
        find_function(memory, DataDirectory(0x100, 360), 0x1000)


def test_rows_that_refer_to_each_other_end() -> None:
    rows = pack("<IIIIII", 0x1000, 0x1010, 0x10D, 0x1000, 0x1010, 0x101)
    with pytest.raises(MemoryFault):
        find_function(Pieces({0x100: rows}), DataDirectory(0x100, 12), 0x1000)


# Source: "x64 prolog and epilog"; the bytes read so by llvm-mc 14
@pytest.mark.parametrize(
    ("code", "frame_register", "expected"),
    [
        ("48 83 c4 28 c3", 0, (4, 0x28, (), Exit.RETURN)),
        ("48 81 c4 00 01 00 00 5b c3", 0, (4, 0x100, (3,), Exit.RETURN)),
        ("41 5f 41 5e 5f 5e 5d 5b f3 c3", 0, (4, 0, (15, 14, 7, 6, 5, 3), Exit.RETURN)),
        ("48 8d 65 10 5d c3", 5, (5, 0x10, (5,), Exit.RETURN)),
        ("49 8d 64 24 30 41 5c c3", 12, (12, 0x30, (12,), Exit.RETURN)),
        ("48 89 ec 5d c3", 5, (5, 0, (5,), Exit.RETURN)),
        ("5b ff 25 10 00 00 00", 0, (4, 0, (3,), Exit.JUMP)),
        ("48 83 c4 28 48 ff e0", 0, (4, 0x28, (), Exit.JUMP)),
        ("c5 f8 77 c3", 0, (4, 0, (), Exit.RETURN)),
        ("c2 08 00", 0, (4, 0, (), Exit.RETURN)),
        ("48 81 c4 68 01 00 00 48 cf", 0, (4, 0x168, (), Exit.INTERRUPT_RETURN)),
    ],
)
def test_epilogues(code: str, frame_register: int, expected: tuple[object, ...]) -> None:
    rest = decode_epilogue(bytes.fromhex(code), frame_register)
    assert rest is not None
    assert (rest.base, rest.adjustment, rest.pops, rest.exit) == expected


@pytest.mark.parametrize(
    "code",
    [
        "48 83 c4 28 90",  # something follows the addition
        "48 8d 65 10 5d c3",  # lea without a frame register
        "ff e0",  # a switch table's jump
        "5c c3",  # pop rsp
        "58" * 40,
        "48",
        "",
    ],
)
def test_bodies_are_no_epilogues(code: str) -> None:
    assert decode_epilogue(bytes.fromhex(code), 0) is None


def test_version_2_tells_the_epilogue_without_code_bytes() -> None:
    """push rbx; push rdi; sub rsp, 0x28 … pop rdi; pop rbx; ret: at each of the three last instructions."""
    info = bytes([2, 6, 5, 0]) + bytes.fromhex("03 16 00 06 06 42 02 70 01 30") + bytes(2)
    image = TinyImage(code=b"", code_size=0x100, rows=[(0x1000, 0x1100, info)])
    words = [0x0D1, 0x0B1, image.base + 0x1234, 0x77]
    for executed in range(3):
        at = 0x8000 + 8 * executed
        source = image.source({0x8000: pack("<4Q", *words)})
        registers = {"rip": image.base + 0x10FD + executed, "rsp": at, "rbx": 0x0B1, "rdi": 0x0D1}
        step = X64Unwinder().step(Context(Architecture.X64, "test", registers), Trust.CONTEXT, source)
        assert step is not None
        assert step.caller.registers == {"rip": image.base + 0x1234, "rsp": 0x8018, "rbx": 0x0B1, "rdi": 0x0D1}


def test_chain_that_runs_in_a_circle_ends() -> None:
    image = TinyImage(
        code=b"\x90" * 64, code_size=64, rows=[(0x1000, 0x1040, bytes([0x21, 0, 0, 0]) + pack("<III", 0, 0, 0))]
    )
    rva = image.info_rvas[0]
    image.patch(rva + 4, pack("<III", 0x1000, 0x1040, rva))
    source = image.source({0x8000: bytes(64)})
    registers = {"rip": image.base + 0x1008, "rsp": 0x8000}
    assert X64Unwinder().step(Context(Architecture.X64, "test", registers), Trust.CONTEXT, source) is None


def test_unwind_information_comes_from_the_image_file_when_memory_lacks_it() -> None:
    image = TinyImage(code=b"\x90" * 64, code_size=64, rows=[(0x1000, 0x1040, bytes([1, 4, 1, 0, 4, 0x42]))])
    stack = {0x8000: bytes(0x28) + pack("<Q", image.base + 0x1020)}
    registers = {"rip": image.base + 0x1010, "rsp": 0x8000}
    context = Context(Architecture.X64, "test", registers)
    assert X64Unwinder().step(context, Trust.CONTEXT, image.source(stack, in_memory=False)) is None
    step = X64Unwinder().step(context, Trust.CONTEXT, image.source(stack, in_memory=False, in_file=True))
    assert step is not None
    assert step.caller.registers["rip"] == image.base + 0x1020
    assert step.trust is Trust.UNWIND_INFO


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=4, max_size=80), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(data: bytes, offset: int) -> None:
    image = TinyImage(code=b"\x90" * 256, code_size=256, rows=[(0x1000, 0x1100, data)])
    source = image.source({0x8000: random.Random(offset).randbytes(0x1000)})
    registers = {"rip": image.base + 0x1000 + offset, "rsp": 0x8100, "rbp": 0x8200, "rbx": 0x8300}
    step = X64Unwinder().step(Context(Architecture.X64, "test", registers), Trust.CONTEXT, source)
    assert step is None or step.caller.stack_pointer is not None


@pytest.mark.slow
def test_mutated_fixture_never_fails() -> None:
    walk_mutants("frames_x64.exe", Architecture.X64, 2000)


def test_loaded_fixture_has_a_function_table() -> None:
    data = (DATA / "frames_x64.exe").read_bytes()
    module = module_of(data, 0x10000)
    source: StackSource = bare_source({0x10000: loaded(data)}, [module], Architecture.X64)
    table = ModuleImage(module, source).function_table
    assert table is not None
    begin, end = struct.unpack_from("<II", loaded(data), table.rva)
    assert table.size % 12 == 0  # RUNTIME_FUNCTION ("x64 exception handling")
    assert 0 < begin < end < module.size
