"""impossible_fault: the reported address against what the instruction can touch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bugcheck.findings.cpu_extensions import extension_of, implements
from bugcheck.findings.findings import Category, Crash
from bugcheck.machine.processors import Processor
from tests.crashes import empty_crash
from tests.findings.rules.speaking import ACCESS_VIOLATION, IN_DRIVER, corpus_statements, crash_at, said

RULE = "impossible_fault"
LOAD = bytes.fromhex("488b03")  # mov rax,[rbx]
COMPARE = bytes.fromhex("48833b00")  # cmp qword ptr [rbx],0
CORE2 = Processor(0, 0, None, None, None, "GenuineIntel", 6, 0x17, 10, None)


def violation(code: bytes, kind: int, address: int, *, rbx: int) -> Crash:
    return crash_at(code, check=(0x1E, ACCESS_VIOLATION, IN_DRIVER, kind, address),
                    exception=(ACCESS_VIOLATION, (kind, address)), rbx=rbx)  # fmt: skip


def test_an_address_the_registers_do_not_make() -> None:
    [finding] = said(violation(LOAD, 0, 0xFFFF_9B00_7777_0000, rbx=0xFFFF_9B00_2222_0000), RULE)
    assert finding.category is Category.HARDWARE
    assert "touches 0xffff9b0022220000" in finding.statement
    assert "a fault at 0xffff9b0077770000" in finding.statement


def test_quiet_when_the_registers_make_the_address() -> None:
    assert said(violation(LOAD, 0, 0xFFFF_9B00_2222_0000, rbx=0xFFFF_9B00_2222_0000), RULE) == []


def test_quiet_for_an_operand_across_pages() -> None:
    assert said(violation(LOAD, 0, 0xFFFF_9B00_2222_1000, rbx=0xFFFF_9B00_2222_0FFC), RULE) == []


def test_quiet_for_instructions_that_touch_more_than_one_place() -> None:
    push = bytes.fromhex("ff33")  # push qword ptr [rbx]: reads there and writes to the stack
    assert said(violation(push, 1, 0xFFFF_9B00_7777_0000, rbx=0xFFFF_9B00_2222_0000), RULE) == []


def test_a_write_by_an_instruction_that_reads() -> None:
    [finding] = said(violation(COMPARE, 1, 0xFFFF_9B00_2222_0000, rbx=0xFFFF_9B00_2222_0000), RULE)
    assert "only reads its operand" in finding.statement


def test_a_protection_fault_at_a_possible_address() -> None:
    [finding] = said(violation(LOAD, 0, 2**64 - 1, rbx=0xFFFF_9B00_2222_0000), RULE)
    assert finding.weight <= 0.2


def test_quiet_for_a_protection_fault_at_an_impossible_address() -> None:
    assert said(violation(LOAD, 0, 2**64 - 1, rbx=0x1234_5678_9ABC_DEF0), RULE) == []


def illegal(code: bytes) -> Crash:
    return crash_at(code, check=(0x1E, 0xC000_001D, IN_DRIVER), exception=(0xC000_001D, ()))


def test_an_illegal_instruction_that_every_processor_has() -> None:
    [finding] = said(illegal(bytes.fromhex("4801d8")), RULE)
    assert finding.category is Category.HARDWARE
    assert "which every processor has" in finding.statement


def test_quiet_for_an_instruction_that_is_meant_to_be_illegal() -> None:
    assert said(illegal(bytes.fromhex("0f0b")), RULE) == []


def test_an_instruction_newer_than_the_processor_is_no_damage() -> None:
    crash = illegal(bytes.fromhex("f3480fb8c3"))  # popcnt rax,rbx
    own = crash.machine.processors[0]
    crash.machine.__dict__["processors"] = (replace(CORE2, prcb=own.prcb),)
    [finding] = said(crash, RULE)
    assert finding.weight == 0
    assert finding.category is Category.CONFIGURATION
    assert "needs POPCNT, which this processor lacks" in finding.statement


def test_quiet_where_the_processor_may_have_the_instruction() -> None:
    assert said(illegal(bytes.fromhex("f3480fb8c3")), RULE) == []


def test_what_the_table_knows() -> None:
    # Intel SDM volume 4: 06_17H is Core 2 (no POPCNT), 06_3AH Ivy Bridge
    assert extension_of("popcnt rax,rbx") == "POPCNT"
    assert extension_of("vaddps ymm0,ymm1,ymm2") == "AVX"
    assert extension_of("mov rax,rbx") is None
    assert implements(CORE2, "POPCNT") is False
    assert implements(replace(CORE2, model=0x3A), "POPCNT") is None
    assert implements(replace(CORE2, family=None), "POPCNT") is None


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_of_all_real_dumps_only_the_odd_one(corpus: Path) -> None:
    # truth.jsonl: a trap "odd for a plain MOV", amdppm blamed at medium: the weight must stay below its fault's
    [(name, [finding])] = corpus_statements(corpus, RULE).items()
    assert name == "triage_x64.dmp"
    assert finding.weight < 0.25
