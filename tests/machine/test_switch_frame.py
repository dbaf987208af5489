"""Registers of threads that do not run, from the frame the dispatcher left: built stacks per architecture."""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.machine.objects import Thread
from bugcheck.machine.switch_frame import switched_out_context
from tests.machine.flat_memory import FlatMemory

STACK64, NT64, STACK32, NT32 = 0xFFFF_8000_1000_0000, 0xFFFF_F800_0000_0000, 0x8A00_0000, 0x8200_0000


def read(architecture: Architecture, words: dict[int, int], *, at: int = 0x100) -> dict[str, int] | None:
    """Put words at offsets from KTHREAD.KernelStack and read the switch frame."""
    wide = architecture.pointer_size == 8
    stack, nt = (STACK64, NT64) if wide else (STACK32, NT32)
    memory = FlatMemory({stack: bytes(0x1000)}, architecture.pointer_size)
    for offset, word in words.items():
        memory.put(stack + at + offset, "Q" if wide else "I", word)
    thread = Thread(0, 8, 4, stack_base=stack + 0x1000, stack_limit=stack, kernel_stack=stack + at)
    modules = ModuleList((Module("nt", "ntoskrnl.exe", "", nt, 0x10_0000, 0, 0),))
    context = switched_out_context(thread, architecture, memory, modules)
    return None if context is None else dict(context.registers)


def test_arm64_frames_hold_frame_pointer_and_return_address() -> None:
    frame = {0x10: STACK64 + 0x180, 0x18: NT64 + 0x1234}
    expected = {"pc": NT64 + 0x1234, "fp": STACK64 + 0x180, "sp": STACK64 + 0x120}
    assert read(Architecture.ARM64, frame) == expected
    signed = {**frame, 0x18: frame[0x18] ^ 0x0055_0000_0000_0000}  # pointer authentication uses bits above the address
    assert read(Architecture.ARM64, signed) == expected


def test_arm32_frames_hold_r11_and_return_address() -> None:
    frame = {0x08: STACK32 + 0x180, 0x0C: NT32 + 0x1235}
    assert read(Architecture.ARM32, frame) == {"pc": NT32 + 0x1234, "r11": STACK32 + 0x180, "sp": STACK32 + 0x110}


def test_x64_and_x86_frames() -> None:
    assert read(Architecture.X64, {0x30: 7, 0x38: NT64 + 0x1234}) == {
        "rip": NT64 + 0x1234,
        "rsp": STACK64 + 0x140,
        "rbp": 7,
    }
    words = {0x08: NT32 + 0x1234, 0x0C: 1, 0x10: 2, 0x14: 3, 0x18: 4}
    registers = {"eip": NT32 + 0x1234, "esp": STACK32 + 0x10C, "ebp": 1, "edi": 2, "esi": 3, "ebx": 4}
    assert read(Architecture.X86, words) == registers


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (Architecture.ARM64, {0x10: STACK64 + 0x180, 0x18: 0x1234}),  # returns to no kernel
        (Architecture.ARM64, {0x10: STACK64 + 0x80, 0x18: NT64 + 0x1234}),  # a frame pointer that leads down
        (Architecture.ARM64, {0x10: STACK64 + 0x2000, 0x18: NT64 + 0x1234}),  # … off the stack
        (Architecture.ARM32, {0x08: 0, 0x0C: NT32 + 0x1235}),
        (Architecture.X64, {0x38: 0}),
        (Architecture.X86, {}),
    ],
)
def test_what_is_no_switch_frame_is_left_alone(architecture: Architecture, words: dict[int, int]) -> None:
    assert read(architecture, words) is None
