"""Trend, repeated bits and driver changes over the crashes of one machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bugcheck.findings.findings import Category
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.crash_record import CrashRecord
from bugcheck.verdict.crash_series import changes_between, repeated_bits, trend_of

START = datetime(2020, 1, 1, tzinfo=UTC)
BUILT = {"old": "53b75741", "new": "595c129f"}  # 2014-07-05 and 2017-07-04


def record(minutes: float, drivers: str = "", bits: tuple[int, ...] = (), uptime: float = 7200.0) -> CrashRecord:
    blame = Blame("flaky", "flaky.sys", Category.DRIVER, None, 0.6, "medium", ("it",), (), ())
    return CrashRecord(
        path="x.dmp", machine_key=(), kernel_version="10.0.1.1", machine="",
        crash_time=START + timedelta(minutes=minutes), code=0xD1, name="",
        blame=blame, suspect="", place=None, faulting_address=None, bits=bits, uptime=uptime, build=19041,
        drivers=drivers,
    )  # fmt: skip


def drivers(**stamps: str) -> str:
    return "\n".join(f"{stamp} {name}.sys" for name, stamp in stamps.items())


def test_crashes_that_come_faster_and_early() -> None:
    moments = (0, 600, 1200, 1800, 1810, 1820, 1830)
    said = list(trend_of([record(minute, uptime=60) for minute in moments]))
    assert said[0].startswith("7 crashes within 1 d 6 h")
    assert "they come faster: typically 10 h 0 m apart at first, 10 m 0 s lately" in said
    assert any(text.startswith("each within 1 m 0 s of start-up") for text in said)


def test_a_steady_pace_is_no_trend() -> None:
    assert list(trend_of([record(minute) for minute in range(0, 600, 100)])) == ["6 crashes within 8 h 20 m"]


def test_no_trend_without_times() -> None:
    assert list(trend_of([record(0)._replace(crash_time=None, uptime=None)] * 3)) == []


def test_bits_are_counted_over_dumps() -> None:
    assert repeated_bits([record(0, bits=(37,)), record(1, bits=(37, 40)), record(2)]) == ((37, 2), (40, 1))


def test_replaced_suspect_comes_first_and_come_and_go_is_left_out() -> None:
    group = [
        record(0, drivers(flaky=BUILT["old"])),
        record(1, drivers(flaky=BUILT["old"], usbthing=BUILT["old"])),
        record(2, drivers(flaky=BUILT["new"], added=BUILT["new"])),
        record(3, drivers(flaky=BUILT["new"], added=BUILT["new"])),
    ]
    assert list(changes_between(group)) == [
        "flaky.sys was replaced (built 2014-07-05 → built 2017-07-04) before the crash of 2020-01-01 00:02",
        "added.sys is new (built 2017-07-04) before the crash of 2020-01-01 00:02",
    ]


def test_a_hash_as_time_stamp_is_no_day() -> None:
    group = [record(0, drivers(x="f0000000")), record(1, drivers(x="f0000001"))]
    assert list(changes_between(group)) == [
        "x.sys was replaced (time stamp f0000000 → time stamp f0000001) before the crash of 2020-01-01 00:01"
    ]
