"""Pictures of what a dump holds: figures right, drawing bounded."""

from __future__ import annotations

from dataclasses import replace

from bugcheck import synth
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, VirtualRun
from bugcheck.dump.open import read_dump
from bugcheck.reports.memory_picture import COLUMNS, memory_pictures, size_text
from bugcheck.synth import DumpKind


def virtual_dump(runs: list[VirtualRun]) -> Dump:
    return Dump("user_minidump", Architecture.X64, BinaryView(b"", "x.dmp"), virtual=runs)


def test_kinds_are_counted_and_placed() -> None:
    runs = [
        VirtualRun(0x1000, 0x800, 0, "call stack"),
        VirtualRun(0x2000, 0x1000, 0, "data block"),
        VirtualRun(0xFFFF_F800_0000_0000, 0x1000, 0, "data block"),
    ]
    (picture,) = memory_pictures(virtual_dump(runs))
    assert [(lane.kind, lane.pieces, lane.size) for lane in picture.lanes] == [
        ("call stack", 1, "2.0 KiB"),
        ("data block", 2, "8.0 KiB"),
    ]
    low, high = picture.lanes[1].spans
    assert 0 <= low[0] < low[1] < high[0] < high[1] <= 1
    assert picture.ticks[0] == (0.0, "00000000`00001000")
    assert picture.ticks[1][1] == "fffff800`00000000"


def test_a_hundred_thousand_runs_stay_a_small_drawing() -> None:
    runs = [VirtualRun(0x10000 * index * index, 0x1000, 0, "memory list") for index in range(100_000)]
    (picture,) = memory_pictures(virtual_dump(runs))
    assert picture.lanes[0].pieces == 100_000
    assert len(picture.lanes[0].spans) <= COLUMNS + 1


def test_strange_runs_do_no_harm() -> None:
    # what a hostile file may claim, and the pieces that are left of it: an empty run is none
    for runs, pieces in (
        ([VirtualRun(5, 0, 0, "empty")], []),
        ([VirtualRun(2**64 - 1, 2**63, 0, "beyond")], [("beyond", 1)]),
        ([VirtualRun(-5, 3, 0, "below"), VirtualRun(0, 1, 0, "")], [("below", 1), ("memory", 1)]),
        ([VirtualRun(7, 1, 0, "one")] * 3, [("one", 3)]),
    ):
        lanes = [lane for picture in memory_pictures(virtual_dump(runs)) for lane in picture.lanes]
        assert [(lane.kind, lane.pieces) for lane in lanes] == pieces
        assert all(0 <= a <= b <= 1 for lane in lanes for a, b in lane.spans)
        assert all(lane.spans for lane in lanes)


def test_pages_are_drawn_to_scale() -> None:
    machine = replace(synth.x64_machine(), large_pages=())
    view = BinaryView(synth.build_kernel_dump(machine, DumpKind.FULL), "x.dmp")
    dump = read_dump(view)
    assert dump.physical is not None
    lane = memory_pictures(dump)[0].lanes[0]
    assert lane.size == size_text(dump.physical.page_count * 4096)
    assert lane.spans[-1][1] == 1.0


def test_sizes() -> None:
    assert [size_text(size) for size in (0, 1023, 1536, 4 << 20, 123 << 20, 3 << 40)] == [
        "0 bytes", "1,023 bytes", "1.5 KiB", "4.0 MiB", "123 MiB", "3,072 GiB",
    ]  # fmt: skip
