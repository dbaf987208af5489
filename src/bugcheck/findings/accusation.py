"""A module and what speaks against it → a Finding, with the weight its standing allows.

Source: findings/suspicion.py.  Folklore: class, port and bus drivers of Windows stand between every device and its
driver, so whatever went wrong is found in their hands; a rule that would accuse one only tells the fact.
"""

from __future__ import annotations

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Category, Citation, Crash, Finding
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.modules import Module

_SHARES = {Standing.THIRD_PARTY: 1.0, Standing.UNKNOWN: 0.9, Standing.INBOX: 0.4, Standing.CORE: 0.0}


def cite(check: BugCheck, *numbers: int) -> tuple[Citation, ...]:
    """Cite parameters of the bug check by their numbers, 1 to 4."""
    return tuple(
        Citation("parameter", f"parameter {number}", format_hex(check.parameters[number - 1].value))
        for number in numbers
    )


def fact(rule: str, statement: str, citations: tuple[Citation, ...]) -> Finding:
    """Make a finding that only tells, and accuses nobody."""
    return Finding(rule, statement, 0.0, citations)


def points_at(
    rule: str, category: Category, statement: str, weight: float, citations: tuple[Citation, ...], refuted_by: str
) -> Finding:
    """Make a finding that speaks for a kind of cause without naming a module."""
    return Finding(rule, statement, weight, citations, category=category, refuted_by=refuted_by)


def accuse(
    crash: Crash,
    rule: str,
    module: Module,
    statement: str,
    weight: float,
    citations: tuple[Citation, ...],
    *,
    clause: str,
    refuted_by: str,
    how_sure: float = 1.0,
) -> Finding:
    """Accuse a module; `weight` is what the evidence carries against a third party's driver.

    A driver of Windows gets a share of it, and one that runs everybody's requests none: then the finding is a fact.
    """
    share = _SHARES[standing_of(module, crash)]
    if not share:
        return fact(rule, statement, citations)
    return Finding(
        rule,
        statement,
        round(weight * share, 2),
        citations,
        module=module.name,
        category=Category.DRIVER,
        refuted_by=refuted_by,
        clause=clause,
        how_sure=how_sure,
    )
