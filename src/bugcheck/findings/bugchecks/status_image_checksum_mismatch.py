"""C0000221: a system file or driver whose checksum does not match → which file, and why that happens.

Source: bug check reference, C0000221; its parameters are not published, in practice the first leads to the file's name.

Folklore: a file that is damaged on disk stays so; one that is only read wrong differs at the next start, which is then
memory or the disk's path.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_text import text_at
from bugcheck.findings.storage_statuses import storage_drivers

RULE = "status_image_checksum_mismatch"


@bugcheck_rule(0xC000_0221)
def status_image_checksum_mismatch(crash: Crash) -> Iterator[Finding]:
    """Which file is damaged."""
    check = crash.bugcheck
    if check is None:
        return
    names = (text_at(parameter.value, crash.memory) for parameter in check.parameters)
    name = next((name for name in names if name), "")
    text = f"the file {name or '(its name is not in the dump)'} is damaged: its checksum does not match"
    refuted = "a start that works without any repair, which would be memory or the path to the disk"
    yield points_at(RULE, Category.CONFIGURATION, text, 0.45, cite(check, 1), refuted)
    yield from storage_drivers(crash, RULE)
