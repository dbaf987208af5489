"""11B: a cancel routine that kept the cancel lock → the driver whose routine it is.

Source: bug check reference, 11B: parameter 1 the IRP (it may be gone), 2 the cancel routine.

Folklore: IoReleaseCancelSpinLock is the first thing a cancel routine owes; the address is the routine itself, so this
is as direct as evidence gets.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap


@bugcheck_rule(0x11B)
def driver_returned_holding_cancel_lock(crash: Crash) -> Iterator[Finding | Gap]:
    """Whose cancel routine kept the lock."""
    yield from accuse_owner(
        crash,
        "driver_returned_holding_cancel_lock",
        0.75,
        clause="came back from its cancel routine with the global cancel lock still held",
        refuted_by="a routine that was patched, or whose address is a shared library's",
        stack_weight=0.4,
    )
