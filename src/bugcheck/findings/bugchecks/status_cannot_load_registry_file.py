"""C0000218: the registry hive that could not be loaded → its name.

Source: bug check reference, C0000218: parameter 1 is the hive's name.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_text import text_at
from bugcheck.findings.storage_statuses import storage_drivers

RULE = "status_cannot_load_registry_file"


@bugcheck_rule(0xC000_0218)
def status_cannot_load_registry_file(crash: Crash) -> Iterator[Finding]:
    """Which registry hive is damaged or missing."""
    check = crash.bugcheck
    if check is None:
        return
    name = text_at(check.parameters[0].value, crash.memory)
    text = f"the registry hive {name or '(its name is not in the dump)'} could not be loaded: damaged, or not readable"
    refuted = "a disk that returns errors, which would be hardware"
    yield points_at(RULE, Category.CONFIGURATION, text, 0.45, cite(check, 1), refuted)
    yield from storage_drivers(crash, RULE)
