"""Stacks of any thread of a kernel dump: running, switched away, of another process, and threads without a stack.

Expected: the machine's description, from which the dump is built (bugcheck.synth); KSWITCH_FRAME of public symbols.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from struct import pack

import pytest

from bugcheck.binary import BinaryView
from bugcheck.dump.open import read_dump
from bugcheck.errors import UsageError
from bugcheck.machine.machine import Machine
from bugcheck.machine.user_modules import read_user_modules
from bugcheck.stack.stacks import threads_named
from bugcheck.synth import DumpKind, MachineDescription, build_machine, kernel_dump_of, x64_machine, x86_machine
from tests.machine.flat_memory import FlatMemory

CODE = b"\xe8\x00\x00\x00\x00" + b"\x48\x83\xc4\x28\xc3".ljust(0x3B, b"\xcc")
"""call; add rsp,28h; ret: KiSwapContext's end stands in for it."""


def with_switch_frames(description: MachineDescription) -> MachineDescription:
    """Put a switch frame on the stack of System's second thread; nt's code is a call and an epilogue."""
    nt = description.modules[0]
    target = nt.base + 0x1000 + 5
    stack = description.processes[0].threads[1].kernel_stack
    if description.architecture.is_64bit:
        frame = pack("<8Q", 0, 0, 0, 0, 0, 0, 0x1234, target) + pack("<6Q", 0, 0, 0, 0, 0, target)
    else:
        frame = pack("<8I", 0, 0, target, 0xEB, 0xED, 0xE5, 0xEB0, target)
    modules = (replace(nt, code=CODE), *description.modules[1:])
    return replace(description, modules=modules, memory={**description.memory, stack: frame})


@cache
def machine_of(kind: DumpKind, wide: bool) -> Machine:
    description = with_switch_frames(x64_machine() if wide else x86_machine())
    return Machine(read_dump(BinaryView(kernel_dump_of(build_machine(description), kind), "synthetic")))


def test_a_switched_out_thread_goes_on_where_its_switch_frame_says() -> None:
    machine = machine_of(DumpKind.FULL, True)
    (stack,) = threads_named(machine, "12")
    assert stack.title == f"thread 12 at {machine.find_threads(12)[0].address:#x} of System (4), waiting"
    assert [frame.name for frame in stack.frames] == ["nt+0x1005", "nt+0x1005"]
    kernel_stack = x64_machine().processes[0].threads[1].kernel_stack
    assert stack.context.registers == {"rip": stack.frames[0].ip, "rsp": kernel_stack + 0x40, "rbp": 0x1234}


def test_a_thread_is_found_by_its_address_too() -> None:
    machine = machine_of(DumpKind.FULL, True)
    (thread,) = machine.find_threads(12)
    assert threads_named(machine, f"{thread.address:#x}") == threads_named(machine, "0xc")


def test_x86_registers_stand_behind_the_switch_frame() -> None:
    machine = machine_of(DumpKind.FULL, False)
    (stack,) = threads_named(machine, "12")
    registers = stack.context.registers
    assert [registers[name] for name in ("ebp", "edi", "esi", "ebx")] == [0xEB, 0xED, 0xE5, 0xEB0]
    assert stack.frames[0].name == "nt+0x1005"


def test_the_running_thread_has_its_processors_registers() -> None:
    machine = machine_of(DumpKind.FULL, True)
    assert machine.thread is not None
    (stack,) = threads_named(machine, str(machine.thread.id))
    assert stack.context == machine.processors[0].context


def test_all_threads_are_those_whose_stacks_are_there() -> None:
    machine = machine_of(DumpKind.FULL, True)
    titles = [stack.title.partition(" at")[0] for stack in threads_named(machine, "all")]
    assert titles == ["thread 8", "thread 2208", "thread 12"]  # two run, one has a switch frame; 2212 has none


def test_a_thread_without_a_stack_and_one_that_is_not_there_are_told() -> None:
    machine = machine_of(DumpKind.FULL, True)
    with pytest.raises(UsageError, match=r"2212.*switched away"):
        threads_named(machine, "2212")
    with pytest.raises(UsageError, match="no thread 4711"):
        threads_named(machine, "4711")
    with pytest.raises(UsageError):
        threads_named(machine, "none")


def test_a_thread_sees_its_own_process() -> None:
    machine = machine_of(DumpKind.FULL, True)
    process = x64_machine().processes[1]
    address = next(iter(process.user_memory))
    (thread,) = machine.find_threads(2208)
    assert machine.memory.try_read(address, 2) is None
    assert machine.memory_of(thread).read(address, 2) == b"MZ"


@pytest.mark.parametrize("kind", [DumpKind.TRIAGE_FULL_PATHS, DumpKind.BITMAP_KERNEL])
def test_other_dumps_answer_for_what_they_hold(kind: DumpKind) -> None:
    machine = machine_of(kind, True)
    assert machine.thread is not None
    (stack,) = threads_named(machine, str(machine.thread.id))
    assert stack.frames
    assert threads_named(machine, "all")


@pytest.mark.parametrize("width", [4, 8])
def test_modules_of_the_user_half(width: int) -> None:
    peb, data, head, first, second = 0x1000, 0x2000, 0x2010 if width == 8 else 0x200C, 0x3000, 0x3200
    memory = FlatMemory({peb: bytes(0x1000), data: bytes(0x1000), first: bytes(0x1000)}, pointer_size=width)
    form = "Q" if width == 8 else "I"
    memory.put(peb + (0x18 if width == 8 else 0x0C), form, data)
    names = {first: (0x40_0000, "app.exe"), second: (0x7FF0_0000, "ntdll.dll")}
    memory.put(head, form, first)
    memory.put(first, form, second)
    memory.put(second, form, head)
    for entry, (base, name) in names.items():
        text = entry + 0x100
        memory.put(entry + (0x30 if width == 8 else 0x18), form, base)
        memory.put(entry + (0x40 if width == 8 else 0x20), "I", 0x5000)
        memory.put(entry + (0x58 if width == 8 else 0x2C), "HH", 2 * len(name), 2 * len(name))
        memory.put(entry + (0x60 if width == 8 else 0x30), form, text)
        raw = name.encode("utf-16-le")
        memory.put(text, f"{len(raw)}B", *raw)
    dump = machine_of(DumpKind.FULL, True).dump
    found = read_user_modules(peb, dump, memory)
    assert [(each.name, each.base, each.size) for each in found] == [
        ("app", 0x40_0000, 0x5000),
        ("ntdll", 0x7FF0_0000, 0x5000),
    ]
