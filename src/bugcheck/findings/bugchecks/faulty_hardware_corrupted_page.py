"""12B: a page of memory with a flipped bit → which page.

Source: bug check reference, 12B: parameter 1 maps the page, parameter 2 is its frame number.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import PAGE_SIZE
from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule


@bugcheck_rule(0x12B)
def faulty_hardware_corrupted_page(crash: Crash) -> Iterator[Finding]:
    """Where in physical memory the flipped bit is."""
    check = crash.bugcheck
    frame = check.parameters[1].value if check else 0
    if check is not None and frame:
        at = frame * PAGE_SIZE
        far = f"{at / 2**30:.1f} GiB" if at >= 1 << 30 else f"{at / 2**20:.1f} MiB"
        text = f"the page lies at physical address {at:#x}, {far} into memory"
        yield fact("faulty_hardware_corrupted_page", text, cite(check, 2))
