"""124: with the record, with parameters only, and with nothing."""

from __future__ import annotations

from bugcheck.findings.findings import Category, Finding
from bugcheck.gaps import Gap
from tests.findings.bugchecks.builders import AT, answers, crash_with, findings, statements
from tests.machine.test_whea import MCA, MEMORY, mca, record


def test_the_bank_is_named_from_the_record() -> None:
    raw = record((MCA, mca(0xFE00_0000_0000_0151, bank=3, processor=5, address=0x1234_5678)))
    [finding] = findings(crash_with(0x124, 0, AT, memory={AT: raw}))
    assert finding.category is Category.HARDWARE
    assert finding.statement == (
        "Intel processor 5 reported, in bank 3, an error of the instruction cache, level 1 while fetching an "
        "instruction, uncorrected, at physical address 0x12345678 (status 0xfe00000000000151); "
        "the processor's own state may be damaged"
    )


def test_memory_is_named_from_the_record() -> None:
    raw = record((MEMORY, bytes(80)), text=b"DIMM_B2")
    assert "the memory reported an error (unit DIMM_B2)" in statements(crash_with(0x124, 0, AT, memory={AT: raw}))


def test_the_parameters_speak_when_the_record_is_missing() -> None:
    # overclock.net thread 1408993: Arg3 b6004000, Arg4 e6000175; by the SDM's table a level 1 data cache eviction.
    told = answers(crash_with(0x124, 0, 0xFFFF_FA80_0DDD_E028, 0xB6004000, 0xE6000175))
    finding, gap = told
    assert isinstance(finding, Finding)
    assert "level 1 while evicting" in finding.statement
    assert "status 0xb6004000e6000175" in finding.statement
    assert isinstance(gap, Gap)


def test_a_status_without_its_valid_bit_says_nothing() -> None:
    assert findings(crash_with(0x124, 0, 0x1234, 0x36004000, 0xE6000175)) == []


def test_a_record_nobody_can_explain_is_told_as_such() -> None:
    raw = record(("00000000-1111-2222-3333-444444444444", bytes(16)))
    [finding] = findings(crash_with(0x124, 5, AT, memory={AT: raw}))
    assert finding.weight == 0
