"""Page frames among the parameters → what the page frame database says of each, or what it would take to know.

Source: machine/page_frame.py.  Folklore: bug checks 1A and 4E are raised about a frame whose entry does not fit; its
counts and the page table entry it names are the first thing `!pfn` is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import fact
from bugcheck.findings.findings import Citation, Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.page_frame import read_page_frame


def tell_frames(crash: Crash, rule: str) -> Iterator[Finding | Gap]:
    """Describe each page frame the bug check's parameters name, once; a Gap for one the dump does not describe."""
    check = crash.bugcheck
    told: set[int] = set()
    for parameter in check.parameters if check else ():
        number = parameter.value
        if parameter.role != "pfn" or not number or number in told:
            continue
        told.add(number)
        found = read_page_frame(number, crash.machine)
        if isinstance(found, Gap):
            yield found
        else:
            cited = (Citation("memory", f"page frame {number:#x} ({found.address:#x})", found.words),)
            yield fact(rule, f"page frame {number:#x} is {found.words}", cited)
