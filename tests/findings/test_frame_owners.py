"""Whose frame it is: the list's own rules, and the walk.

Source of the order: Microsoft, "Specifying Module and Function Owners" (a definite match lower on the stack beats
`maybe_` above it, `maybe_` lower beats `last_` above; the longest match wins).
"""

from __future__ import annotations

import pytest

from bugcheck.findings.findings import Crash
from bugcheck.findings.frame_owners import Owner, before_stop, owner_of, responsible_frame
from bugcheck.knowledge.tables import table
from bugcheck.machine.modules import Module
from bugcheck.stack.frame import Frame, Trust
from tests.crashes import x64_crash


def frame(name: str, index: int = 0) -> Frame:
    """A level of a stack: `module!function` or `module`."""
    module, _, function = name.partition("!")
    place = Module(module, f"{module}.sys", f"{module}.sys", 0xFFFF_F800_0000_0000 + 0x1000 * index, 0x1000, 0, 0)
    return Frame(
        index=index, ip=place.base, return_address=0, frame_address=0, arguments=(), trust=Trust.UNWIND_INFO,
        module=place, symbol=function or None, offset=0,
    )  # fmt: skip


def walk(*names: str) -> str | None:
    crash: Crash = x64_crash(0xD1, 0, 0, 0, 0)
    found = responsible_frame(crash, [frame(name, index) for index, name in enumerate(names)])
    return found.module.name if found and found.module else None


@pytest.mark.parametrize(
    ("module", "function", "owner"),
    [
        ("nt", None, Owner.LAST),
        ("NT", "KeBugCheckEx", Owner.IGNORE),
        ("nt", "KiPageFault", Owner.IGNORE),
        ("nt", "IofCallDriver", Owner.LAST),
        ("nt", "KiSystemServiceCopyEnd", Owner.STOP),
        ("nt", "KiInterruptDispatchNoLock", Owner.STOP),
        ("flaky", "KeBugCheckEx", Owner.SURE),
        ("wdfilter", None, Owner.MAYBE),
        ("Ntfs", "NtfsCommonWrite", Owner.LAST),
    ],
)
def test_owner(module: str, function: str | None, owner: Owner) -> None:
    assert owner_of(module, function) is owner


def test_every_line_of_the_list_is_read() -> None:
    lines = [line for line in table("frames.txt").decode().splitlines() if line and not line.startswith("#")]
    assert len(lines) > 100
    for line in lines:
        name, _, owner = line.partition(" = ")
        module, _, function = name.partition("!")
        assert owner_of(module, function.rstrip("*") or None) is Owner(owner), line


def test_a_sure_frame_below_beats_a_maybe_above() -> None:
    assert walk("nt!KeBugCheckEx", "nt!IofCallDriver", "wdfilter", "fltmgr", "flaky") == "flaky"


def test_a_maybe_is_named_where_nothing_surer_stands() -> None:
    assert walk("nt!KeBugCheckEx", "nt!IofCallDriver", "wdfilter", "fltmgr") == "wdfilter"


def test_windows_core_is_never_named() -> None:
    assert walk("nt!KeBugCheckEx", "hal", "ntfs", "fltmgr", "win32kfull") is None


def test_below_an_interrupt_nobody_is_responsible() -> None:
    assert walk("nt!KeBugCheckEx", "hal", "nt!KiInterruptDispatch", "flaky") is None
    assert walk("nt!KeBugCheckEx", "nt!KiSystemServiceCopyEnd", "flaky") is None


def test_frames_between_fault_and_bug_check_are_left_out() -> None:
    kept = before_stop([frame("nt!KeBugCheckEx"), frame("nt!KiPageFault"), frame("flaky"), frame("nt!KiFastCallEntry")])
    assert [each.module.name for each in kept if each.module] == ["flaky"]
