"""E2: a stop on purpose → by which way it was asked for, as far as the stack shows it.

Source: bug check reference, E2, and "Forcing a System Crash from the Keyboard": kbdhid.sys (USB), i8042prt.sys (PS/2)
and hyperkbd.sys (guests) watch for right Ctrl with Scroll Lock twice; Sysinternals NotMyFault does it by myfault.sys.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import fact
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule

RULE = "manually_initiated_crash"
_WAYS = {
    "kbdhid": "by the keyboard (USB: right Ctrl and Scroll Lock twice)",
    "i8042prt": "by the keyboard (PS/2: right Ctrl and Scroll Lock twice)",
    "hyperkbd": "by the keyboard of the guest's console",
    "myfault": "by NotMyFault, a tool of Sysinternals",
}


@bugcheck_rule(0xE2)
def manually_initiated_crash(crash: Crash) -> Iterator[Finding]:
    """By which way the stop was asked for."""
    stack = crash.stack
    for frame in stack.frames if stack else ():
        way = _WAYS.get(frame.module.name.lower()) if frame.module else None
        if way:
            cited = (Citation("frame", f"level {frame.index}", frame.name),)
            yield fact(RULE, f"the stop was asked for {way}", cited)
            return
