"""Rules that follow a parameter into the dump: pool blocks, processors, requests, registers, queues, processes.

Source of expected values: POOL_HEADER (dt nt!_POOL_HEADER), CONTEXT and EXCEPTION_RECORD of winnt.h, IRP and KDPC of
wdm.h, the bug check reference for what each parameter is.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bugcheck.findings.findings import Category, Crash
from tests.findings.bugchecks.builders import (
    AT,
    FLAKY,
    IN_DISK,
    IN_FLAKY,
    IN_NT,
    MACHINE,
    accused,
    crash_with,
    device_stack,
    findings,
    power_irp,
    stack_of,
    statements,
)

PRCB = crash_with(0x101).machine.processors[0].prcb
THREAD = MACHINE.processes[0].threads[0]
IRP = AT + 0x8000


def pool_block(tag: bytes, size: int, *, free: bool = False) -> bytes:
    """A POOL_HEADER of 64-bit Windows and the block's body."""
    return struct.pack("<BBBB4sQ", 0, 0, size // 16, 0 if free else 2, tag, 0).ljust(size, b"\xaa")


def exception_record(code: int, address: int) -> bytes:
    """An EXCEPTION_RECORD64."""
    return struct.pack("<IIQQII15Q", code, 0, 0, address, 0, 0, *[0] * 15)


def context_record(rip: int, rsp: int) -> bytes:
    """A CONTEXT of x64 with control and integer registers."""
    raw = bytearray(0x4D0)
    struct.pack_into("<I", raw, 0x30, 0x10_000B)
    struct.pack_into("<HHHHHH", raw, 0x38, 0x10, 0x2B, 0x2B, 0x53, 0x2B, 0x18)
    struct.pack_into("<Q", raw, 0x98, rsp)
    struct.pack_into("<Q", raw, 0xF8, rip)
    return bytes(raw)


@pytest.mark.parametrize("code", [0x19, 0xC2])
def test_the_block_of_a_bad_header_is_described(code: int) -> None:
    kind = 0x20 if code == 0x19 else 7
    place = {0x19: (kind, AT + 0x10, 0, 0), 0xC2: (kind, 0, 0, AT + 0x10)}[code]
    said = statements(crash_with(code, *place, memory={AT: pool_block(b"Flky", 0x40)}))
    assert f"the block at {AT:#x} has the tag 'Flky', 0x40 bytes, in use" in said
    assert "has the tag" not in statements(crash_with(code, *place, memory={AT: bytes(0x40)}))


def test_pool_that_describes_pages_is_described() -> None:
    said = statements(crash_with(0xDE, AT + 0x10, memory={AT: pool_block(b"MmXx", 0x80)}))
    assert "parameter 1 leads to a pool block tagged 'MmXx', 0x80 bytes" in said


def test_what_the_hung_processor_was_running() -> None:
    crash = crash_with(0x101, 0x30, 0, PRCB, 0, stack=stack_of(IN_NT, IN_FLAKY, IN_FLAKY + 8, IN_FLAKY + 16, IN_NT))
    assert "processor 0 was at nt+0x1010" in statements(crash)
    assert accused(crash) == ["flaky"]
    quiet = crash_with(0x101, 0x30, 0, PRCB, 0, stack=stack_of(IN_NT, IN_DISK))
    assert accused(quiet) == []


def test_registers_that_could_not_be_unwound() -> None:
    inside = crash_with(0x1AB, AT, 3, AT + 0x1000, memory={AT + 0x1000: context_record(IN_FLAKY, AT + 0x40)})
    assert f"the exception's registers are in flaky+0x1020, their stack pointer {AT + 0x40:#x}" in statements(inside)
    assert "on no stack the dump knows" in statements(inside)
    assert "registers are in" not in statements(crash_with(0x1AB, AT, 3, 0))


@pytest.mark.parametrize(("used", "says"), [(True, "the kernel stack is used up: 0x3000 bytes"), (False, "")])
def test_a_double_fault_on_a_used_up_stack(used: bool, says: str) -> None:
    processors = list(MACHINE.processors)
    first = processors[MACHINE.crashing_processor]
    pointer = THREAD.stack_limit + (0x80 if used else 0x2000)
    processors[MACHINE.crashing_processor] = replace(first, registers={**first.registers, "rsp": pointer})
    crash = crash_with(0x7F, 8, machine=replace(MACHINE, processors=tuple(processors)))
    assert ("used up" in statements(crash)) is used
    assert says in statements(crash)


def test_a_check_compiled_into_a_driver() -> None:
    own = fast_fail(2, IN_FLAKY)
    assert "a check compiled into flaky.sys failed at flaky+0x1020" in statements(own)
    [overrun] = [finding for finding in findings(own) if finding.module]
    [noticed] = [finding for finding in findings(fast_fail(3, IN_FLAKY)) if finding.module]
    assert overrun.weight > noticed.weight  # the guard value is the function's own, a list is everybody's
    assert accused(fast_fail(3, IN_NT)) == []


def fast_fail(kind: int, address: int) -> Crash:
    """A fast-fail whose exception record lies at parameter 3."""
    return crash_with(0x139, kind, 0, AT, memory={AT: exception_record(0xC000_0409, address)})


def test_the_request_driver_verifier_saw() -> None:
    memory = {**device_stack(FLAKY.base), **power_irp(IRP, AT)}
    crash = crash_with(0xC9, 0x20E, IN_FLAKY, IRP, memory=memory)
    assert "the request is IRP_MJ_POWER" in statements(crash)
    assert accused(crash) == ["flaky"]


def test_the_device_stack_of_a_usb_request_sent_twice() -> None:
    memory = {**device_stack(FLAKY.base), **power_irp(IRP, AT)}
    said = statements(crash_with(0xFE, 4, IRP, memory=memory))
    assert "the device stack is, from the top, flaky.sys" in said
    assert statements(crash_with(0xFE, 4, 0)) == ""


def test_what_waits_in_the_queue_of_deferred_calls() -> None:
    at = crash_with(0x133).machine.layout.offset("KPRCB.DpcData")
    assert at is not None
    dpc = struct.pack("<IIQQQQ", 0x13, 0, PRCB + at, 0, IN_FLAKY, 0x1234)  # KDPC: type 0x13, routine at 0x18
    memory = {AT: dpc, PRCB + at: struct.pack("<Q", AT + 8)}
    said = statements(crash_with(0x133, 1, 0x1E00, memory=memory))
    assert "in the queue of processor 0 wait routines: 1 of flaky.sys" in said
    assert "wait routines" not in statements(crash_with(0x133, 1, 0x1E00))


@pytest.mark.parametrize("kind", [7, 0x15])
def test_registers_of_the_processor_are_changed_by_code(kind: int) -> None:
    said = statements(crash_with(0x109, 0, 0, 0, kind))
    assert "changed by code with privilege, not by faulty memory" in said


@pytest.mark.parametrize(
    ("status", "says", "category"),
    [
        (0xC000_0006, "could not be read from disk", Category.HARDWARE),
        (0xC000_0221, "a damaged system file", None),
        (0xC000_0005, "ended with STATUS_ACCESS_VIOLATION", None),
    ],
)
def test_how_a_critical_process_ended(status: int, says: str, category: Category | None) -> None:
    crash = crash_with(0xEF)
    process, at = crash.machine.process, crash.machine.layout.offset("EPROCESS.ExitStatus")
    assert process is not None
    assert at is not None
    ended = crash_with(0xEF, process.address, memory={process.address + at: struct.pack("<I", status)})
    assert says in statements(ended)
    assert {finding.category for finding in findings(ended) if finding.weight} == ({category} if category else set())


def test_a_critical_thread_is_named_with_its_process() -> None:
    crash = crash_with(0xEF)
    thread = crash.machine.thread
    assert thread is not None
    said = statements(crash_with(0xEF, thread.address, 1))
    assert f"the thread that ended is {thread.id}" in said
    assert "the process that ended is System (process 4)" in said


@pytest.mark.parametrize("kind", [0x21, 0x22])
def test_who_frees_what_it_must_not_is_accused(kind: int) -> None:
    stack = stack_of(IN_NT, IN_FLAKY, IN_FLAKY + 8, IN_FLAKY + 16, IN_NT)
    crash = crash_with(0x19, kind, AT + 0x10, 0x20, 0, stack=stack)
    assert accused(crash) == ["flaky"]
    assert [finding.category for finding in findings(crash) if finding.weight] == [Category.DRIVER]
    nobody = crash_with(0x19, kind, AT + 0x10, 0x20, 0, stack=stack_of(IN_NT, IN_DISK))
    assert accused(nobody) == []
    assert [finding.category for finding in findings(nobody) if finding.weight] == [Category.CORRUPTION]


def test_who_finds_a_damaged_header_is_not_accused() -> None:
    stack = stack_of(IN_NT, IN_FLAKY, IN_FLAKY + 8, IN_FLAKY + 16, IN_NT)
    assert accused(crash_with(0x19, 0x20, AT + 0x10, 0, 0, stack=stack)) == []
