"""Frames by the processor's own list of return addresses: built stacks, and a real dump that holds one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.shadow_stack import follow_shadow_stack
from bugcheck.stack.stacks import thread_stacks
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from tests.stack.sources import NoSymbols, Pieces

APP, STACK, SHADOW = 0x1_4000_0000, 0x10_0000, 0x20_0000
A, B = APP + 0x1234, APP + 0x2345
DUMP = "google__breakpad__tiny-exe-with-cet-xsave.dmp"


def source_of(words: dict[int, int], shadow: list[int], *, scan: bool = True) -> StackSource:
    stack = bytearray(0x400)
    for offset, word in words.items():
        struct.pack_into("<Q", stack, offset, word)
    memory = Pieces({STACK: bytes(stack), SHADOW: struct.pack(f"<{len(shadow)}Q", *shadow)})
    modules = ModuleList((Module("app", "app.exe", "", APP, 0x1_0000, 0, 0),))
    return StackSource(memory, modules, NoSymbols(), (STACK, STACK + 0x400), scan)


def context(**more: int) -> Context:
    return Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK, "ssp": SHADOW, **more})


def test_frames_lie_where_the_ordinary_stack_has_the_shadows_words() -> None:
    source = source_of({0x18: APP + 0x999, 0x48: A, 0x90: B, 0x98: B}, [A, B], scan=False)
    frames = walk(context(), X64Unwinder(), source).frames
    assert [(frame.ip, frame.trust, frame.frame_address) for frame in frames] == [
        (APP + 0x1111, Trust.CONTEXT, STACK),
        (A, Trust.SHADOW_STACK, STACK + 0x50),
        (B, Trust.SHADOW_STACK, STACK + 0xA0),  # at 0x98: the one at 0x90 is not where return addresses lie
    ]


def test_a_step_that_the_shadow_confirms_keeps_its_registers() -> None:
    natural = Step(
        Context(Architecture.X64, "unwound", {"rip": A, "rsp": STACK + 0x50, "rbx": 7}), Trust.UNWIND_INFO, STACK
    )
    step = follow_shadow_stack(context(), natural, source_of({0x48: A}, [A, B]))
    assert step is not None
    assert step.trust is Trust.UNWIND_INFO
    assert step.caller.registers == {"rip": A, "rsp": STACK + 0x50, "rbx": 7, "ssp": SHADOW + 8}


def test_an_overwritten_return_address_is_told_from_the_shadow() -> None:
    wild = Step(
        Context(Architecture.X64, "unwound", {"rip": 0x4141414141, "rsp": STACK + 0x50}), Trust.UNWIND_INFO, STACK
    )
    step = follow_shadow_stack(context(), wild, source_of({0x48: 0x4141414141}, [A, B]))
    assert step is not None
    assert step.trust is Trust.SHADOW_STACK
    assert step.caller.registers == {"rip": A, "rsp": STACK + 0x50, "ssp": SHADOW + 8}


def test_without_a_shadow_stack_nothing_changes() -> None:
    natural = Step(Context(Architecture.X64, "unwound", {"rip": A, "rsp": STACK + 0x50}), Trust.UNWIND_INFO, STACK)
    source = source_of({0x48: A}, [0, B])
    assert follow_shadow_stack(context(), natural, source) is natural  # its top is 0
    assert follow_shadow_stack(context(ssp=0x9999_0000), natural, source) is natural  # not in the dump
    assert follow_shadow_stack(Context(Architecture.X64, "", {"rsp": STACK}), None, source) is None
    trap = Step(Context(Architecture.X64, "trap", {"rip": B, "rsp": STACK + 0x80}), Trust.TRAP_FRAME, STACK)
    assert follow_shadow_stack(context(), trap, source_of({}, [A])) is trap


@pytest.mark.corpus
def test_a_real_dump_with_a_shadow_stack(corpus: Path) -> None:
    # The shadow stack's seven words up to its page's end, read by hand at the context's SSP, 0xcbc83fefc8.
    machine = Machine(read_dump(map_file(str(corpus / "user" / DUMP))))
    (stack,) = thread_stacks(machine, machine.dump.threads[0], scan=False)
    assert [frame.name for frame in stack.frames] == [
        "ntdll+0xa39e4",
        "ntdll+0x5b4c3",
        "KERNELBASE+0x4b281",
        "tiny+0x9b8ca",
        "tiny+0x1b0ed",
        "tiny+0x59068",
        "KERNEL32+0x154e0",
        "ntdll+0x485b",
    ]
    assert {frame.trust for frame in stack.frames[2:]} == {Trust.SHADOW_STACK}
