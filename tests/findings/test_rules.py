"""Each rule speaks, stays quiet, and survives a dump that holds almost nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bugcheck import synth
from bugcheck.findings.findings import RULES, Category, Crash, Finding, run_rules
from bugcheck.synth import DumpKind
from bugcheck.synth.description import BugCheckDescription
from tests.crashes import crash_of, empty_crash, with_registers, x64_crash

MACHINE = synth.x64_machine()
NT, HAL, DRIVER = MACHINE.modules[0], MACHINE.modules[1], MACHINE.modules[2]
IN_DRIVER = DRIVER.base + 0x1020
IN_NT = NT.base + 0x1010


def said(crash: Crash, rule: str) -> list[Finding]:
    """What one rule says of a crash."""
    findings, gaps = run_rules(crash)
    assert not [gap for gap in gaps if "it failed" in gap.missing]
    return [finding for finding in findings if finding.rule == rule]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_every_rule_survives_an_almost_empty_dump(rule: str) -> None:
    assert [finding for finding in said(empty_crash(), rule) if finding.weight > 0.1] == []


def test_fault_location_names_the_driver_of_the_faulting_instruction() -> None:
    [finding] = said(x64_crash(0xD1, 0x10, 2, 1, IN_DRIVER), "fault_location")
    assert finding.module == "flaky"
    assert finding.category is Category.DRIVER
    assert finding.clause == "wrote to a null pointer plus 0x10 at IRQL 2 (DISPATCH_LEVEL), where paging is impossible"
    assert 0.4 <= finding.weight < 0.8


def test_fault_location_hardly_suspects_the_kernel() -> None:
    [finding] = said(x64_crash(0xA, 0x10, 2, 0, IN_NT), "fault_location")
    assert finding.module == "nt"
    assert finding.weight < 0.1


def test_fault_location_is_quiet_without_a_faulting_instruction() -> None:
    assert said(x64_crash(0xEF, 0x1234), "fault_location") == []


def test_fault_location_tells_of_control_gone_astray() -> None:
    [finding] = said(x64_crash(0xD1, 0xFFFF_C000_DEAD_0000, 2, 8, 0xFFFF_C000_DEAD_0000), "fault_location")
    assert finding.module is None
    assert finding.category is Category.CORRUPTION


def _called_by(caller: int, code: int = 0xA000_0001) -> Crash:
    """A machine whose context stands at KeBugCheckEx's first instruction with this return address on the stack."""
    stack = MACHINE.processors[0].registers["rsp"]
    memory = {**MACHINE.memory, stack: caller.to_bytes(8, "little")}
    description = with_registers(replace(MACHINE, memory=memory), rip=IN_NT)
    bugcheck = replace(MACHINE.bugcheck, code=code, parameters=(5, 0, 0, 0))
    return crash_of(replace(description, bugcheck=bugcheck, exception=None, broken_driver=""))


def test_driver_raised_bugcheck_names_the_caller() -> None:
    [finding] = said(_called_by(IN_DRIVER), "driver_raised_bugcheck")
    assert finding.module == "flaky"
    assert finding.clause == "stopped the system itself with bug check 0xa0000001"


def test_driver_raised_bugcheck_is_quiet_when_the_kernel_called() -> None:
    assert said(_called_by(IN_NT), "driver_raised_bugcheck") == []


def test_driver_raised_bugcheck_is_quiet_for_a_crash_on_purpose() -> None:
    assert said(_called_by(IN_DRIVER, code=0xE2), "driver_raised_bugcheck") == []


def test_recorded_driver_names_what_the_kernel_recorded() -> None:
    [finding] = said(x64_crash(0xC4, 0, broken_driver="flaky.sys"), "recorded_driver")
    assert finding.module == "flaky"


def test_recorded_driver_is_quiet_without_a_record() -> None:
    assert said(x64_crash(0xC4, 0), "recorded_driver") == []


def test_unloaded_module_use_names_the_driver_that_is_gone() -> None:
    gone = MACHINE.unloaded[0]
    [finding] = said(x64_crash(0xCE, gone.start + 0x10, 0x10, gone.start + 0x10, 0), "unloaded_module_use")
    assert finding.module == gone.name
    assert finding.clause.startswith("was unloaded")


