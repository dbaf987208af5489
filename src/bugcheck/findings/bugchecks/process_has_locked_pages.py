"""76: pages a driver left locked → how many, in which process, and who is on the stack of a wrong unlock.

Source: bug check reference, 76: parameter 1 is 0 for pages left locked (2 process, 3 pages), 1 for a wrong unlock.

Folklore: with 0 the driver is long gone from the stack; TrackLockedPages in the registry makes Windows keep it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap
from bugcheck.machine.objects import read_process

RULE = "process_has_locked_pages"
_SETTING = (
    r'reg add "HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management" '
    r"/v TrackLockedPages /t REG_DWORD /d 1 /f"
)


@bugcheck_rule(0x76)
def process_has_locked_pages(crash: Crash) -> Iterator[Finding | Gap]:
    """Which process has pages that a driver left locked."""
    check = crash.bugcheck
    if check is None:
        return
    count = check.parameters[2].value
    if check.parameters[0].value == 0:
        process = read_process(check.parameters[1].value, crash.memory, crash.machine.layout)
        whose = process.name if process and process.name else f"process {check.parameters[1].value:#x}"
        yield fact(RULE, f"{whose} ended with {count} pages that some driver had locked for it", cite(check, 2, 3))
        yield Gap("which driver locked the pages", "the record of locked pages, which is off by default", _SETTING)
        return
    clause = "is on the stack of an unlock of pages that were not locked"
    refuted = "another driver that had unlocked the same pages before"
    yield from accuse_owner(crash, RULE, 0.6, clause=clause, refuted_by=refuted, stack_weight=0.5)
