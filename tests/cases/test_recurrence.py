"""The same crash again, another one, or a stop that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bugcheck.cases.recurrence import ANOTHER, KNOWN, ON_PURPOSE, SAME, judge, likeness
from bugcheck.evidence.evidence import CrashSeen
from bugcheck.timeline.store import StoredCrash

T = datetime(2024, 5, 1, 12, tzinfo=UTC)
STACK = ("bad!Filter+0x10", "bad!Dispatch+0x20", "nt!IofCallDriver+0x30", "nt!NtDeviceIoControlFile+0x40")
SEEN = CrashSeen(
    T, 0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL", (0, 2, 0, 0), "d1|bad|Filter", "", "bad.sys did it", "high", 0.9,
    "driver", "bad", "bad.sys", "System", 100.0, False, (), (), STACK, (), "the dump",
)  # fmt: skip
FIRST = StoredCrash(1, "e1", "A", SEEN)


def later(**changes: object) -> StoredCrash:
    return StoredCrash(2, "e2", "A", replace(SEEN, time=T + timedelta(days=1), **changes))  # type: ignore[arg-type]


def test_the_same_signature_is_the_same_crash() -> None:
    found = judge("x", "", later(), [FIRST], None)
    assert (found.verdict, found.like, found.after_step) == (SAME, "e1", None)


def test_a_new_build_without_names_is_the_same_by_driver_and_stack() -> None:
    assert judge("x", "", later(signature="d1|bad|read null"), [FIRST], None).verdict == SAME
    other = later(signature="d1|bad|read null", stack=("bad!A", "bad!B", "nt!IofCallDriver"))
    assert judge("x", "", other, [FIRST], None).verdict == ANOTHER


def test_another_bug_check_is_another_crash() -> None:
    assert judge("x", "", later(code=0x50), [FIRST], None).verdict == ANOTHER
    assert not likeness(SEEN, replace(SEEN, code=None))


def test_a_second_file_of_one_stop_is_known() -> None:
    assert judge("x", "", later(), [FIRST], None, frozenset(["e1"])).verdict == KNOWN


def test_a_crash_made_on_purpose_counts_for_nothing() -> None:
    assert judge("x", "", later(manual=True), [FIRST], None).verdict == ON_PURPOSE


def test_whether_it_was_after_the_treatment() -> None:
    assert judge("x", "", later(), [FIRST], T + timedelta(hours=1)).after_step is True
    assert judge("x", "", later(), [FIRST], T + timedelta(days=2)).after_step is False
