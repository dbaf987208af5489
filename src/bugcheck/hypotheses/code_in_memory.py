"""Findings of the crashes on hooks and changed code → whether a stranger changed code in memory.

Source: the rules `hooks`, `code_mismatch` and `given_image`; knowledge/drivers for whose hooks they are.

Folklore: firewalls, virus scanners and copy protection live by hooks, and so does malware: whose code a hook leads to
tells them apart, and code of no module is nobody's who wants to be found.
"""

from __future__ import annotations

from dataclasses import replace

from bugcheck.evidence.evidence import FindingSeen
from bugcheck.hypotheses.hypothesis import Outcome, Prediction
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.predicting import found_in_dumps, keeps_kernel
from bugcheck.knowledge.drivers import find_driver

HOOK_RULES = ("hooks", "code_mismatch", "given_image")
CODE = "code in memory"
"""The group of predictions that rest on what the dump's code shows."""


def code_in_memory(investigation: Investigation) -> Prediction:
    """Predict that a dump which keeps the kernel shows code changed or hooked by a stranger."""
    found = found_in_dumps(
        investigation,
        HOOK_RULES,
        topic="code in memory",
        expect="code in memory was changed or hooked by a stranger",
        group=CODE,
        weight=2.5,
        against=0.5,
        shows=keeps_kernel,
        only=lambda _, finding: suspicion(finding) > 0,
    )
    if found.outcome is not Outcome.OBSERVED:
        return found
    findings = [each for seen in investigation.seen for each in seen.findings if each.rule in HOOK_RULES]
    strange = max(findings, key=suspicion)
    return replace(found, told=strange.statement, weight=round(found.if_observed * suspicion(strange), 2))


def suspicion(finding: FindingSeen) -> float:
    """How much a change of code looks like a stranger's (0 to 1): a known product's hooks do not, hidden code does."""
    if finding.rule == "hooks":
        if finding.module is None:
            return 1.0
        facts = find_driver(finding.module) or find_driver(f"{finding.module}.sys")
        return 0.0 if facts is not None and facts.vendor else 0.4
    if finding.rule == "code_mismatch":
        return 1.0 if "in no module" in finding.statement else 0.4 if finding.category == "corruption" else 0.0
    return 0.8 if finding.category == "corruption" else 0.0
