"""KDBG, plain and encoded.

Source of the encoding: qemu contrib/elf2dmp; the encoder here is written from that description, the reader knows no
key.
"""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from bugcheck.machine.debugger_data import ADDRESSES, decode

MASK = (1 << 64) - 1
words = st.integers(0, MASK)


def _block(module_list: int, process_head: int, filling: list[int]) -> bytes:
    clear = (filling * 100)[:0x6C]
    clear[2] = int.from_bytes(b"KDBG" + (0x360).to_bytes(4, "little"), "little")
    clear[ADDRESSES["loaded_module_list"] // 8] = module_list
    clear[ADDRESSES["active_process_head"] // 8] = process_head
    return struct.pack(f"<{len(clear)}Q", *clear)


def _encode(block: bytes, never: int, always: int, flag_address: int) -> bytes:
    rotation = never & 63
    encoded: list[int] = []
    for (word,) in struct.iter_unpack("<Q", block):
        swapped = int.from_bytes((word ^ always).to_bytes(8, "little"), "big") ^ flag_address
        encoded.append(((swapped >> rotation | swapped << (64 - rotation)) & MASK) ^ never)
    return struct.pack(f"<{len(encoded)}Q", *encoded)


@given(words, words, words, st.lists(words, min_size=1, max_size=20))
def test_two_known_words_undo_any_key(never: int, always: int, flag: int, filling: list[int]) -> None:
    module_list, process_head = 0xFFFFF8047C62A790, 0xFFFFF8047C61E1E0
    block = _block(module_list, process_head, filling)
    assert decode(_encode(block, never, always, flag), module_list, process_head, MASK) == block


@given(st.binary(min_size=0x298, max_size=0x400))
def test_noise_is_no_debugger_data(noise: bytes) -> None:
    assert decode(noise, 0xFFFFF8047C62A790, 0xFFFFF8047C61E1E0, MASK) is None


def test_sign_extended_words_of_32_bit_machines_are_understood() -> None:
    block = _block(0xFFFF_FFFF_8094_2410, 0xFFFF_FFFF_8094_2418, [7])
    assert decode(_encode(block, 1234567, 99, 0x80900000), 0x80942410, 0x80942418, 0xFFFF_FFFF) == block
