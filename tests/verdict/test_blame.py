"""How findings become a confidence: independent ones add up, rivals of another kind take away, little stays nothing."""

from __future__ import annotations

import pytest

from bugcheck.findings.findings import Category, Finding
from bugcheck.records import replace
from bugcheck.reports.analysis_document import confidence_note
from bugcheck.verdict.blame import FLOOR, NO_STACK_CAP, weigh
from tests.crashes import empty_crash, x64_crash

CRASH = x64_crash(0xD1, 0x10, 2, 1, 0)


def driver(weight: float, module: str = "flaky") -> Finding:
    return Finding("a", f"{module} did it", weight, (), module=module, category=Category.DRIVER)


def hardware(weight: float) -> Finding:
    return Finding("b", "a bit is changed", weight, (), category=Category.HARDWARE)


def test_independent_findings_add_up() -> None:
    blame = weigh(CRASH, [driver(0.5), driver(0.4)])
    assert blame.module == "flaky"
    assert blame.confidence == pytest.approx(0.7)


def test_a_changed_bit_lowers_what_a_driver_is_charged_with() -> None:
    blame = weigh(CRASH, [driver(0.55), hardware(0.45)])
    assert (blame.module, blame.level) == ("flaky", "low")
    assert blame.against == ("a bit is changed",)
    assert weigh(CRASH, [driver(0.55)]).level == "medium"


def test_a_driver_lowers_what_hardware_is_charged_with() -> None:
    blame = weigh(CRASH, [hardware(0.8), driver(0.55)])
    assert (blame.category, blame.level) == (Category.HARDWARE, "medium")


def test_a_whisper_against_changes_nothing() -> None:
    assert weigh(CRASH, [hardware(0.8), driver(0.05, "nt")]).confidence == pytest.approx(0.8)
    assert weigh(CRASH, [driver(0.6), driver(0.5, "other")]).confidence == pytest.approx(0.6)


def test_without_a_stack_or_direct_evidence_nothing_is_high() -> None:
    indirect = [driver(0.6), driver(0.6), driver(0.6)]
    assert weigh(empty_crash(), indirect).confidence == NO_STACK_CAP
    assert weigh(empty_crash(), [driver(0.75), driver(0.5)]).level == "high"


def test_too_little_names_nobody() -> None:
    blame = weigh(CRASH, [driver(FLOOR - 0.05)])
    assert (blame.module, blame.level, blame.confidence) == (None, "none", 0.0)


def test_the_mechanism_is_never_surer_than_the_blame() -> None:
    read_from_code = replace(driver(0.85), clause="wrote through a null list link", how_sure=0.75)
    blame = weigh(CRASH, [read_from_code])
    assert (blame.level, blame.mechanism_level) == ("high", "medium")
    assert confidence_note(blame) == "confidence  high (module), medium (mechanism)"
    recorded = weigh(CRASH, [replace(driver(0.85), clause="read from a null pointer")])
    assert recorded.mechanism == recorded.confidence
    assert confidence_note(recorded) == "confidence  high"
    assert confidence_note(weigh(CRASH, [])) == ""
