"""1C8: the power button held until the machine stopped → how long, and what that says of the machine before.

Source: bug check reference, 1C8: parameter 1 is the time in milliseconds.

Folklore: people hold the button when nothing answers any more, so the dump may still show what hung.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule

RULE = "manually_initiated_power_button_hold"


@bugcheck_rule(0x1C8)
def manually_initiated_power_button_hold(crash: Crash) -> Iterator[Finding]:
    """How long the power button was held."""
    check = crash.bugcheck
    held = check.parameters[0].value if check else 0
    if check is None or not 0 < held < 600_000:
        return
    text = (
        f"the power button was held for {held / 1000:g} s; if the machine hung, what its processors did is worth a look"
    )
    yield fact(RULE, text, cite(check, 1))
