"""Every bug check rule: named like its check, documented, it survives, and accuses nobody of nothing."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from bugcheck.extensions import modules_of
from bugcheck.findings.findings import BUGCHECK_RULES, Category, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import explain
from bugcheck.synth import DumpKind
from tests.crashes import crash_of, empty_crash, x64_crash
from tests.findings.bugchecks.builders import IN_DISK, IN_NT, MACHINE, answers, crash_with, described_check, stack_of

FILES = modules_of("bugcheck.findings.bugchecks")
RULES = list(BUGCHECK_RULES)
CODES = sorted({code for rule in RULES for code in rule.codes})
LIMITS = {Category.HARDWARE: 0.72}
"""Without any evidence but the code no rule may carry a verdict of medium confidence, but where hardware reported."""


def test_no_file_failed_to_load() -> None:
    assert BUGCHECK_RULES.broken == []
    assert len(RULES) == len(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_named_like_its_first_codes_bug_check(file: str) -> None:
    # Only the file with that name is loaded for a crash, so another name would silence the rule.
    module = importlib.import_module(file)
    [rule] = [rule for rule in RULES if rule.run.__module__ == file]
    check = explain(rule.codes[0], (0, 0, 0, 0), empty_crash().machine.names)
    assert file.rpartition(".")[2] == check.name.lower()
    assert rule.name == file.rpartition(".")[2]
    assert module.__doc__
    assert module.__doc__.startswith(f"{rule.codes[0]:02X}: ")
    assert "\nSource: " in module.__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_is_about(rule: object) -> None:
    what = getattr(rule, "what", "")
    assert what.endswith(".")
    assert 10 < len(what) < 120


@pytest.mark.parametrize("code", CODES, ids=hex)
def test_it_survives_a_dump_that_holds_almost_nothing(code: int) -> None:
    for parameters in ((), (1, 2, 3, 4), (2**64 - 1,) * 4, (3, 0xFFFF_9B00_0000_0001, 7, 0xFFFF_F804_7BA0_0000)):
        described = described_check(code, *parameters)
        bare = replace(MACHINE, bugcheck=described, exception=None, broken_driver="")
        for crash in (crash_of(bare, DumpKind.HEADER_ONLY), x64_crash(code, *parameters)):
            for answer in answers(crash):
                assert isinstance(answer, Finding | Gap)


@pytest.mark.parametrize("code", CODES, ids=hex)
@pytest.mark.parametrize("kind", [0, 1, 3, 7])
def test_it_accuses_nobody_without_evidence(code: int, kind: int) -> None:
    crash = crash_with(code, kind, stack=stack_of(IN_NT, IN_DISK, IN_NT))
    found = [answer for answer in answers(crash) if isinstance(answer, Finding)]
    assert [finding for finding in found if finding.module] == []
    assert [finding for finding in found if finding.weight > LIMITS.get(finding.category, 0.5)] == []


@pytest.mark.parametrize("code", CODES, ids=hex)
def test_what_it_says_is_one_plain_sentence_with_its_place(code: int) -> None:
    for kind in (0, 1, 2, 3, 5, 8):
        for finding in answers(crash_with(code, kind, 0x1234, 0x5678, 0x9ABC)):
            if isinstance(finding, Gap):
                assert finding.what
                assert finding.missing
                continue
            assert finding.statement
            assert not finding.statement.endswith(".")
            assert finding.citations
            assert 0 <= finding.weight < 0.8
            assert finding.refuted_by or not finding.weight
