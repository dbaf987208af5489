"""The likeliest chain of an x64 user stack: what speaks for a word, and how much of real stacks it finds."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.executable_memory import ExecutableMemory
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.records import replace
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.stacks import stack_from, thread_stacks
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from tests.stack.sources import NoSymbols, Pieces

APP, KERNEL32, NTDLL, STACK, SIZE = 0x7FF7_0000_0000, 0x7FF8_0100_0000, 0x7FF8_0200_0000, 0x10_0000, 0x1000
A, B, C = APP + 0x1_2345, APP + 0x2_3457, APP + 0x3_4569
POINTER = APP + 0x4_5670


def source_of(words: dict[int, int], *, scan: bool = True, base: int = STACK) -> StackSource:
    stack = bytearray(SIZE)
    for offset, word in words.items():
        struct.pack_into("<Q", stack, offset, word)
    modules = ModuleList(
        tuple(Module(name, f"{name}.dll", "", at, 0x10_0000, 0, 0)
              for name, at in (("app", APP), ("kernel32", KERNEL32), ("ntdll", NTDLL)))
    )  # fmt: skip
    return StackSource(Pieces({base: bytes(stack)}), modules, NoSymbols(), (base, base + SIZE), scan)


def callers(words: dict[int, int], **more: bool) -> list[int]:
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    return [frame.ip for frame in walk(context, X64Unwinder(), source_of(words, **more)).frames[1:]]


def test_return_addresses_lie_where_calls_put_them() -> None:
    assert callers({0x28: A, 0x58: B, 0xA8: C}) == [A, B, C]
    assert callers({0x20: A, 0x50: B}) == []  # at multiples of 16
    assert callers({0x28: A, 0x48: B}) == [A]  # too near: the callee's own four words lie between


def test_pointers_to_functions_and_data_are_passed_over() -> None:
    assert callers({0x28: POINTER, 0x48: A}) == [A]
    assert callers({0x28: APP + 0x800, 0x98: A}) == [A]  # the image's headers
    assert callers({0x28: APP + 0xE_2345, 0x48: A}) == [A]  # the image's end


def test_copies_are_passed_over() -> None:
    assert callers({0x28: B, 0x58: A, 0x88: B, 0x90: B}) == [A]


def test_the_threads_beginning_ends_the_chain() -> None:
    words = {0x28: A, 0x108: KERNEL32 + 0x1_54E1, 0x138: NTDLL + 0x485B, 0x168: NTDLL + 0x2_3457}
    assert callers(words) == [A, KERNEL32 + 0x1_54E1, NTDLL + 0x485B]


def test_far_words_are_not_believed() -> None:
    assert callers({0xE08: A}) == [A]
    stack = source_of({0x28: A})
    wide = StackSource(Pieces({STACK: bytes(0x3000) + struct.pack("<QQ", 0, A)}), stack.modules, NoSymbols(),
                       (STACK, STACK + 0x3010))  # fmt: skip
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    assert len(walk(context, X64Unwinder(), wide).frames) == 1


def test_frames_are_marked_as_scanned_and_can_be_left_out() -> None:
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    frames = walk(context, X64Unwinder(), source_of({0x28: A, 0x58: B})).frames
    assert [frame.trust for frame in frames] == [Trust.CONTEXT, Trust.SCAN, Trust.SCAN]
    assert [frame.warning for frame in frames] == [UNWINDING_WARNING, "", ""]
    assert callers({0x28: A, 0x58: B}, scan=False) == []


def test_kernel_stacks_are_not_searched_so() -> None:
    base = 0xFFFF_F880_0000_0000
    context = Context(Architecture.X64, "processor", {"rip": APP + 0x1111, "rsp": base})
    assert len(walk(context, X64Unwinder(), source_of({0x28: A}, base=base)).frames) == 1


@pytest.mark.corpus
def test_a_real_stack_is_found_without_its_shadow(corpus: Path) -> None:
    # The dump's shadow stack is the source (test_shadow_stack.py); minidump_stackwalk lists its 8 frames and 20 others.
    machine = Machine(read_dump(map_file(str(corpus / "user" / "google__breakpad__tiny-exe-with-cet-xsave.dmp"))))
    (true,) = thread_stacks(machine, machine.dump.threads[0])
    registers = {name: value for name, value in true.context.registers.items() if name != "ssp"}
    bare = Context(Architecture.X64, "thread", registers)
    found = [frame.ip for frame in stack_from(machine, bare, "thread").frames]
    wanted = [frame.ip for frame in true.frames]
    hits = [ip for ip in found if ip in wanted]
    assert hits == sorted(hits, key=wanted.index)
    assert len(hits) >= len(wanted) - 1
    assert len(found) - len(hits) <= 4


@pytest.mark.corpus
def test_a_real_stack_of_a_small_program(corpus: Path) -> None:
    # Its code: +0x1079 returns behind a call of main's thunk; +0x105d lies before main's `add rsp, 28h; ret` at
    # +0x105f; +0x1171 lies in the function at +0x1100, which calls the one of +0x10d9.  The debugger engine, without
    # unwind data, takes the words one by one; minidump_stackwalk lists these six and six false ones.
    file = "llvm__llvm-project__lldb_test_Shell_Minidump_Windows_Sigsegv_Inputs_sigsegv.dmp"
    machine = Machine(read_dump(map_file(str(corpus / "user" / file))))
    (stack,) = thread_stacks(machine, machine.dump.threads[0])
    names = [
        "sigsegv+0x10d9",
        "sigsegv+0x1171",
        "sigsegv+0x105d",
        "sigsegv+0x1079",
        "kernel32+0x11fe4",
        "ntdll+0x6cb81",
    ]
    assert [frame.name for frame in stack.frames] == names
    assert stack.ending == "end of stack"


def test_a_stack_full_of_return_addresses_is_walked_in_time() -> None:
    size = 0x8_0000
    words = [word for n in range(size // 16) for word in (0, APP + 0x1_0003 + n * 7919 % 0x8_0000)]
    modules = ModuleList((Module("app", "app.exe", "", APP, 0x10_0000, 0, 0),))
    stack = Pieces({STACK: struct.pack(f"<{len(words)}Q", *words)})
    source = StackSource(stack, modules, NoSymbols(), (STACK, STACK + size))
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    started = time.process_time()
    frames = walk(context, X64Unwinder(), source).frames
    assert len(frames) > 100
    assert time.process_time() - started < 5  # half a second on an idle machine


def test_the_dumps_map_tells_code_from_data_and_finds_code_made_at_run_time() -> None:
    made_at_run_time = 0x200_0000_0000
    words = {0x28: A, 0x58: B, 0xA8: made_at_run_time + 0x123, 0xE8: C}
    everything = replace(source_of(words), executable=ExecutableMemory([(0, 1 << 47, True)]))
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    assert [frame.ip for frame in walk(context, X64Unwinder(), everything).frames[1:]] == [
        A,
        B,
        made_at_run_time + 0x123,
        C,
    ]
    regions = [(APP, B & -0x1000, True), (B & -0x1000, (B & -0x1000) + 0x1000, False), (C & -0x1000, C + 0x1000, True)]
    some = replace(source_of(words), executable=ExecutableMemory(regions))
    assert [frame.ip for frame in walk(context, X64Unwinder(), some).frames[1:]] == [A, C]  # B lies in data
