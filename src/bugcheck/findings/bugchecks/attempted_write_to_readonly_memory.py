"""BE: a write to read-only memory → what the page is, and who is on the stack.

Source: bug check reference, BE; findings/page_rights.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.page_rights import explain_page_rights


@bugcheck_rule(0xBE)
def attempted_write_to_readonly_memory(crash: Crash) -> Iterator[Finding]:
    """What the read-only memory is that was written to."""
    yield from explain_page_rights(crash, "attempted_write_to_readonly_memory", "write")
