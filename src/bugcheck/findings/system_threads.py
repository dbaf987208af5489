"""The thread that was running → the address its work began at, which says whose thread it is.

Source: ETHREAD.StartAddress (public symbols of nt): the routine given to PsCreateSystemThread; for a program's thread
an address in user mode.

Folklore: worker threads of the kernel begin in nt whoever's work they do, so a start in nt says nothing.
"""

from __future__ import annotations

from bugcheck.findings.findings import Crash


def thread_start_address(crash: Crash) -> int | None:
    """Read it; None where the thread or the member is not to be had."""
    thread = crash.machine.thread
    at = crash.machine.layout.offset("ETHREAD.StartAddress")
    return crash.memory.try_pointer(thread.address + at) if thread is not None and at is not None else None
