"""FC: code run in memory for data → what the page is, and who may have jumped there.

Source: bug check reference, FC; findings/page_rights.py.

Folklore: the processor has already jumped, so the instruction is no module's; whoever called is on the stack.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.page_rights import explain_page_rights
from bugcheck.findings.stack_suspects import stack_suspect

RULE = "attempted_execute_of_noexecute_memory"
_WEIGHT = 0.45


@bugcheck_rule(0xFC)
def attempted_execute_of_noexecute_memory(crash: Crash) -> Iterator[Finding]:
    """What the memory is that was to be run, and the innermost driver on the stack."""
    yield from explain_page_rights(crash, RULE, "execute")
    suspect = stack_suspect(crash)
    if suspect is None:
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack of the jump into data",
        _WEIGHT * suspect.certainty,
        (suspect.citation,),
        clause="is on the stack of a jump into memory that holds no code",
        refuted_by="a function pointer or return address that another driver had overwritten",
    )
