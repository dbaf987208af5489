"""The outermost two frames of x64 threads, where nothing describes what lies between: built stacks and real dumps."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.module_image import ModuleImages
from bugcheck.stack.stacks import thread_stacks
from bugcheck.stack.thread_start import thread_start_step
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from bugcheck.stack.x86 import X86Unwinder
from tests.stack.sources import NoSymbols, Pieces

APP, KERNEL32, NTDLL, STACK = 0x1_4000_0000, 0x7FF8_0100_0000, 0x7FF8_0200_0000, 0x10_0000
INSIDE, THUNK, START = APP + 0x1234, KERNEL32 + 0x154E0, NTDLL + 0x485B


def module(name: str, base: int) -> Module:
    return Module(name, f"{name}.dll", "", base, 0x10_0000, 0, 0)


def source_of(words: dict[int, int], size: int = 0x800, scan: bool = True) -> StackSource:
    """A stack with these words at these offsets; no code of any module."""
    stack = bytearray(size)
    for offset, word in words.items():
        struct.pack_into("<Q", stack, offset, word)
    modules = ModuleList((module("app", APP), module("kernel32", KERNEL32), module("ntdll", NTDLL)))
    return StackSource(Pieces({STACK: bytes(stack)}), modules, NoSymbols(), (STACK, STACK + size), scan)


def test_the_pair_nearest_the_stacks_base_is_where_the_thread_began() -> None:
    stale = {0x100: KERNEL32 + 0x999, 0x130: NTDLL + 0x888}  # not where return addresses lie
    source = source_of({**stale, 0x608: THUNK, 0x638: START, 0x668: NTDLL + 0x777})
    context = Context(Architecture.X64, "thread", {"rip": INSIDE, "rsp": STACK + 0x10})
    stack = walk(context, X64Unwinder(), source)
    assert all(frame.trust is Trust.SCAN for frame in stack.frames[1:])
    assert [frame.name for frame in stack.frames] == ["app+0x1234", "kernel32+0x154e0", "ntdll+0x485b"]
    assert stack.ending == "end of stack"  # nothing called a thread's first function


@pytest.mark.parametrize("words", [{0x600: THUNK, 0x628: START}, {0x600: START, 0x630: THUNK}, {0x600: THUNK}, {}])
def test_nothing_else_is_a_threads_beginning(words: dict[int, int]) -> None:
    context = Context(Architecture.X64, "thread", {"rip": INSIDE, "rsp": STACK + 0x10})
    assert thread_start_step(context, ModuleImages(), source_of(words)) is None


def test_a_stack_that_is_not_to_be_scanned_is_left_alone() -> None:
    source = source_of({0x600: THUNK, 0x630: START}, scan=False)
    context = Context(Architecture.X64, "thread", {"rip": INSIDE, "rsp": STACK})
    assert thread_start_step(context, ModuleImages(), source) is None
    elsewhere = Context(Architecture.X64, "thread", {"rip": INSIDE, "rsp": STACK + 0x10000})
    assert thread_start_step(elsewhere, ModuleImages(), source_of({0x600: THUNK, 0x630: START})) is None


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "ends"),
    [
        ("google__breakpad__tiny-exe-with-cet-xsave.dmp", ["kernel32+0x154e0", "ntdll+0x485b"]),
        ("llvm__llvm-project__lldb_test_Shell_Minidump_Windows_Sigsegv_Inputs_sigsegv.dmp",
         ["kernel32+0x11fe4", "ntdll+0x6cb81"]),
        ("radareorg__radare2-testbins__mdmp_calc.dmp", ["kernel32+0x159cd", "ntdll+0x2a2e1"]),
        ("rust-minidump__rust-minidump__invalid-parameter.dmp", ["kernel32+0x13034", "ntdll+0x71461"]),
    ],
)  # fmt: skip
def test_threads_of_real_dumps_begin_alike(corpus: Path, file: str, ends: list[str]) -> None:
    # All threads of a process have the same two words 0x30 bytes apart next to their stack's base, read by hand.
    machine = Machine(read_dump(map_file(str(corpus / "user" / file))))
    stacks = [stack for thread in machine.dump.threads for stack in thread_stacks(machine, thread)]
    whole = [[frame.name.lower() for frame in stack.frames][-2:] for stack in stacks]
    assert whole
    assert whole.count(ends) >= len(whole) - 1, whole


@pytest.mark.corpus
def test_the_crash_stack_of_thread_name_list_equals_engine_and_breakpad(corpus: Path) -> None:
    # expected/dbgeng_user.jsonl, ecxr_k; minidump_stackwalk lists the same four of its crashed thread
    machine = Machine(read_dump(map_file(str(corpus / "user" / "google__breakpad__thread_name_list.dmp"))))
    rows = [json.loads(line) for line in (corpus / "expected" / "dbgeng_user.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["file"] == "google__breakpad__thread_name_list.dmp")
    context = machine.fault_context
    assert context is not None
    frames = walk(context, X86Unwinder(), StackSource(machine.memory, machine.modules, NoSymbols())).frames
    chain = [[f"{frame.frame_address:08x}", f"{frame.return_address:08x}", frame.name] for frame in frames]
    assert chain == row["ecxr_k"]
    assert [frame.name for frame in frames] == [
        "allocer32+0x15fd",
        "kernel32+0x20419",
        "ntdll+0x666dd",
        "ntdll+0x666ad",
    ]
