"""describe_bugcheck and the cases of bugchecks.jsonl, against the Microsoft reference and the shared facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bugcheck.knowledge.bugchecks as module
from bugcheck.knowledge.bugchecks import BugCheckCase, BugCheckKnowledge, all_bugchecks, describe_bugcheck

FILE = Path(module.__file__).with_name("bugchecks.jsonl")
LINES = FILE.read_text(encoding="utf-8").splitlines()
RECORDS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
# The closed vocabulary of bugchecks.README.md
VOCABULARY = (
    "reserved subtype address instruction irql access_type access_type_50 ntstatus exception_code exception_record "
    "context_record trap_frame trap_number process thread irp device_object driver_object object pool_address pool_tag "
    "pool_type pte pfn prcb processor timeout_ticks timeout_seconds timeout_milliseconds size count module lock "
    "whea_record mci_status_high mci_status_low triage_block string tdr_context source_line physical_address registry "
    "handle flags dpc work_item timer mdl stack cookie other"
)
ROLES = set(VOCABULARY.split())
KINDS = "driver hardware memory storage filesystem video power security verifier system configuration manual unknown"
CATEGORIES = set(KINDS.split())
HEX = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)")


def known(code: int) -> BugCheckKnowledge:
    """Return what is known of a code that must be known."""
    knowledge = describe_bugcheck(code)
    assert knowledge is not None
    return knowledge


def roles(case: BugCheckCase) -> list[str | None]:
    """Return the roles of the four parameters, None for an undocumented one."""
    return [parameter and parameter.role for parameter in case.parameters]


def meaning_of_value(case: BugCheckCase, number: int) -> str | None:
    """Return what the value of parameter `number` (from 1) says."""
    parameter = case.parameters[number - 1]
    return parameter and parameter.value_meaning


def levels(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a record and every subtype below it."""
    yield record
    for subtype in record.get("subtypes", ()):
        yield from levels(subtype)


def test_the_storys_crash() -> None:
    # shared/story/expected.json: bug check 8E, {c0000005, f535e785, f4c0bb54, 0}
    knowledge = known(0x8E)
    assert knowledge.name == "KERNEL_MODE_EXCEPTION_NOT_HANDLED"
    case = knowledge.case((0xC0000005, 0xF535E785, 0xF4C0BB54, 0))
    assert roles(case) == ["exception_code", "instruction", "trap_frame", "reserved"]
    assert meaning_of_value(case, 1) == "access violation"
    assert case.meaning is None


def test_story_in_a_small_dump_has_its_own_name() -> None:
    # shared/facts/windbg.md: a small dump shows 0x8E as 1000008E, KERNEL_MODE_EXCEPTION_NOT_HANDLED_M, same meaning
    knowledge = known(0x1000008E)
    assert (knowledge.name, knowledge.minidump_variant) == ("KERNEL_MODE_EXCEPTION_NOT_HANDLED_M", True)
    assert knowledge.parameters == known(0x8E).parameters
    assert known(0x8E).aliases == (0x1000008E,)
    assert not known(0x8E).minidump_variant


def test_small_dump_bit_is_taken_away_when_there_is_no_own_line() -> None:
    knowledge = known(0x1000009F)
    assert (knowledge.code, knowledge.name, knowledge.minidump_variant) == (0x1000009F, known(0x9F).name, True)


def test_dead_dead_has_that_bit_and_is_its_own_code() -> None:
    assert (known(0xDEADDEAD).name, known(0xDEADDEAD).minidump_variant) == ("MANUALLY_INITIATED_CRASH1", False)


def test_power_irp_held_too_long() -> None:
    # Bug Check 0x9F, parameter 1 = 3: PDO of the stack, nt!_TRIAGE_9F_POWER, blocked IRP
    case = known(0x9F).case((3, 0xFFFFB00012345678, 0xFFFFF80000000000, 0xFFFFB00087654321))
    assert case.meaning == "a device object held a power IRP too long"
    assert roles(case) == ["subtype", "device_object", "triage_block", "irp"]
    assert meaning_of_value(case, 1) == case.meaning


