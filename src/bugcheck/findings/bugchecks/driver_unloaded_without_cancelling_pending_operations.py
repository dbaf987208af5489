"""CE: a call into a driver that is gone → that driver, and what it may have left behind.

Source: bug check reference, CE: parameter 1 lies in the unloaded driver; a small dump records its name.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "driver_unloaded_without_cancelling_pending_operations"


@bugcheck_rule(0xCE)
def driver_unloaded_without_cancelling_pending_operations(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver was unloaded with work still pending."""
    check = crash.bugcheck
    if check is None:
        return
    address = check.parameters[0].value
    gone = next((module for module in crash.machine.unloaded_modules if address in module), None)
    if gone is None:
        yield Gap("which driver was unloaded", "an entry for it in the list of unloaded drivers")
        return
    yield Finding(
        RULE,
        f"{gone.name} was unloaded while a timer, routine, work item or thread of it was still to run",
        0.5,
        cite(check, 1),
        module=gone.name,
        category=Category.DRIVER,
        refuted_by="memory of the driver's old place that was given to someone else",
        clause="was unloaded while work of it was still pending",
    )
    if check.parameters[1].value in (8, 0x10):
        yield fact(RULE, "its code was to be executed, so a callback or thread was left", cite(check, 2))
