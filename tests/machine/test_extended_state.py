"""The shadow stack pointer in what lies behind a CONTEXT: built by hand from the SDM's layout."""

from __future__ import annotations

from struct import pack, pack_into

import pytest

from bugcheck.dump.dump import Architecture, RawContext
from bugcheck.machine.context import decode_context
from bugcheck.machine.extended_state import CONTEXT_SIZE, shadow_stack_pointer

TOP = 0xCB_C83F_EFC8
CET = 1 << 11
COMPACTED = 1 << 63


def context(
    layout: int = CET | COMPACTED, held: int = CET, *, before: int = 0, enabled: int = 1, top: int = TOP, cut: int = 0
) -> bytes:
    """A CONTEXT with all registers, CONTEXT_EX, the XSAVE header, `before` bytes of other components, CET_U."""
    area = pack("<QQ", held, layout) + bytes(48) + bytes(before) + pack("<QQ", enabled, top)
    fixed = bytearray(CONTEXT_SIZE)
    pack_into("<I", fixed, 0x30, 0x0010_005F)
    pack_into("<Q", fixed, 0x98, 0x1000)
    pack_into("<Q", fixed, 0xF8, 0x2000)
    extra = pack("<iIiIiI", -CONTEXT_SIZE, 0x520 + len(area), -CONTEXT_SIZE, CONTEXT_SIZE, 0x50, len(area))
    data = bytes(fixed) + extra.ljust(0x50, b"\0") + area
    return data[: len(data) - cut]


def test_the_pointer_stands_behind_its_settings() -> None:
    assert shadow_stack_pointer(context()) == TOP


def test_components_before_it_take_their_architectural_sizes() -> None:
    # Linux prints the compacted offsets when it starts: AVX 576, opmask 832, ZMM_Hi256 896, Hi16_ZMM 1408, PKRU 2432,
    # CET user 2440, on a processor without MPX and PASID; 576 is where the header ends.
    layout = COMPACTED | CET | 0b10_1110_0100
    assert shadow_stack_pointer(context(layout, CET, before=2440 - 576)) == TOP


@pytest.mark.parametrize(
    "data",
    [
        context(CET),  # the standard form cannot hold it
        context(held=0),  # in its first state: no shadow stack
        context(enabled=0),
        context(enabled=2),
        context(top=TOP + 1),
        context(top=0),
        context(cut=1),
        context(cut=20),
        context()[:CONTEXT_SIZE],
        context()[: CONTEXT_SIZE + 24],
        b"",
    ],
)
def test_none_where_there_is_none(data: bytes) -> None:
    assert shadow_stack_pointer(data) is None


def test_flags_must_say_that_there_is_more() -> None:
    data = bytearray(context())
    pack_into("<I", data, 0x30, 0x0010_001F)
    assert shadow_stack_pointer(bytes(data)) is None


def test_a_decoded_context_has_it_as_a_register() -> None:
    decoded = decode_context(RawContext("thread", context()), Architecture.X64)
    assert decoded is not None
    assert (decoded.registers["ssp"], decoded.registers["rip"]) == (TOP, 0x2000)
    plain = decode_context(RawContext("thread", context(enabled=0)), Architecture.X64)
    assert plain is not None
    assert "ssp" not in plain.registers
