"""What a person is told to do next, by what is blamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import analyze, known_issues_told
from bugcheck.reports.analysis_document import analysis_document
from bugcheck.reports.formats.text import draw
from bugcheck.reports.next_steps import NEXT_DISK, NEXT_PROCESSOR, next_steps
from bugcheck.synth import DumpKind
from bugcheck.verdict.analysis import Analysis
from tests.findings.bugchecks.builders import MACHINE, described_check


def built(folder: Path, code: int, *parameters: int) -> Analysis:
    machine = replace(MACHINE, bugcheck=described_check(code, *parameters), exception=None, broken_driver="")
    path = folder / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(machine, DumpKind.TRIAGE_FULL_PATHS))
    return analyze(path)


def test_a_driver_is_to_be_updated_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS))
    first, second, command = next_steps(analyze(path))
    assert first.startswith("update flaky.sys, or go back to the version before")
    assert second.startswith("logs, versions and files around")
    assert command == "→ bugcheck investigate FOLDER"


@pytest.mark.parametrize(
    ("code", "parameters", "first"),
    [
        # ntstatus.h: c000009c STATUS_DEVICE_DATA_ERROR; bug check reference, 124: parameter 1 is 0, a machine check
        (0x7A, (4, 0xFFFF_FFFF_C000_009C, 0, 0x1000), NEXT_DISK),
        (0x124, (0, 0, 0xB200_0000, 0x7_0005), NEXT_PROCESSOR),
        (0x1A, (0x403, 0, 0x8000_0000_1234_5867, 0x8000_0000_1234_5827), "test the memory modules one at a time"),
    ],
)
def test_hardware_is_told_by_its_kind(tmp_path: Path, code: int, parameters: tuple[int, ...], first: str) -> None:
    assert next_steps(built(tmp_path, code, *parameters))[0].startswith(first)


def test_where_nothing_is_blamed_other_dumps_are_asked_for(tmp_path: Path) -> None:
    assert next_steps(built(tmp_path, 0x50, 0xFFFF_9B00_DEAD_0000, 0, MACHINE.modules[0].base + 0x1010))[-1] == (
        "→ bugcheck analyze FOLDER"
    )


def test_a_stop_on_purpose_needs_nothing_and_says_so_once(tmp_path: Path) -> None:
    analysis = built(tmp_path, 0xE2)
    assert next_steps(analysis) == ()
    assert "this is no crash" not in draw(analysis_document(analysis), colour=False, width=120)


@pytest.mark.corpus
def test_what_helps_against_a_known_issue_is_not_said_twice(corpus: Path) -> None:
    analysis = analyze(corpus / "kernel" / "CriticalRocket__DriverProblems__111217-27671-01.dmp")
    known = known_issues_told(analysis)
    assert known
    assert next_steps(analysis, known)[0].startswith("logs, versions")
    assert next_steps(analysis)[0].startswith("update ")


@pytest.mark.corpus
def test_a_stack_of_the_kernel_alone_is_left_to_verbose(corpus: Path) -> None:
    analysis = analyze(corpus / "kernel" / "r-Techsupport__training_bsods__1a.dmp")
    assert "stack of" not in draw(analysis_document(analysis), colour=False, width=120)
    assert "stack of" in draw(analysis_document(analysis, verbose=True), colour=False, width=120)
