"""instruction_pointer_astray: where no instruction should begin, and who jumped there."""

from __future__ import annotations

from pathlib import Path

from bugcheck.findings.findings import Category
from tests.crashes import empty_crash
from tests.findings.rules.speaking import DRIVER, IN_DRIVER, NT, STACK, corpus_statements, crash_at, opened, said

RULE = "instruction_pointer_astray"
WILD = 0xFFFF_9B00_0DEA_D000
CALL = bytes.fromhex("ffd0")  # call rax


def test_a_wild_call_names_the_caller() -> None:
    crash = crash_at(CALL, check=(0xD1, WILD, 2, 8, WILD), stack={0: IN_DRIVER + 2}, rip=WILD)
    [finding] = said(crash, RULE)
    assert finding.module == "flaky"
    assert finding.weight <= 0.4
    assert "in memory of no module" in finding.statement
    assert "behind a call in flaky+0x1022" in finding.statement


def test_nt_is_not_accused_of_calling() -> None:
    crash = crash_at(CALL, check=(0xD1, WILD, 2, 8, WILD), stack={0: NT.base + 0x1010}, rip=WILD)
    [finding] = said(crash, RULE)
    assert finding.module is None
    assert finding.weight == 0


def test_a_return_took_it_from_the_stack() -> None:
    crash = crash_at(CALL, check=(0xD1, WILD, 2, 8, WILD), stack={0x20: WILD}, rip=WILD, rsp=STACK + 0x28)
    [finding] = said(crash, RULE)
    assert finding.statement.endswith("a return took it from the stack")
    assert finding.category is Category.CORRUPTION


def test_padding_between_functions() -> None:
    crash = crash_at(b"\xcc\xcc", check=(0x1E, 0x8000_0003, DRIVER.base + 0x1021), rip=DRIVER.base + 0x1021)
    assert said(crash, RULE) == []  # two bytes are no padding
    crash = crash_at(b"\xcc" * 4, check=(0x1E, 0x8000_0003, DRIVER.base + 0x1022), rip=DRIVER.base + 0x1022)
    [finding] = said(crash, RULE)
    assert "in the padding between functions of flaky" in finding.statement
    assert finding.weight == 0


def test_quiet_at_an_instruction() -> None:
    assert said(crash_at(CALL), RULE) == []


def test_quiet_where_a_driver_was_unloaded() -> None:
    from tests.findings.rules.speaking import MACHINE

    gone = MACHINE.unloaded[0].start + 0x10
    assert said(crash_at(CALL, check=(0xCE, gone, 8, gone, 0), rip=gone), RULE) == []


def test_execution_on_a_user_stack(corpus: Path) -> None:
    # google/breakpad: exec_av_on_stack was made to run code on its stack
    [finding] = said(opened(corpus / "user" / "google__breakpad__exec_av_on_stack.dmp"), RULE)
    assert "on a stack" in finding.statement
    assert finding.weight == 0


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_quiet_for_all_real_dumps(corpus: Path) -> None:
    # truth.jsonl tells of none whose control went astray
    assert corpus_statements(corpus, RULE) == {}
