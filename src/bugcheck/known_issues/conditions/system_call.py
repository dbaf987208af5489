"""The telling stack → did the crash come in one of some system calls?

Source: the stack of the analysed dump.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import CrashFacts, Situation


@issue_test("name")
def system_call(values: Values, situation: Situation) -> Outcome:
    """The crash came in one of these system calls ("NtOpenSection"; Zw and Nt are one)."""
    crash, names = situation.crash, values.texts("name")
    called = _system_call(crash) if crash else ""
    if crash is None or not called:
        return untested(f"whether {' or '.join(names)} was called: {NO_CRASH if crash is None else 'not known'}")
    inside = fits(called, tuple("Nt" + name[2:] if name.startswith("Zw") else name for name in names))
    sentence = f"the system call is {called}" + ("" if inside else f", not {' or '.join(names)}")
    return (holds if inside else fails)(sentence, crash.cite("stack"))


def _system_call(crash: CrashFacts) -> str:
    """Name the outermost Nt function of the kernel; a device control request tells its call without symbols."""
    for call in reversed(crash.stack):
        module, _, function = call.name.partition("!")
        if stem(module) == "nt" and function.startswith("Nt") and function[2:3].isupper():
            return function
    return "NtDeviceIoControlFile" if crash.control_codes else ""
