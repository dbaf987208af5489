"""74: damaged start-up settings → why they were refused.

Source: bug check reference, 74: parameter 4 is a status.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.knowledge.statuses import describe_status

RULE = "bad_system_config_info"


@bugcheck_rule(0x74)
def bad_system_config_info(crash: Crash) -> Iterator[Finding]:
    """Why the start-up settings were refused."""
    check = crash.bugcheck
    if check is None:
        return
    status = check.parameters[3].value & 0xFFFF_FFFF
    why = f" ({describe_status(status)})" if status else ""
    text = f"the registry's SYSTEM hive or another start-up setting cannot be used{why}"
    refuted = "memory or a disk that damages the hive while it is read"
    yield points_at(RULE, Category.CONFIGURATION, text, 0.45, cite(check, 4), refuted)
