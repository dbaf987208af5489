"""fault_location: what levels of the module's own, a thread of its own and an idiom add to being at the fault.

Source of expected values: ETHREAD.StartAddress.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck.synth import MachineDescription
from tests.findings.rules.speaking import DRIVER, IN_DRIVER, MACHINE, crash_at, opened, said

FAULT = bytes.fromhex("8a910b010000")  # mov dl,[rcx+10Bh]
GARBAGE = (0xD1, 0x4000_010B, 2, 0, IN_DRIVER)


def own_thread() -> MachineDescription:
    """The machine whose running thread was started in the driver."""
    processes = list(MACHINE.processes)
    first, *rest = processes[0].threads
    threads = (replace(first, start_address=DRIVER.base + 0x1000), *rest)
    return replace(MACHINE, processes=(replace(processes[0], threads=threads), *processes[1:]))


def test_a_thread_the_driver_started_itself_weighs_more() -> None:
    [plain] = said(crash_at(FAULT, check=GARBAGE), "fault_location")
    [own] = said(crash_at(FAULT, check=GARBAGE, machine=own_thread()), "fault_location")
    assert "in a thread it started itself" in own.statement
    assert "in a thread it started itself" not in plain.statement
    assert own.weight == pytest.approx(plain.weight + 0.15)


def test_what_the_instruction_was_for_is_less_sure_than_the_access() -> None:
    [plain] = said(crash_at(FAULT, check=GARBAGE), "fault_location")
    unlink = (0xD1, 8, 2, 1, IN_DRIVER)  # mov [rcx+8],rax with rcx 0, then mov [rax],rcx
    [idiom] = said(crash_at(bytes.fromhex("48894108488908"), check=unlink, rcx=0), "fault_location")
    assert plain.how_sure == 1
    assert idiom.clause == "wrote through a null list link"
    assert idiom.how_sure < 1


@pytest.mark.corpus
def test_a_proven_caller_and_a_thread_of_its_own_make_the_laptops_audio_driver_sure(corpus: Path) -> None:
    # truth.jsonl: RTKVHD64.sys, high: "call site verified in captured bytes" (+0x5d7f calls +0x5d28)
    crash = opened(corpus / "kernel" / "CriticalRocket__DriverProblems__111417-58375-01.dmp")
    [finding] = said(crash, "fault_location")
    assert finding.weight >= 0.8
