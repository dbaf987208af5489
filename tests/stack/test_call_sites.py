"""Call instructions before a return address, against the instruction set manuals and clang's encodings."""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.stack.call_sites import calls_before, is_call_before
from tests.stack.sources import Pieces

BASE = 0x1000

# Source: llvm-mc 14 (`llvm-mc -triple=x86_64 -disassemble` reads the bytes so; it prints bnd as repne)
X64_CALLS = {
    "callq 0x1234": "e8 34 12 00 00",
    "callq *%rax": "ff d0",
    "callq *%r11": "41 ff d3",
    "callq *(%rax)": "ff 10",
    "callq *8(%rax)": "ff 50 08",
    "callq *0x1000(%rax)": "ff 90 00 10 00 00",
    "callq *0x2000(%rip)": "ff 15 00 20 00 00",
    "callq *(%rsp)": "ff 14 24",
    "callq *8(%rsp)": "ff 54 24 08",
    "callq *0x100(%rsp)": "ff 94 24 00 01 00 00",
    "callq *(%rax,%rcx,8)": "ff 14 c8",
    "callq *0x10(,%rcx,8)": "ff 14 cd 10 00 00 00",
    "callq *0x40(%r12)": "41 ff 54 24 40",
    "callq *%gs:0x30": "65 ff 14 25 30 00 00 00",
    "bnd callq *%rax": "f2 ff d0",
}
NO_CALLS = {
    "jmpq *%rax": "ff e0",
    "pushq (%rax)": "ff 30",
    "incl %eax": "ff c0",
    "lcall *(%rax)": "ff 18",
    "jmp 0x1234": "e9 34 12 00 00",
    "nop": "90",
}


@pytest.mark.parametrize("code", X64_CALLS.values(), ids=X64_CALLS)
@pytest.mark.parametrize("architecture", [Architecture.X64, Architecture.X86])
def test_every_form_of_call_is_seen(code: str, architecture: Architecture) -> None:
    data = b"\x90" * 8 + bytes.fromhex(code)
    memory = Pieces({BASE: data}, architecture.pointer_size)
    assert is_call_before(memory, BASE + len(data), architecture) is True


@pytest.mark.parametrize("code", NO_CALLS.values(), ids=NO_CALLS)
def test_other_instructions_are_no_calls(code: str) -> None:
    data = b"\x90" * 8 + bytes.fromhex(code)
    assert is_call_before(Pieces({BASE: data}), BASE + len(data), Architecture.X64) is False


def test_direct_target_wraps_with_the_address_width() -> None:
    data = b"\x90" * 3 + bytes.fromhex("e8 00 f0 ff ff")
    wide = calls_before(Pieces({BASE: data}), BASE + 8, Architecture.X64)
    narrow = calls_before(Pieces({BASE: data}, 4), BASE + 8, Architecture.X86)
    assert wide is not None
    assert narrow is not None
    assert [call.target for call in wide if call.length == 5] == [8]
    assert [call.target for call in narrow if call.length == 5] == [8]


def test_missing_code_is_no_answer() -> None:
    memory = Pieces({BASE: b"\x90" * 8})
    assert is_call_before(memory, 0x9000, Architecture.X64) is None
    assert is_call_before(memory, BASE + 3, Architecture.X64) is None  # three bytes prove nothing
    assert is_call_before(memory, 0, Architecture.X64) is None
    assert is_call_before(Pieces({BASE: bytes.fromhex("ff d0")}), BASE + 2, Architecture.X64) is True


# Source: llvm-mc 14, -triple=aarch64 (bl 0x40 at the address; blr x8; blraa x8, x9; blraaz x8) and ret, b
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x94000010, True),
        (0x97FFFFF0, True),
        (0xD63F0100, True),
        (0xD73F0909, True),
        (0xD63F091F, True),
        (0xD65F03C0, False),
        (0x14000010, False),
        (0xD61F0100, False),
    ],
)
def test_arm64_calls(word: int, expected: bool) -> None:
    memory = Pieces({BASE: word.to_bytes(4, "little")})
    assert is_call_before(memory, BASE + 4, Architecture.ARM64) is expected


def test_arm64_target_and_alignment() -> None:
    memory = Pieces({BASE: (0x97FFFFF0).to_bytes(4, "little")})
    calls = calls_before(memory, BASE + 4, Architecture.ARM64)
    assert calls is not None
    assert calls[0].target == BASE - 0x40
    assert is_call_before(memory, BASE + 5, Architecture.ARM64) is False


# Source: llvm-mc 14, -triple=thumbv7 (bl #0x100; blx #0x100; blx r3) and b.w, bx lr
@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("00 f0 80 f8", BASE + 4 + 0x100),
        ("00 f0 80 e8", BASE + 4 + 0x100),
        ("00 bf 98 47", None),
        ("ff f7 fe ff", BASE),
    ],
)
def test_thumb_calls(code: str, target: int | None) -> None:
    calls = calls_before(Pieces({BASE: bytes.fromhex(code)}, 4), BASE + 5, Architecture.ARM32)
    assert calls is not None
    assert [call.target for call in calls] == [target]


@pytest.mark.parametrize("code", ["00 f0 80 b8", "00 bf 70 47"])
def test_thumb_branches_are_no_calls(code: str) -> None:
    assert is_call_before(Pieces({BASE: bytes.fromhex(code)}, 4), BASE + 5, Architecture.ARM32) is False
