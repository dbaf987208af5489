"""F7: the overwritten guard value of a stack frame → whose function it was, and how the value differs.

Source: bug check reference, F7: parameter 1 is the value found, 2 the one expected, 3 its complement.

Folklore: the function that reports is the one whose own buffer ran over, so its module is the culprit, unless the
value differs in a single bit or parameters 2 and 3 are no complements: then memory itself is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.machine.bugcheck import BugCheck

RULE = "driver_overran_stack_buffer"
_WEIGHT, _BIT = 0.5, 0.5


@bugcheck_rule(0xF7)
def driver_overran_stack_buffer(crash: Crash) -> Iterator[Finding]:
    """Whose stack buffer ran over, or that the guard value itself is off by a bit."""
    check = crash.bugcheck
    if check is None:
        return
    bits = (check.parameters[0].value ^ check.parameters[1].value).bit_count()
    if bits == 1:
        yield _one_bit(check)
        return
    suspect = stack_suspect(crash, crash.stack)
    if suspect is None:
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"the guard value differs in {bits} bits, and {suspect.module.image} is the innermost driver on the stack",
        _WEIGHT * suspect.certainty,
        (*cite(check, 1, 2), suspect.citation),
        clause="is on the stack of a function whose buffer ran over",
        refuted_by="a function of Windows further up the stack whose frame it was",
    )


def _one_bit(check: BugCheck) -> Finding:
    text = "the guard value differs from the expected one in a single bit, which no buffer overrun does"
    refuted = "the same bit in the same function on another machine"
    return points_at(RULE, Category.HARDWARE, text, _BIT, cite(check, 1, 2), refuted)
