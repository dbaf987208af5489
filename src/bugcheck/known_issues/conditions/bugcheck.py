"""The bug check and its first parameters → is it one of those an issue names?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import CrashFacts, Situation


@issue_test("code")
def bugcheck(values: Values, situation: Situation) -> Outcome:
    """The bug check is one of these: "8E", with parameters "7F/8" or "8E/C0000005/BF8154D7"."""
    crash, codes = situation.crash, values.texts("code")
    if crash is None or crash.code is None:
        return untested(f"bug check {' or '.join(codes)}: {NO_CRASH}")
    shown = f"{crash.code:X}" + "".join(f"/{each:X}" for each in crash.parameters[:2])
    if any(_is_bugcheck(crash, code) for code in codes):
        return holds(f"bug check {shown}", crash.cite("bug check"))
    return fails(f"bug check {shown} is not {' or '.join(codes)}", crash.cite("bug check"))


def _is_bugcheck(crash: CrashFacts, text: str) -> bool:
    try:
        code, *parameters = [None if part in ("", "*") else int(part, 16) for part in text.split("/")]
    except ValueError:
        return False
    pairs = zip(parameters, crash.parameters, strict=False)
    return (
        code == crash.code
        and len(parameters) <= len(crash.parameters)
        and all(wanted is None or wanted == (found & 0xFFFF_FFFF if wanted >> 32 == 0 else found)
                for wanted, found in pairs)
    )  # fmt: skip
