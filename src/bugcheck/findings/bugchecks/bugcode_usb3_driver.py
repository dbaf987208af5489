"""144: an error of the USB 3 stack → the driver of the device, where a client broke the rules.

Source: bug check reference, 144; findings/parameter_owners.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "bugcode_usb3_driver"


@bugcheck_rule(0x144)
def bugcode_usb3_driver(crash: Crash) -> Iterator[Finding | Gap]:
    """Which USB client driver broke the rules."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    rule = check.subtype or f"a rule of kind {check.parameters[0].value:#x}"
    clause = f"broke the rules of the USB stack: {rule}"
    yield from accuse_owner(
        crash,
        RULE,
        0.6,
        clause=clause,
        refuted_by="a device that answers wrongly, or the controller's firmware",
        stack_weight=0.3,
    )
