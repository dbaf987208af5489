"""pool_damage: freed blocks in use, broken chains and the block before.

Source: POOL_HEADER of x86 (8-byte units; PreviousSize bits 0 to 8, BlockSize 16 to 24, PoolType 25 to 31).
"""

from __future__ import annotations

import struct
from dataclasses import replace

from bugcheck import synth
from bugcheck.findings.findings import Category, Crash
from bugcheck.synth import DumpKind
from tests.crashes import crash_of, empty_crash, with_registers, x64_crash
from tests.findings.rules.speaking import said

MACHINE = synth.x86_machine()
PAGE = 0x8640_0000
TYPE_IN_USE = 5


def block(size: int, previous: int, tag: bytes, *, free: bool = False) -> bytes:
    kind = 0 if free else TYPE_IN_USE
    head = struct.pack("<I4s", previous // 8 | (size // 8) << 16 | kind << 25, tag)
    return head + bytes(size - 8)


def crash_pointing(page: bytes, at: int) -> Crash:
    """A Windows 2003 that stopped with ecx in this pool page."""
    driver = MACHINE.modules[2].base + 0x1020
    check = replace(MACHINE.bugcheck, code=0x8E, parameters=(0xC000_0005, driver, 0, 0))
    machine = replace(MACHINE, bugcheck=check, exception=None, memory={**MACHINE.memory, PAGE: page})
    return crash_of(with_registers(machine, eip=driver, ecx=at), DumpKind.FULL)


def test_a_freed_block_in_use_is_told() -> None:
    page = block(0x40, 0, b"Aaaa") + block(0x80, 0x40, b"Bbbb", free=True) + block(0xF40, 0x80, b"Cccc")
    [finding] = said(crash_pointing(page, PAGE + 0x48), "pool_damage")
    assert "ecx (0x86400048) points into a pool block that is free: 0x80 bytes, last used with the tag 'Bbbb'" in (
        finding.statement
    )
    assert finding.weight == 0


def test_a_broken_chain_names_the_block_before() -> None:
    page = block(0x40, 0, b"Aaaa") + block(0x80, 0x40, b"Bbbb") + (b"AAAA" * 0x3D0)
    [finding] = said(crash_pointing(page, PAGE + 0x48), "pool_damage")
    assert "the chain of pool blocks breaks at 0x864000c0" in finding.statement
    assert "the block before it has the tag 'Bbbb'" in finding.statement
    assert (finding.category, finding.module) == (Category.CORRUPTION, None)
    assert finding.weight <= 0.2


def test_a_sound_page_and_a_page_that_is_no_pool_say_nothing() -> None:
    page = block(0x40, 0, b"Aaaa") + block(0x80, 0x40, b"Bbbb") + block(0xF40, 0x80, b"Cccc")
    assert said(crash_pointing(page, PAGE + 0x48), "pool_damage") == []
    assert said(crash_pointing(b"\x11" * 0x1000, PAGE + 0x48), "pool_damage") == []


def test_segment_heaps_have_no_chain() -> None:
    assert said(x64_crash(0xD1, PAGE, 2, 0, 0), "pool_damage") == []


def test_it_survives_an_empty_dump() -> None:
    assert said(empty_crash(), "pool_damage") == []
