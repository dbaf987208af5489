"""Unwinding against execution: at every instruction the caller's registers are those the emulator had at the call.

Source of truth: unicorn runs the images that data/build.sh makes with clang and lld; callers are recorded at each call
instruction and at each emulated trap, independent of any unwind information.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck.errors import NotInDump
from bugcheck.stack.arm64 import Arm64Unwinder
from bugcheck.stack.frame import Trust, Unwinder
from bugcheck.stack.unwind_info_arm64 import ENTRY_SIZE
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from tests.stack.emulation import BASE, STACK, STACK_SIZE, X64, Arm64, EmulatedMemory, Emulation

DATA = Path(__file__).parent / "data"
ERET = b"\xe0\x03\x9f\xd6"


def emulation(architecture: str, is_kernel: bool = False) -> tuple[Emulation, Unwinder]:
    if architecture == "x64":
        return X64(DATA / "frames_x64.exe", is_kernel), X64Unwinder()
    return Arm64(DATA / "frames_arm64.exe", is_kernel), Arm64Unwinder()


@pytest.mark.parametrize(("architecture", "instructions"), [("x64", 1700), ("arm64", 5000)])
def test_caller_is_right_at_every_instruction(architecture: str, instructions: int) -> None:
    emulated, unwinder = emulation(architecture)
    count = 0
    for moment in emulated.moments():
        ip = moment.context.registers[emulated.ip_name]
        if architecture == "arm64" and bytes(emulated.engine.mem_read(ip, 4)) == ERET:
            continue  # the assembler describes no epilogue for the instruction that leaves a trap handler
        step = unwinder.step(moment.context, Trust.CONTEXT, emulated.source)
        assert step is not None, hex(ip)
        expected = moment.callers[0]
        found = {name: step.caller.registers.get(name) for name in expected.registers}
        assert (found, step.trust) == (expected.registers, expected.trust), hex(ip - BASE)
        assert step.frame_address == moment.context.stack_pointer
        count += 1
    assert count > instructions


@pytest.mark.parametrize("architecture", ["x64", "arm64"])
def test_whole_stack_is_right_at_every_instruction(architecture: str) -> None:
    emulated, unwinder = emulation(architecture)
    depths: set[int] = set()
    for number, moment in enumerate(emulated.moments()):
        ip = moment.context.registers[emulated.ip_name]
        if bytes(emulated.engine.mem_read(ip, 4)) == ERET or (architecture == "arm64" and number % 4):
            continue
        stack = walk(moment.context, unwinder, emulated.source)
        expected = [caller.registers[emulated.ip_name] for caller in moment.callers]
        assert [frame.ip for frame in stack.frames[1:]] == expected, hex(ip - BASE)
        assert [frame.return_address for frame in stack.frames] == [*expected, 0]
        depths.add(len(expected))
    assert max(depths) >= 5


def test_trap_frame_registers_are_known_where_the_handler_is_the_kernels() -> None:
    emulated, unwinder = emulation("x64", is_kernel=True)
    known = 0
    for moment in emulated.moments():
        step = unwinder.step(moment.context, Trust.CONTEXT, emulated.source)
        if step is not None and step.trust is Trust.TRAP_FRAME and step.caller.source.startswith("trap frame"):
            assert step.caller.registers["rsp"] == moment.callers[0].registers["rsp"]
            known += "rax" in step.caller.registers
    assert known > 5


def test_arm64_image_holds_packed_and_full_records() -> None:
    emulated, _ = emulation("arm64")
    table = emulated.image.header.directory(3)
    assert table is not None
    rows = emulated.image.read_up_to(table.rva, table.size)
    flags = [rows[at + 4] & 3 for at in range(0, len(rows), ENTRY_SIZE)]
    assert flags.count(1) > 100
    assert flags.count(0) > 20


@pytest.mark.parametrize(("architecture", "precision", "recall"), [("x64", 0.999, 1.0), ("arm64", 0.99, 0.83)])
def test_scan_without_any_table_finds_true_frames(architecture: str, precision: float, recall: float) -> None:
    """No headers, no unwind tables, no symbols, only code bytes and a stack full of stale words."""
    emulated, unwinder = emulation(architecture)
    emulated.hide_headers()
    right = wrong = expected = 0
    for moment in emulated.moments():
        true = {caller.registers[emulated.ip_name] for caller in moment.callers[:-1]}
        stack = walk(moment.context, unwinder, emulated.source)
        hits = sum(frame.ip in true for frame in stack.frames[1:])
        right, wrong = right + hits, wrong + len(stack.frames) - 1 - hits
        expected += len(true)
    assert right / (right + wrong) >= precision
    assert right / expected >= recall


class Captured(EmulatedMemory):
    """Memory with all of the stack and only blocks of the image, as small dumps hold it."""

    blocks: list[tuple[int, int]]

    def piece(self, address: int, size: int) -> bytes:
        if STACK <= address < STACK + STACK_SIZE:
            return super().piece(address, size)
        end = max((end for start, end in self.blocks if start <= address < end), default=0)
        if not end:
            raise NotInDump(address)
        return super().piece(address, min(size, end - address))


@pytest.mark.parametrize(
    ("architecture", "share", "precision", "recall"),
    [("x64", 0.0, 0.6, 0.5), ("x64", 0.3, 0.65, 0.5), ("x64", 0.6, 0.75, 0.5),
     ("arm64", 0.3, 0.94, 0.1), ("arm64", 0.6, 0.94, 0.2)],
)  # fmt: skip
def test_scan_with_part_of_the_code(architecture: str, share: float, precision: float, recall: float) -> None:
    """Code bytes around some of the pointers on the stack and around the instruction pointer, nothing else."""
    emulated, unwinder = emulation(architecture)
    memory = Captured(emulated.engine)
    source = replace(emulated.source, memory=memory)
    dice = random.Random(1)
    right = wrong = expected = 0
    for number, moment in enumerate(emulated.moments()):
        sp, ip = moment.context.stack_pointer, moment.context.instruction_pointer
        if number % 7 or sp is None or ip is None:
            continue
        memory.look(sp)
        words = memory.engine.mem_read(sp, 0x1000)
        pointers = {int.from_bytes(words[at : at + 8], "little") for at in range(0, 0x1000, 8)}
        chosen = [p for p in sorted(pointers) if p in emulated.module and dice.random() < share]
        memory.blocks = [(ip - 64, ip + 64), *((p - 32, p + 32) for p in chosen)]
        true = {caller.registers[emulated.ip_name] for caller in moment.callers}
        frames = walk(moment.context, unwinder, source).frames[1:]
        hits = sum(frame.ip in true for frame in frames)
        right, wrong, expected = right + hits, wrong + len(frames) - hits, expected + len(true)
    assert right / (right + wrong) >= precision
    assert right / expected >= recall


@pytest.mark.parametrize("architecture", ["x64", "arm64"])
def test_no_scan_gives_no_scanned_frame(architecture: str) -> None:
    emulated, unwinder = emulation(architecture)
    emulated.hide_headers()
    source = replace(emulated.source, scan=False)
    for moment in emulated.moments():
        stack = walk(moment.context, unwinder, source)
        assert all(frame.trust is not Trust.SCAN for frame in stack.frames)