def test_unloaded_module_use_is_quiet_where_nothing_was() -> None:
    assert said(x64_crash(0xD1, 0x10, 2, 1, IN_DRIVER), "unloaded_module_use") == []


@pytest.mark.parametrize("code", [0xE2, 0x1C8, 0x0])
def test_stopped_on_purpose_speaks(code: int) -> None:
    [finding] = said(x64_crash(code), "stopped_on_purpose")
    assert finding.weight == 0


def test_stopped_on_purpose_is_quiet_for_a_crash() -> None:
    assert said(x64_crash(0xD1, 0x10, 2, 1, IN_DRIVER), "stopped_on_purpose") == []


def test_hardware_reported_speaks_for_a_machine_check() -> None:
    [finding] = said(x64_crash(0x124, 0, 0xFFFF_C000_0000_0000), "hardware_reported")
    assert finding.category is Category.HARDWARE


def test_hardware_reported_speaks_for_a_single_bit_in_a_page_table_entry() -> None:
    # corpus: r-Techsupport 1a.dmp, parameter 3 is 0x2000000000
    [finding] = said(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37), "hardware_reported")
    assert "bit 37" in finding.statement


def test_hardware_reported_is_quiet_for_many_bits() -> None:
    assert said(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 0x8A00_0000_1234_5867), "hardware_reported") == []


def test_a_rule_that_fails_leaves_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    from bugcheck.findings import findings as module

    def broken(crash: Crash) -> list[Finding]:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(module, "RULES", _OneRule(module.Rule("broken", broken, "")))
    found, gaps = run_rules(empty_crash())
    assert found == []
    assert [gap.missing for gap in gaps] == ["it failed: ZeroDivisionError: on purpose"]


class _OneRule:
    broken = ()

    def __init__(self, rule: object) -> None:
        self.rule = rule

    def __iter__(self):
        return iter([self.rule])


def test_nt_and_hal_are_never_blamed_for_being_there() -> None:
    from bugcheck.verdict.verdict import judge

    for address in (IN_NT, HAL.base + 0x1010):
        verdict = judge(x64_crash(0xA, 0x10, 2, 0, address))
        assert verdict.blame.module is None
        assert verdict.blame.level == "none"
        assert "rarely the cause" in verdict.headline


ENTRY = b"\x48\x89\x4c\x24\x08"
"""mov [rsp+8],rcx: how KeBugCheckEx begins."""


def _on_stack(caller: int, *check: int) -> Crash:
    """A check, 0A at a kernel function's first instruction unless given, called from just behind a call, `caller`."""
    call = b"\x90" * 0x1B + b"\xe8" + bytes(4)
    kernel = replace(NT, code=ENTRY + b"\x90" * 11 + call)
    driver = replace(DRIVER, code=call + b"\x90" * 0x20)
    stack = MACHINE.processors[0].registers["rsp"]
    memory = {**MACHINE.memory, stack: caller.to_bytes(8, "little")}
    machine = replace(MACHINE, modules=(kernel, HAL, driver, *MACHINE.modules[3:]), memory=memory)
    code, *parameters = check or (0xA, 0x10, 2, 0, NT.base + 0x1000)
    bugcheck = BugCheckDescription(code, (*parameters, 0, 0, 0, 0)[:4])
    machine = replace(machine, bugcheck=bugcheck, exception=None, broken_driver="")
    return crash_of(with_registers(machine, rip=NT.base + 0x1000), DumpKind.FULL)


def test_first_suspect_on_stack_names_the_caller_of_the_kernel() -> None:
    [finding] = said(_on_stack(IN_DRIVER), "first_suspect_on_stack")
    assert finding.module == "flaky"
    assert finding.weight <= 0.4


def test_first_suspect_on_stack_leaves_the_caller_of_the_bug_check_to_another_rule() -> None:
    crash = _on_stack(IN_DRIVER, 0x1A, 0x31)
    assert said(crash, "first_suspect_on_stack") == []
    assert [finding.module for finding in said(crash, "driver_raised_bugcheck")] == ["flaky"]


def test_first_suspect_on_stack_passes_over_windows_core() -> None:
    assert said(_on_stack(NT.base + 0x1030), "first_suspect_on_stack") == []
