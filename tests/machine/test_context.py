"""Registers out of CONTEXT and KTRAP_FRAME bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.dump.dump import Architecture, RawContext
from bugcheck.machine.context import decode_context, decode_trap_frame


def _x86_trap_frame(**fields: int) -> bytes:
    """A KTRAP_FRAME with 32-bit fields at the offsets of ReactOS NDK ketypes.h."""
    offsets = {"edi": 0x54, "ebx": 0x5C, "ebp": 0x60, "error": 0x64, "eip": 0x68, "cs": 0x6C, "efl": 0x70, "esp": 0x74}
    frame = bytearray(0x8C)
    for name, value in fields.items():
        struct.pack_into("<I", frame, offsets[name], value)
    return bytes(frame)


def test_a_kernel_trap_frame_has_its_stack_pointer_behind_it() -> None:
    # story transcript: `.trap f4c0bb54` shows eip=f535e785 esp=f4c0bbc8 ebp=f4c0bbdc cs=0008 ss=0010
    frame = _x86_trap_frame(eip=0xF535E785, ebp=0xF4C0BBDC, cs=8, efl=0x10246, edi=0x84E2660C)
    context = decode_trap_frame(frame, 0xF4C0BB54, Architecture.X86)
    assert context is not None
    assert context.instruction_pointer == 0xF535E785
    assert context.stack_pointer == 0xF4C0BBC8
    assert context.registers["ss"] == 0x10
    assert context.source == "trap frame 0xf4c0bb54"


def test_a_trap_from_user_mode_has_pushed_its_stack_pointer() -> None:
    frame = _x86_trap_frame(eip=0x7C95ED54, cs=0x1B, esp=0x0012D688)
    context = decode_trap_frame(frame, 0xF4C0BD64, Architecture.X86)
    assert context is not None
    assert context.stack_pointer == 0x0012D688


def test_bytes_with_an_impossible_code_segment_are_no_trap_frame() -> None:
    assert decode_trap_frame(_x86_trap_frame(cs=0x1234), 0x1000, Architecture.X86) is None
    assert decode_trap_frame(bytes(0x190), 0x1000, Architecture.X64) is None
    assert decode_trap_frame(bytes(16), 0x1000, Architecture.X64) is None


def test_an_x64_trap_frame_leaves_out_what_it_does_not_hold() -> None:
    frame = bytearray(0x190)
    struct.pack_into("<Q", frame, 0x168, 0xFFFFF80370D0F183)
    struct.pack_into("<H", frame, 0x170, 0x10)
    context = decode_trap_frame(bytes(frame), 0xFFFF_F682_5DE0_E000, Architecture.X64)
    assert context is not None
    assert context.registers["rip"] == 0xFFFFF80370D0F183
    assert "rbx" not in context.registers
    assert "r12" not in context.registers


def test_context_flags_decide_what_is_set() -> None:
    data = bytearray(0x4D0)
    struct.pack_into("<I", data, 0x30, 0x0010_0001)  # CONTEXT_AMD64 | CONTROL
    struct.pack_into("<Q", data, 0xF8, 0x1234)
    context = decode_context(RawContext("header", bytes(data)), Architecture.X64)
    assert context is not None
    assert context.instruction_pointer == 0x1234
    assert "rax" not in context.registers


def test_flags_of_another_architecture_are_refused() -> None:
    data = bytearray(0x4D0)
    struct.pack_into("<I", data, 0x30, 0x0001_0007)  # CONTEXT_i386
    assert decode_context(RawContext("header", bytes(data)), Architecture.X64) is None


@given(st.sampled_from(list(Architecture)), st.binary(max_size=0x500))
def test_any_bytes_decode_or_are_refused(architecture: Architecture, data: bytes) -> None:
    context = decode_context(RawContext("any", data), architecture)
    top = 1 << architecture.bits
    assert context is None or all(0 <= value < top for value in context.registers.values())
    frame = decode_trap_frame(data, 0x1000, architecture)
    assert frame is None or "cs" in frame.registers


@pytest.mark.parametrize("thumb", [0, 1])
def test_the_thumb_bit_is_no_part_of_an_arm_address(thumb: int) -> None:
    # corpus/expected: the engine shows pc=83edaf2c where the dump's KPRCB holds 83edaf2d
    data = bytearray(0x1A0)
    struct.pack_into("<I", data, 0, 0x0020_0003)
    struct.pack_into("<I", data, 0x40, 0x83EDAF2C | thumb)
    context = decode_context(RawContext("processor 0", bytes(data)), Architecture.ARM32)
    assert context is not None
    assert context.instruction_pointer == 0x83EDAF2C
