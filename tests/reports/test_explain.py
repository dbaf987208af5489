"""`explain`: what a code means without a dump."""

from __future__ import annotations

import re

import pytest

from bugcheck.errors import UsageError
from bugcheck.knowledge.bugchecks import all_bugchecks
from bugcheck.reports.document import REPORT_FORMATS
from bugcheck.reports.explain_document import explain_code
from bugcheck.reports.formats.text import draw


def told(code: str | int, *parameters: str | int, architecture: str = "") -> str:
    return draw(explain_code(code, parameters, architecture), colour=False, width=160)


def test_a_case_is_told_by_its_parameters() -> None:
    # Microsoft Learn, "Bug Check 0x9F": parameter 1 = 3, a device object has been blocking an IRP for too long
    text = told("0x9F", "3", "ffffd68fe35b8050")
    assert "DRIVER_POWER_STATE_FAILURE" in text
    assert "a device object held a power IRP too long" in text
    assert "physical device object of the stack" in text
    assert "ffffd68f`e35b8050" in text


def test_without_parameters_the_cases_are_listed() -> None:
    text = told("9f")
    assert "What parameter 1 can say" in text
    assert "0x500" in text
    # Microsoft Learn, "Bug Check 0x139": 3 is a corrupt LIST_ENTRY
    assert "LIST_ENTRY" in told("139")


def test_values_are_put_into_words() -> None:
    # Microsoft Learn, "Bug Check 0xD1": parameter 2 IRQL, 3 read or write; DISPATCH_LEVEL is 2 (wdm.h)
    text = told("d1", "0x29", 2, 0, "fffff800`a56d1ae9")
    assert "DISPATCH_LEVEL" in text
    assert "read" in text
    assert "access violation" in told("1000008e", "c0000005", "f535e785")
    # x86 has IRQL 31 HIGH_LEVEL, x64 ends at 15 (wdm.h)
    assert "HIGH_LEVEL" in told("0xA", 0, 31, architecture="x86")
    assert "impossible" in told("0xA", 0, 31, architecture="x64")


def test_small_dump_codes_are_recognised() -> None:
    text = told("1000008e")
    assert "KERNEL_MODE_EXCEPTION_NOT_HANDLED_M" in text
    assert "0x8e" in text
    assert "DRIVER_IRQL_NOT_LESS_OR_EQUAL" in told("0x100000d1")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # ntstatus.h, winerror.h
        ("DRIVER_IRQL_NOT_LESS_OR_EQUAL", "0xD1"),
        ("driver irql not less or equal", "0xD1"),
        ("KERNEL_SECURITY_CHECK_FAILURE (139)", "0x139"),
        ("STATUS_ACCESS_VIOLATION", "0xc0000005"),
        ("0xc0000005", "STATUS_ACCESS_VIOLATION"),
        ("-1073741819", "STATUS_ACCESS_VIOLATION"),
        ("ffffffffc0000005", "STATUS_ACCESS_VIOLATION"),
        ("E_ACCESSDENIED", "0x80070005"),
        ("0x80070005", "E_ACCESSDENIED"),
        ("ERROR_FILE_NOT_FOUND", "0x2"),
        ("e06d7363", "C++ exception"),
        ("c000021a", "STATUS_SYSTEM_PROCESS_TERMINATED"),
        (0x1A, "MEMORY_MANAGEMENT"),
    ],
)
def test_codes_and_names_both_ways(code: str | int, expected: str) -> None:
    assert expected in told(code)


def test_the_unknown_gets_its_neighbours() -> None:
    assert "DRIVER_IRQL_NOT_LESS_OR_EQUAL" in told("DRIVER_IRQ_LESS")
    assert "in no public list" in told("0xdeadbeef")
    assert "code of its own" in told("0xdeadbeef")
    assert "neither a number nor" in told("no such thing")
    assert "neither a number nor" in told("")


def test_wrong_parameters_are_usage_errors() -> None:
    for parameters in (["zz"], ["1", "2", "3", "4", "5"], [""]):
        with pytest.raises(UsageError):
            explain_code("9f", parameters)
    with pytest.raises(UsageError, match="x64"):
        explain_code("9f", [], "vax")


def test_every_known_bug_check_can_be_told_in_every_format() -> None:
    formats = [each for each in REPORT_FORMATS if each.name in ("text", "markdown", "html")]
    assert len(formats) == 3
    for each in all_bugchecks():
        assert each.name in draw(explain_code(each.code), colour=False, width=100)
    for report in formats:
        assert "0x9F" in report.render(explain_code("9f", ["3"]))


@pytest.mark.parametrize(
    ("code", "parameters", "expected"),
    [
        # Intel SDM volume 3, 15.9.2: 0x0005 is an internal parity error; bit 61 uncorrected, bit 57 context corrupt
        ("124", ["0", "ffffc40e12345028", "b2000000", "70005"], "points at   hardware (high confidence)"),
        # bug check reference, 1A/41792: parameter 3 is what the entry holds
        ("1a", ["41792", "ffffdd010bc5d3f8", "2000000000"], "one set bit, bit 37"),
        # ntstatus.h: 0xC000009C STATUS_DEVICE_DATA_ERROR
        ("7a", ["1", "STATUS_DEVICE_DATA_ERROR"], "the disk could not read a sector"),
        ("7a", ["1", "c000009c"], "the disk could not read a sector"),
        ("50", ["10", "0", "fffff80012345678", "2"], "touched was a null pointer plus 0x10"),
        ("d1", ["-1", "2"], "an address the processor refused without recording it"),
        ("d1", ["00800000`00000000", "2"], "which is no possible address"),
    ],
)
def test_parameters_are_judged_by_the_rules(code: str, parameters: list[str], expected: str) -> None:
    assert expected in told(code, *parameters)


def test_parameters_that_prove_nothing_accuse_nobody() -> None:
    for code, parameters in (
        ("50", ["ffffc40e12345028", "0"]),
        ("3b", ["c0000005", "fffff80370d0f183"]),
        ("9f", ["3"]),
    ):
        text = told(code, *parameters)
        assert "points at" not in text
        assert "no module is" not in text


@pytest.mark.parametrize("code", [each.code for each in all_bugchecks()])
def test_any_parameters_can_be_judged(code: int) -> None:
    for values in ((0, 0, 0, 0), (1, 2, 3, 4), (2**64 - 1,) * 4):
        text = told(code, *values)
        assert text.startswith(f"{code:#x} ".replace("0x", "0x", 1).upper().replace("0X", "0x"))
        shown = re.findall(r"^ +(?:parameters)? +[1-4]  ([0-9a-f`]+)\b", text, re.MULTILINE)
        assert [int(each.replace("`", ""), 16) for each in shown] == list(values)
