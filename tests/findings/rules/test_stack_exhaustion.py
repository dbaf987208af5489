"""stack_exhaustion: who filled the kernel stack, and not who came last."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bugcheck.findings.findings import Crash
from bugcheck.findings.stack_usage import usage_by_module
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import Frame, Trust
from tests.crashes import empty_crash, x64_crash
from tests.findings.rules.speaking import MACHINE, corpus_statements, said

RULE = "stack_exhaustion"
LIMIT = MACHINE.processes[0].threads[0].stack_limit
GREEDY = Module("greedy", "greedy.sys", "greedy.sys", 0xFFFF_F804_9000_0000, 0x1000, 0, 0)
LAST = Module("last", "last.sys", "last.sys", 0xFFFF_F804_9001_0000, 0x1000, 0, 0)


def frames(*levels: tuple[Module, int], trust: Trust = Trust.UNWIND_INFO) -> tuple[Frame, ...]:
    """Levels with their modules and sizes in bytes, innermost first, and an end."""
    place, made = LIMIT, list[Frame]()
    for index, (module, size) in enumerate((*levels, (GREEDY, 0))):
        made.append(Frame(index, module.base, 0, place, (), module, None, 0, trust))
        place += size
    return tuple(made)


def double_fault(stack: tuple[Frame, ...], pointer: int, *, code: int = 0x7F) -> Crash:
    """A double fault with this stack and stack pointer."""
    from tests.crashes import crash_of, with_registers

    crash = x64_crash(code, 8)
    machine: Any = crash_of(with_registers(MACHINE, rsp=pointer)).machine
    crash.machine.__dict__.update(fault_context=machine.fault_context, thread=machine.thread)
    crash.machine.__dict__["modules"] = ModuleList((GREEDY, LAST))
    crash.__dict__["telling_stack"] = cast(Any, SimpleNamespace(frames=stack))
    return crash


def test_the_module_that_fills_the_stack_is_named_not_the_last() -> None:
    stack = frames((LAST, 0x40), *[(GREEDY, 0x400)] * 10, (LAST, 0x100))
    [finding] = said(double_fault(stack, LIMIT + 0x10), RULE)
    assert finding.module == "greedy"
    assert finding.weight < 0.5
    assert "16 bytes above its limit; used by greedy 10,240 bytes in 10 frames, last 320 bytes" in finding.statement


def test_nobody_is_accused_where_many_share_the_stack() -> None:
    stack = frames((LAST, 0x300), (GREEDY, 0x500), (LAST, 0x300))
    [finding] = said(double_fault(stack, LIMIT - 0x10), RULE)
    assert finding.module is None
    assert "below its limit" in finding.statement


def test_scanned_frames_accuse_nobody() -> None:
    [finding] = said(double_fault(frames(*[(GREEDY, 0x400)] * 10, trust=Trust.SCAN), LIMIT), RULE)
    assert finding.module is None


def test_a_double_fault_with_room_was_no_exhaustion() -> None:
    [finding] = said(double_fault(frames((GREEDY, 0x400)), LIMIT + 0x1800), RULE)
    assert finding.weight == 0
    assert "6,144 bytes of the kernel stack still free: it had not run out" in finding.statement


def test_quiet_for_other_crashes_with_room() -> None:
    assert said(double_fault(frames((GREEDY, 0x400)), LIMIT + 0x1800, code=0xD1), RULE) == []


def test_a_switch_of_stacks_is_no_frame_size() -> None:
    assert usage_by_module(frames((GREEDY, 0x100000), (LAST, 0x80)))[0].name == "last"


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_quiet_for_all_real_dumps(corpus: Path) -> None:
    # truth.jsonl tells of no exhausted stack
    assert corpus_statements(corpus, RULE) == {}
