"""compare(): the same crash or not, on built crashes, on the story and on real pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import SymbolOptions, analyze
from bugcheck.machine.modules import Module
from bugcheck.reports.comparison_document import comparison_document
from bugcheck.reports.formats.text import draw
from bugcheck.stack.frame import Frame, Trust
from bugcheck.synth import DumpKind, MachineDescription
from bugcheck.synth.description import BugCheckDescription
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.comparison import Comparison, Outcome, compare
from bugcheck.verdict.driver_changes import driver_changes
from bugcheck.verdict.stack_similarity import match_stacks

DAY = 86400 * 10_000_000
"""100 ns ticks."""


def built(folder: Path, machine: MachineDescription, name: str = "x.dmp", kind: DumpKind = DumpKind.FULL) -> Analysis:
    path = folder / name
    path.write_bytes(synth.build_kernel_dump(machine, kind))
    return analyze(path)


def both_ways(a: Analysis, b: Analysis) -> Comparison:
    """Compare, and check that the order does not matter."""
    there, back = compare(a, b), compare(b, a)
    assert (there.outcome, there.score) == (back.outcome, back.score)
    return there


def later(machine: MachineDescription) -> MachineDescription:
    """The same machine, stopped a day later."""
    return replace(machine, system_time=machine.system_time + DAY)


def test_the_same_defect_a_day_later(tmp_path: Path) -> None:
    machine = synth.x64_machine()
    comparison = both_ways(built(tmp_path, machine, "a.dmp"), built(tmp_path, later(machine), "b.dmp"))
    assert comparison.outcome is Outcome.SAME
    assert not comparison.one_stop
    assert not comparison.against
    assert comparison.drivers.changes == ()


def test_full_and_small_dump_of_one_stop(tmp_path: Path) -> None:
    machine = synth.x64_machine()
    a, b = built(tmp_path, machine, "a.dmp"), built(tmp_path, machine, "b.dmp", DumpKind.TRIAGE_FULL_PATHS)
    comparison = both_ways(a, b)
    assert comparison.one_stop
    assert comparison.outcome is Outcome.SAME


def test_another_bug_check_elsewhere_is_another_crash(tmp_path: Path) -> None:
    machine = synth.x64_machine()
    other = replace(later(machine), bugcheck=BugCheckDescription(0x124, (0, 0, 0, 0)), exception=None, broken_driver="")
    comparison = both_ways(built(tmp_path, machine, "a.dmp"), built(tmp_path, other, "b.dmp"))
    assert comparison.outcome is Outcome.DIFFERENT
    assert "different bug checks" in comparison.against[0].statement


def test_a_stop_on_purpose_is_not_comparable(tmp_path: Path) -> None:
    machine = synth.x64_machine()
    # Microsoft Learn, "Bug Check 0xE2": MANUALLY_INITIATED_CRASH
    manual = replace(later(machine), bugcheck=BugCheckDescription(0xE2, (0, 0, 0, 0)))
    comparison = both_ways(built(tmp_path, machine, "a.dmp"), built(tmp_path, manual, "b.dmp"))
    assert comparison.outcome is Outcome.NOT_COMPARABLE
    assert "on purpose" in comparison.headline


def test_empty_dumps_are_not_comparable(tmp_path: Path) -> None:
    machine = replace(
        synth.x64_machine(), exception=None, broken_driver="", bugcheck=BugCheckDescription(0xD1, (0,) * 4)
    )
    a = built(tmp_path, machine, "a.dmp", DumpKind.HEADER_ONLY)
    b = built(tmp_path, later(synth.x86_machine()), "b.dmp", DumpKind.HEADER_ONLY)
    assert both_ways(a, b).outcome in (Outcome.NOT_COMPARABLE, Outcome.DIFFERENT)
    assert both_ways(a, a).one_stop


def test_an_updated_driver_is_named(tmp_path: Path) -> None:
    machine = synth.x64_machine()
    last = machine.modules[-1]
    newer = replace(last, timestamp=last.timestamp + 1000)
    changed = replace(later(machine), modules=(*machine.modules[:-2], newer))
    a, b = built(tmp_path, machine, "a.dmp"), built(tmp_path, changed, "b.dmp")
    changes = {change.name: change.kind for change in driver_changes(a, b).changes}
    removed = machine.modules[-2]
    assert changes == {
        Path(last.path.replace("\\", "/")).name: "updated",
        Path(removed.path.replace("\\", "/")).name: "removed",
    }
    backwards = {change.name: change.kind for change in driver_changes(b, a).changes}
    assert set(backwards.values()) == {"added", "replaced by an older one"}


def test_the_story_and_its_small_dump(shared: Path) -> None:
    options = SymbolOptions(path=str(shared / "story"))
    a, b = (analyze(shared / "story" / name, symbols=options) for name in ("story.dmp", "story_triage.dmp"))
    comparison = both_ways(a, b)
    assert comparison.one_stop
    assert comparison.stacks is not None
    assert comparison.stacks.similarity > 0.9
    text = draw(comparison_document(a, b, comparison), colour=False, width=140)
    assert "RapDrv+0x9785" in text
    assert "KERNEL_MODE_EXCEPTION_NOT_HANDLED" in text


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
    [
        # corpus/README.md and incident-amd-driver: one machine, its display driver's own stop A0000001 again and again
        ("111217-27671-01", "111217-31359-01", {Outcome.SAME}),
        # the same incident: the driver's loop (EA) twice
        ("111417-173000-01", "111417-76578-01", {Outcome.SAME, Outcome.PROBABLY_SAME}),
        # the same machine, the sound driver this time
        ("111217-27671-01", "111417-58375-01", {Outcome.DIFFERENT}),
    ],
)
def test_real_pairs(first: str, second: str, outcomes: set[Outcome], corpus: Path) -> None:
    name = "CriticalRocket__DriverProblems__{}.dmp"
    a, b = (analyze(corpus / "kernel" / name.format(each)) for each in (first, second))
    assert both_ways(a, b).outcome in outcomes


def test_machine_and_process_are_not_comparable(corpus: Path, tmp_path: Path) -> None:
    process = analyze(corpus / "user" / "google__breakpad__ascii_read_av.dmp")
    comparison = both_ways(built(tmp_path, synth.x64_machine()), process)
    assert comparison.outcome is Outcome.NOT_COMPARABLE
    text = draw(comparison_document(process, process, compare(process, process)), colour=False, width=120)
    assert "one and the same stop" in text


# --- stacks ---

NT = Module("nt", "ntoskrnl.exe", "ntoskrnl.exe", 0x1000, 0x10000, 7, 0)


def stack(*names: str, trust: Trust = Trust.UNWIND_INFO, module: Module = NT) -> tuple[Frame, ...]:
    return tuple(
        Frame(index, module.base + 16 * index, 0, 0, (), module, name or None, 0, trust)
        for index, name in enumerate(names)
    )


def test_stacks_with_a_gap_stay_alike() -> None:
    whole = match_stacks(stack("A", "B", "C", "D", "E"), stack("A", "B", "C", "D", "E"))
    gap = match_stacks(stack("A", "B", "C", "D", "E"), stack("A", "X", "B", "C", "D", "E"))
    other = match_stacks(stack("A", "B", "C", "D", "E"), stack("V", "W", "X", "Y", "Z"))
    assert whole.similarity == 1.0
    assert 0.7 < gap.similarity < 1.0
    assert other.similarity == 0.0
    assert [(a.symbol if a else None, b.symbol if b else None) for a, b in gap.pairs][:3] == [
        ("A", "A"),
        (None, "X"),
        ("B", "B"),
    ]


def test_levels_near_the_fault_weigh_more() -> None:
    first = match_stacks(stack("X", "B", "C", "D"), stack("A", "B", "C", "D")).similarity
    last = match_stacks(stack("A", "B", "C", "X"), stack("A", "B", "C", "D")).similarity
    assert first < last


def test_the_way_into_the_bug_check_is_left_out() -> None:
    match = match_stacks(stack("KeBugCheckEx", "KiBugCheckDispatch", "A"), stack("KiPageFault", "B"))
    assert match.similarity == 0.0
    assert match.levels == 1


def test_nameless_levels_are_alike_only_in_one_build() -> None:
    other = replace(NT, time_date_stamp=8)
    assert match_stacks(stack("", "", ""), stack("", "", "")).similarity == 1.0
    assert 0 < match_stacks(stack("", "", ""), stack("", "", "", module=other)).similarity < 0.5


def test_long_stacks_are_cut() -> None:
    names = [f"f{index}" for index in range(3000)]
    assert match_stacks(stack(*names), stack(*reversed(names))).levels == 64
    assert match_stacks((), stack("A")).similarity == 0.0
