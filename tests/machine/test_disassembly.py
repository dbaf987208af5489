"""Disassembly in WinDbg's writing, and what an instruction touches."""

from __future__ import annotations

import pytest

pytest.importorskip("capstone")

from bugcheck.dump.dump import Architecture
from bugcheck.machine import listing as listing_module
from bugcheck.machine.context import Context
from bugcheck.machine.disassembly import MemoryAccess, disassemble, memory_access

X86 = Context(Architecture.X86, "test", {"eax": 0x858B8B4C, "ecx": 0, "ebp": 0x2000, "esp": 0x1000})
X64 = Context(Architecture.X64, "test", {"rcx": 0x4000_0000, "rdx": 0x10, "rax": 1, "rsp": 0x1000})
ARM64 = Context(Architecture.ARM64, "test", {"x19": 0x10, "x1": 1, "sp": 0x1000, "fp": 0x2000})

CASES = [
    # story transcript: f535e785 894104 mov dword ptr [ecx+4],eax  ds:0023:00000004=????????
    (X86, "894104", "mov     dword ptr [ecx+4],eax", MemoryAccess("write", 4, 4)),
    (X86, "8b450c", "mov     eax,dword ptr [ebp+0Ch]", MemoryAccess("read", 0x200C, 4)),
    (X86, "ff7508", "push    dword ptr [ebp+8]", MemoryAccess("read", 0x2008, 4)),
    (X86, "c3", "ret", MemoryAccess("read", 0x1000, 4)),
    # truth.jsonl: mov dl,[rcx+10bh] in RTKVHD64, which touched 0x4000010b
    (X64, "8a910b010000", "mov     dl,byte ptr [rcx+10Bh]", MemoryAccess("read", 0x4000010B, 1)),
    (X64, "833a00", "cmp     dword ptr [rdx],0", MemoryAccess("read", 0x10, 4)),
    (X64, "f0830101", "lock add dword ptr [rcx],1", MemoryAccess("read_write", 0x40000000, 4)),
    (X64, "488d4108", "lea     rax,[rcx+8]", None),
    (X64, "65488b042588010000", "mov     rax,qword ptr gs:[188h]", MemoryAccess("read", 0x188, 8, "gs")),
    (ARM64, "610200f9", "str         x1,[x19]", MemoryAccess("write", 0x10, 0)),
    (ARM64, "fd7bbfa9", "stp         fp,lr,[sp,#-0x10]!", MemoryAccess("write", 0xFF0, 0)),
]


@pytest.mark.parametrize(("context", "code", "text", "access"), CASES, ids=[case[2] for case in CASES])
def test_instruction(context: Context, code: str, text: str, access: MemoryAccess | None) -> None:
    [instruction] = disassemble(bytes.fromhex(code), 0xF535E785, context.architecture)
    assert instruction.padded == text
    assert memory_access(instruction, context) == access


def test_rip_relative_operands_count_from_the_next_instruction() -> None:
    [instruction] = disassemble(bytes.fromhex("488b0d10000000"), 0x1000, Architecture.X64)
    assert memory_access(instruction, X64) == MemoryAccess("read", 0x1017, 8)


def test_a_missing_register_gives_no_address() -> None:
    [instruction] = disassemble(bytes.fromhex("8b03"), 0x1000, Architecture.X86)
    assert memory_access(instruction, X86) is None


def test_decoding_stops_at_bytes_that_are_no_instruction() -> None:
    assert len(list(disassemble(bytes.fromhex("90ffff90"), 0, Architecture.X64))) == 1


class Plain:
    """A machine of which only names and memory are asked."""

    architecture = Architecture.ARM64

    def describe(self, address: int) -> str | None:
        return "nt!KeBugCheckEx" if address == 0xFFFF_8000_0000_1100 else None


def test_arm64_lines_hold_words_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    # the form of Microsoft's disassembler: `97fac552 bl          nt!KeBugCheckEx (fffff803`f318f560)`
    code = bytes.fromhex("605244f9 3f000094 fd7bbfa9".replace(" ", ""))
    monkeypatch.setattr(listing_module, "code_bytes", lambda *_: (code, "memory"))
    lines = list(listing_module.listing(Plain(), 0xFFFF_8000_0000_1000, 3, None))  # type: ignore[arg-type]
    assert lines[1:] == [
        "ffff8000`00001000 f9445260 ldr         x0,[x19,#0x8A0]",
        "ffff8000`00001004 9400003f bl          nt!KeBugCheckEx (ffff8000`00001100)",
        "ffff8000`00001008 a9bf7bfd stp         fp,lr,[sp,#-0x10]!",
    ]
