"""The telling stack → is a function or module on it?

Source: the stack of the analysed dump.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH, is_frame, nameless_module
from bugcheck.known_issues.situation import Situation


@issue_test("function", specific=True)
def frame_on_stack(values: Values, situation: Situation) -> Outcome:
    """A function or module is on the telling stack: "nt!NtOpenSection", "NtOpenSection", "savrt!*"."""
    crash, wanted = situation.crash, values.texts("function")
    if crash is None or not crash.stack:
        return untested(f"whether {' or '.join(wanted)} is on the stack: {NO_CRASH if crash is None else 'no stack'}")
    for call in crash.stack:
        if is_frame(call.name, wanted):
            return holds(f"{call.name} is on the stack", crash.cite(f"stack, {call.name}"))
    shown = " or ".join(wanted)
    nameless = nameless_module(crash, wanted)
    if crash.whole_stack and not nameless:
        return fails(f"{shown} is not on the stack, which is whole", crash.cite("stack"))
    reason = f"{nameless} has no symbols" if nameless else "the stack is cut off"
    return untested(f"whether {shown} is on the stack: {reason}")