def test_corrupt_page_table_entry() -> None:
    # Bug Check 0x1A, parameter 1 = 0x41792: parameter 2 is the address of the PTE, 3 and 4 its low and high parts
    case = known(0x1A).case((0x41792, 0xFFFFF68000000000, 0x200000000000, 0))
    assert case.meaning == "a damaged page table entry was found"
    assert roles(case) == ["subtype", "pte", "pte", "pte"]


def test_fast_fail_codes_are_decimal_in_the_reference() -> None:
    # Bug Check 0x139: 29 is a corrupted RTL_BALANCED_NODE; WinDbg shows 1d (windbg.md: 0x139_1d_INVALID_BALANCED_TREE)
    case = known(0x139).case((0x1D, 0xFFFFF80000001000, 0xFFFFF80000002000, 0))
    assert case.meaning is not None
    assert "RTL_BALANCED_NODE" in case.meaning
    assert roles(case) == ["subtype", "trap_frame", "exception_record", "reserved"]
    assert meaning_of_value(known(0x139).case((0x29, 0, 0, 0)), 1) is None


@pytest.mark.parametrize(("access", "text"), [(0, "read"), (1, "write"), (2, "execute"), (8, "execute"), (3, None)])
def test_irql_not_less_or_equal_names_the_access(access: int, text: str | None) -> None:
    # Bug Check 0xD1, parameter 3: 0 read, 1 write, 2 or 8 execute
    case = known(0xD1).case((0x10, 2, access, 0xFFFFF80011112222))
    assert roles(case) == ["address", "irql", "access_type", "instruction"]
    assert meaning_of_value(case, 3) == text


def test_page_fault_access_is_hexadecimal() -> None:
    # shared/facts/bugchecks.json, 0x50 parameter 2: "0 read, 1 or 2 write, 10h execute"
    case = known(0x50).case((0xFFFFFFFF00000090, 0x10, 0xFFFFF80240D322F9, 0xF))
    assert roles(case) == ["address", "access_type_50", "instruction", "subtype"]
    assert meaning_of_value(case, 2) == "execute"
    assert meaning_of_value(known(0x50).case((0, 10, 0, 0)), 2) is None


def test_hardware_error_from_a_machine_check() -> None:
    # Bug Check 0x124, parameter 1 = 0: WHEA_ERROR_RECORD, high and low half of MCi_STATUS
    case = known(0x124).case((0, 0xFFFFA80012345028, 0xBF800000, 0x124))
    assert case.meaning == "machine check exception"
    assert roles(case) == ["subtype", "whea_record", "mci_status_high", "mci_status_low"]
    assert roles(known(0x124).case((4, 0, 0, 0))) == ["subtype", "whea_record", "reserved", "reserved"]


def test_sign_extended_status_selects_the_case() -> None:
    # Bug Check 0x1E: for c0000005 parameters 3 and 4 are the access and the address; x64 shows ffffffffc0000005
    case = known(0x1E).case((0xFFFFFFFFC0000005, 0xFFFFF80012345678, 1, 0x10))
    assert roles(case) == ["exception_code", "instruction", "access_type", "address"]
    assert meaning_of_value(case, 3) == "write"
    assert roles(known(0x1E).case((0xC0000094, 1, 2, 3))) == ["exception_code", "instruction", "other", "other"]


def test_ranges_and_lists_of_matches() -> None:
    # Bug Check 0xC2: 0x0B, 0x0C and 0x0D share a row; 0x0E has none
    assert {known(0xC2).case((n, 0, 0, 0)).meaning for n in (0xB, 0xC, 0xD)} == {
        "the quota record of a pool block is damaged"
    }
    assert known(0xC2).case((0xE, 0, 0, 0)).meaning is None


def test_the_fourth_parameter_may_select() -> None:
    # Bug Check 0xC1: parameter 4 is the reason; 0x30 makes parameter 1 the IRQL and 0x24 the address being freed
    assert roles(known(0xC1).case((2, 0, 64, 0x30))) == ["irql", "pool_type", "size", "subtype"]
    assert roles(known(0xC1).case((0xFFFF8000, 0xFFFF8FF0, 0, 0x24))) == [
        "pool_address",
        "address",
        "reserved",
        "subtype",
    ]


