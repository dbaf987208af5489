"""DPC queues, built as wdm.h lays KDPC down."""

from __future__ import annotations

import struct

from bugcheck.machine.dpc import QueuedDpc, queued_dpcs
from tests.crashes import crash_of
from tests.findings.bugchecks.builders import AT, MACHINE
from tests.machine.flat_memory import FlatMemory

LAYOUT = crash_of(MACHINE).machine.layout
PRCB = 0xFFFF_F804_0000_0000


def queue(*links: int, kind: int = 0x13) -> FlatMemory:
    """A KPRCB whose queue starts with the first link; each link is a KDPC's list entry, in pages of their own."""
    at = LAYOUT.offset("KPRCB.DpcData")
    assert at is not None
    regions = {PRCB + at: struct.pack("<Q", links[0] if links else 0)}
    for link, following in zip(links, (*links, 0)[1:], strict=True):
        regions[link - 8] = struct.pack("<IIQQQQ", kind, 0, following, 0, link + 0x1000, 7)
    return FlatMemory(regions)


def test_a_queue_is_listed_in_its_order() -> None:
    found = queued_dpcs(PRCB, queue(AT + 8, AT + 0x108), LAYOUT)
    assert found == [QueuedDpc(AT, AT + 0x1008, 7), QueuedDpc(AT + 0x100, AT + 0x1108, 7)]


def test_an_empty_queue_and_one_that_runs_into_itself_end() -> None:
    assert queued_dpcs(PRCB, queue(), LAYOUT) == []
    memory = queue(AT + 8)
    memory.put(AT + 8, "Q", AT + 8)
    assert len(queued_dpcs(PRCB, memory, LAYOUT)) == 1


def test_what_is_no_dpc_ends_the_list() -> None:
    assert queued_dpcs(PRCB, queue(AT + 8, kind=0x55), LAYOUT) == []
