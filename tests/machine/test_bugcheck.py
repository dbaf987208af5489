"""Parameters put into words."""

from __future__ import annotations

from bugcheck.machine.bugcheck import explain
from tests.crashes import x64_crash
from tests.findings.test_rules import DRIVER, IN_DRIVER, MACHINE


def test_parameters_are_resolved_to_places_levels_and_statuses() -> None:
    check = x64_crash(0xD1, 0x29, 2, 0, IN_DRIVER).bugcheck
    assert check is not None
    assert check.name == "DRIVER_IRQL_NOT_LESS_OR_EQUAL"
    # design/report-json.md: meaning and resolved of D1's parameters
    assert [parameter.resolved for parameter in check.parameters] == [None, "DISPATCH_LEVEL", "read", "flaky+0x1020"]


def test_a_small_dumps_code_is_the_same_check() -> None:
    crash = x64_crash(0x1000_007E, 0xFFFF_FFFF_C000_0005, IN_DRIVER)
    assert crash.bugcheck is not None
    assert (crash.bugcheck.code, crash.bugcheck.recorded_code) == (0x7E, 0x1000_007E)
    assert crash.machine.exception is not None
    assert crash.machine.exception.name == "STATUS_ACCESS_VIOLATION"


def test_an_unknown_code_is_said_to_be_unknown() -> None:
    crash = x64_crash(0xA123_4567, IN_DRIVER)
    check = crash.bugcheck
    assert check is not None
    assert not check.documented
    assert check.parameters[0].resolved == "flaky+0x1020"


def test_the_current_process_and_unloaded_modules_are_recognised() -> None:
    crash = x64_crash(0xD1, 0, 0, 0, 0)
    process = crash.machine.process
    assert process is not None
    gone = MACHINE.unloaded[0]
    check = explain(0xA123_4567, (process.address, gone.start + 8, DRIVER.base, 0), crash.machine.names)
    assert check.parameters[0].resolved == f"the current process, {process.name}"
    assert check.parameters[1].resolved == f"unloaded {gone.name}+0x8"
    assert check.parameters[2].resolved == "flaky+0x0"
