"""Following x64 code to its return: epilogues of every kind, ways that lead nowhere, and code that makes no sense."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.module_image import ModuleImages
from bugcheck.stack.stacks import thread_stacks
from bugcheck.stack.x64_forward import step_forward
from tests.stack.sources import NoSymbols, Pieces

CODE, STACK = 0x1_4000_1000, 0x2000_0000
CALLER = CODE + 0x800
CALL = bytes.fromhex("e800000000")


def walked(code: str, words: dict[int, int], exact: bool = True, scan: bool = True, sp: int = STACK) -> Context | None:
    """Step from the code's first byte; `words` are stack words by their distance from the stack pointer."""
    stack = bytearray(0x400)
    for at, word in words.items():
        stack[sp - STACK + at : sp - STACK + at + 8] = pack("<Q", word)
    body = bytes.fromhex(code).ljust(0x800 - 5, b"\xcc") + CALL
    memory = Pieces({CODE: body.ljust(0x1000, b"\xcc"), STACK: bytes(stack)})
    module = Module("drv", "drv.sys", "drv.sys", CODE - 0x1000, 0x8000, 0, 0)
    source = StackSource(memory, ModuleList((module,)), NoSymbols(), None, scan)
    registers = {"rip": CODE, "rsp": sp, "rbp": STACK + 0x200, "rbx": 0x1111, "rsi": 0x2222}
    step = step_forward(Context(Architecture.X64, "test", registers), exact, ModuleImages(), source)
    assert step is None or step.trust is Trust.SCAN
    return step.caller if step is not None else None


@pytest.mark.parametrize(
    ("code", "words", "rsp", "kept"),
    [
        # mov eax,1; add rsp,28h; ret
        ("b801000000 4883c428 c3", {0x28: CALLER}, 0x30, {"rbx": 0x1111}),
        # add rsp,20h; pop rbx; ret
        ("4883c420 5b c3", {0x20: 0x7777, 0x28: CALLER}, 0x30, {"rbx": 0x7777, "rsi": 0x2222}),
        # lea r11,[rsp+60h]; mov rbx,[r11+18h]; mov rsi,[r11+20h]; mov rsp,r11; pop rdi; ret
        (
            "4c8d5c2460 498b5b18 498b7320 498be3 5f c3",
            {0x78: 0xB, 0x80: 0x51, 0x60: 0xD1, 0x68: CALLER},
            0x70,
            {"rbx": 0xB, "rsi": 0x51, "rdi": 0xD1},
        ),
        # call, test al,al; je +1; int3 behind the branch; add rsp,28h; ret
        ("e800000000 84c0 7401 cc 4883c428 c3", {0x28: CALLER}, 0x30, {}),
        # jmp over a trap to the epilogue
        ("eb02 0f0b 4883c428 c3", {0x28: CALLER}, 0x30, {}),
        # a prologue that has not run yet: push rbx; sub rsp,20h; mov rbx,rcx; add rsp,20h; pop rbx; ret
        ("4053 4883ec20 488bd9 4883c420 5b c3", {0x8: CALLER}, 0x10, {"rbx": 0x1111}),
        # tail call through the import table: add rsp,28h; jmp [rip+0]
        ("4883c428 48ff2500000000", {0x28: CALLER}, 0x30, {}),
        # lea rsp,[rbp-8]; pop rbx; pop rbp; ret (rbp is STACK + 200h)
        ("488d65f8 5b 5d c3", {0x1F8: 0xB, 0x200: 0xB9, 0x208: CALLER}, 0x210, {"rbx": 0xB, "rbp": 0xB9}),
        # mov ebx,1 forgets rbx, and nothing restores it
        ("bb01000000 4883c428 c3", {0x28: CALLER}, 0x30, {"rbx": None}),
    ],
)
def test_the_rest_of_a_function(code: str, words: dict[int, int], rsp: int, kept: dict[str, int | None]) -> None:
    # the prologue case enters with the stack pointer as a call leaves it: 8 below a multiple of 16
    entry = code.startswith("4053")
    caller = walked(code, {0: CALLER} if entry else words, sp=STACK + 8 if entry else STACK)
    assert caller is not None
    assert caller.registers["rip"] == CALLER
    assert caller.registers["rsp"] == STACK + rsp
    for name, value in kept.items():
        assert caller.registers.get(name) == value


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("e800000000 cc", {0x28: CALLER}),  # a call that does not return
        ("4883c420 c3", {0x20: CALLER}),  # no return address lies at a multiple of 16
        ("4883c428 c3", {0x28: CALLER + 3}),  # no call before it
        ("4883c428 c3", {0x28: STACK}),  # not in a module
        ("4883c428 c3", {}),
        ("ffe0", {0x28: CALLER}),  # jmp rax, a switch
        ("498be3 c3", {0x28: CALLER}),  # mov rsp,r11 with r11 not known
        ("ebfe", {0x28: CALLER}),  # jmp to itself
    ],
)
def test_ways_that_lead_nowhere(code: str, words: dict[int, int]) -> None:
    assert walked(code, words) is None


def test_a_return_address_needs_a_frame_to_have_called_from() -> None:
    assert walked("c3", {0: CALLER}, exact=False, sp=STACK + 8) is None
    assert walked("c3", {0: CALLER}, exact=True, sp=STACK + 8) is not None


def test_not_without_scanning() -> None:
    assert walked("4883c428 c3", {0x28: CALLER}, scan=False) is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 63), st.booleans())
def test_any_code_ends(code: bytes, slot: int, exact: bool) -> None:
    walked(code.hex(), {8 * slot: CALLER}, exact)


@pytest.mark.corpus
def test_a_real_stack_without_tables(corpus: Path) -> None:
    # sigsegv.cpp of LLVM's tests: crash, foo, main, mainCRTStartup.  The dump holds 256 bytes of code and no headers;
    # `add rsp,28h; ret` behind the fault (sigsegv.test lists it) says that foo's return address is at rsp+28h.
    path = corpus / "user/llvm__llvm-project__lldb_test_Shell_Minidump_Windows_Sigsegv_Inputs_sigsegv.dmp"
    machine = Machine(read_dump(map_file(str(path))))
    (stack,) = thread_stacks(machine, machine.dump.threads[0])
    assert [frame.name for frame in stack.frames] == [
        *("sigsegv+0x10d9", "sigsegv+0x1171", "sigsegv+0x105d", "sigsegv+0x1079"),
        *("kernel32+0x11fe4", "ntdll+0x6cb81"),
    ]
