"""What the stacks of several threads agree on: built stacks."""

from __future__ import annotations

import gc
import struct
import weakref
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource
from bugcheck.stack.frame_sizes import OCCURRENCES, FrameSizes
from bugcheck.stack.stacks import thread_stacks
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from tests.stack.sources import NoSymbols, Pieces

APP, STACK, SIZE, APART = 0x7FF7_0000_0000, 0x10_0000, 0x400, 0x1_0000
WAIT, CALLER = APP + 0x1_2345, APP + 0x2_3457
MODULES = ModuleList((Module("app", "app.exe", "", APP, 0x10_0000, 0, 0),))


def stale(thread: int) -> int:
    return APP + 0x3_0003 + 0x1000 * thread


def program(threads: int) -> tuple[Pieces, FrameSizes]:
    """Threads that wait alike: the caller lies 0x90 above; leftovers of each thread's own lie nearer."""
    pieces: dict[int, bytes] = {}
    for thread in range(threads):
        stack = bytearray(SIZE)
        struct.pack_into("<Q", stack, 0x28, WAIT)
        struct.pack_into("<Q", stack, 0x28 + 0x30 + 0x10 * (thread % 4), stale(thread))
        struct.pack_into("<Q", stack, 0x28 + 0x90, CALLER)
        pieces[STACK + thread * APART] = bytes(stack)
    memory = Pieces(pieces)
    return memory, FrameSizes(memory, MODULES, [(start, start + SIZE) for start in pieces])


def callers(memory: Pieces, sizes: FrameSizes | None) -> list[int]:
    source = StackSource(memory, MODULES, NoSymbols(), (STACK, STACK + SIZE), frame_sizes=sizes)
    context = Context(Architecture.X64, "thread", {"rip": APP + 0x1111, "rsp": STACK})
    return [frame.ip for frame in walk(context, X64Unwinder(), source).frames[1:]]


def test_a_frame_has_one_size_on_all_stacks() -> None:
    memory, sizes = program(9)
    assert callers(memory, None) == [WAIT, stale(0), CALLER]
    assert callers(memory, sizes) == [WAIT, CALLER]


def test_agreement_is_counted_on_the_other_stacks() -> None:
    _, sizes = program(9)
    assert sizes.agreement(WAIT, STACK + 0x28, 0x90) == (8, 8)
    assert sizes.agreement(WAIT, STACK + 0x28, 0x30) == (2, 8)  # threads 4 and 8
    assert sizes.agreement(stale(3), STACK + 3 * APART + 0x88, 0x30) == (0, 0)  # nowhere else
    assert sizes.agreement(APP + 0x9999, STACK, 0x30) == (0, 0)


def test_one_thread_agrees_with_nobody() -> None:
    memory, sizes = program(1)
    assert callers(memory, sizes) == callers(memory, None)


def test_places_are_limited() -> None:
    _, sizes = program(OCCURRENCES + 9)
    assert sizes.agreement(WAIT, STACK + 0x28, 0x90) == (OCCURRENCES - 1, OCCURRENCES - 1)
    beyond = STACK + (OCCURRENCES + 5) * APART + 0x28
    assert sizes.agreement(WAIT, beyond, 0x90) == (OCCURRENCES, OCCURRENCES)


def test_a_stack_that_is_not_there_is_passed_over() -> None:
    sizes = FrameSizes(Pieces({}), MODULES, [(STACK, STACK + SIZE), (STACK + 8, STACK)])
    assert sizes.agreement(WAIT, STACK, 0x90) == (0, 0)
    assert FrameSizes(Pieces({}), ModuleList(()), []).agreement(WAIT, STACK, 0x90) == (0, 0)


@pytest.mark.corpus
def test_what_stacks_tell_goes_with_their_machine(corpus: Path) -> None:
    machine = Machine(read_dump(map_file(str(corpus / "user" / "radareorg__radare2-testbins__mdmp_calc.dmp"))))
    assert all(thread_stacks(machine, thread) for thread in machine.dump.threads)
    gone = weakref.ref(machine)
    del machine
    gc.collect()
    assert gone() is None