def test_cases_nest() -> None:
    # Bug Check 0xFE: parameter 1 = 8, parameter 2 = 6, parameter 3 a decimal time-out code (10: idle state machine)
    case = known(0xFE).case((8, 6, 10, 0))
    assert case.meaning == "the USB hub driver found a fatal error: a fatal timeout"
    assert meaning_of_value(case, 3) == "the port change machine becoming idle"


def test_only_the_low_byte_selects() -> None:
    # Bug Check 0xC8: parameter 1 is (current IRQL << 16) | (expected IRQL << 8) | UniqueValue
    assert known(0xC8).case((0x20001, 1, 2, 3)).meaning == "after an asynchronous procedure call"


def test_any_other_value_is_a_page_table_entry() -> None:
    # Bug Check 0x7A: lock type 1 to 4, otherwise parameter 1 is the address of the PTE and 3 its contents
    case = known(0x7A).case((0xFFFFF6FC40001000, 0xC000000E, 0x123, 0xFFFFF88000200000))
    assert roles(case) == ["pte", "ntstatus", "pte", "address"]
    assert roles(known(0x7A).case((1, 0, 2, 3))) == ["subtype", "ntstatus", "process", "address"]


def test_manual_codes_and_live_dumps() -> None:
    assert {known(code).category_hint for code in (0, 0xE2, 0x161, 0x1C8, 0x21C8, 0xDEADDEAD)} == {"manual"}
    assert [known(code).live_dump for code in (0x116, 0x117)] == [False, True]
    assert (known(0).name, known(0).undocumented) == ("NO_BUGCHECK", True)


@pytest.mark.parametrize("code", [-1, 0x83, 0x12345, 0x10000083, 1 << 40])
def test_unknown_code(code: int) -> None:
    assert describe_bugcheck(code) is None


@given(
    st.sampled_from([int(record["code"], 16) for record in RECORDS]),
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 0x200), max_size=6),
)
def test_any_parameters_give_four_answers(code: int, parameters: list[int]) -> None:
    case = known(code).case(parameters)
    assert len(case.parameters) == 4
    pairs = zip(known(code).parameters, case.parameters, strict=True)
    assert all(applied is not None for documented, applied in pairs if documented is not None)


def test_every_documented_code_is_there(shared: Path) -> None:
    reference = json.loads((shared / "facts/bugchecks.json").read_text())["bugchecks"]
    documented = {int(entry["code"], 16): entry["name"] for entry in reference}
    assert len(documented) == 424
    assert {knowledge.code: knowledge.name for knowledge in all_bugchecks() if not knowledge.undocumented} == documented


def test_lines_are_sorted_and_findable_without_parsing() -> None:
    codes = [int(record["code"], 16) for record in RECORDS]
    assert codes == sorted(set(codes))
    assert all(line.startswith(f'{{"code":"{code:#x}",') for line, code in zip(LINES, codes, strict=True))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["code"])
def test_every_line_is_valid(record: dict[str, Any]) -> None:
    assert len(record["parameters"]) == 4
    assert record["category_hint"] in CATEGORIES
    assert record["summary"].endswith(".")
    assert len(record["summary"]) <= 160
    for level in levels(record):
        redefined: dict[str, Any] = {} if level is record else level.get("parameters", {})
        stated: list[Any] = record["parameters"] if level is record else list(redefined.values())
        tables: dict[str, dict[str, str]] = level.get("values", {})
        assert all(set(p) == {"meaning", "role"} and p["meaning"] and p["role"] in ROLES for p in stated if p)
        assert {*tables, *redefined} <= {"1", "2", "3", "4"}
        assert all(HEX.fullmatch(key) and text for table in tables.values() for key, text in table.items())
        assert ("subtypes" in level) == ("subtype_parameter" in level)
        assert level.get("subtype_parameter", 1) in (1, 2, 3, 4)
        assert_matches_are_apart([match for subtype in level.get("subtypes", ()) for match in subtype["match"]])


def assert_matches_are_apart(matches: list[str]) -> None:
    """Check that ranges are written as they should be and that no value has two meanings."""
    ends = [match.split("-") for match in matches]
    assert all(len(pair) <= 2 and all(HEX.fullmatch(end) for end in pair) for pair in ends)
    bounds = sorted((int(pair[0], 16), int(pair[-1], 16)) for pair in ends)
    assert all(first <= last for first, last in bounds)
    assert all(before[1] < after[0] for before, after in pairwise(bounds))
