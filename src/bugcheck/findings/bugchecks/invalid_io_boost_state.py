"""13C: a thread that ended with an I/O boost still counted → which thread, and that its driver is gone from the stack.

Source: bug check reference, 13C: parameter 1 the thread, 2 the boost state or throttle count.

Folklore: the boost was given while a lock or request was held; whoever forgot to give it back left no frame behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap
from bugcheck.machine.objects import read_thread

RULE = "invalid_io_boost_state"


@bugcheck_rule(0x13C)
def invalid_io_boost_state(crash: Crash) -> Iterator[Finding | Gap]:
    """Which thread ended with a boost that nobody took back."""
    check = crash.bugcheck
    if check is None:
        return
    address, count = check.parameters[0].value, check.parameters[1].value
    thread = read_thread(address, crash.memory, crash.machine.layout) if address else None
    which = f"thread {thread.id}" if thread is not None and thread.id else f"the thread at {address:#x}"
    yield fact(RULE, f"{which} ended with an I/O boost that nobody took back ({count:#x})", cite(check, 1, 2))
    missing = "the moment the boost was given; Driver Verifier's I/O checks stop the system there"
    yield Gap("which driver left the boost", missing, "verifier /flags 0x10 /driver <suspected drivers>")
