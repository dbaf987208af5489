"""The sentence at the top: as strong as the evidence, in words a tired person understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import SymbolOptions, analyze, analyze_all
from bugcheck.verdict.verdict import judge
from tests.crashes import x64_crash

MACHINE = synth.x64_machine()
DRIVER = MACHINE.modules[2].base + 0x1020


def test_a_flipped_bit_names_hardware_and_the_victim_as_such() -> None:
    said = judge(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37)).headline
    assert said == "Hardware: a single bit (37) of a page table entry is flipped."


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x0, "No crash: a snapshot, taken while the system went on."),
        (0xE2, "No crash: the system was stopped on purpose (MANUALLY_INITIATED_CRASH)."),
        (0x1C8, "No crash of Windows' own: somebody held the power button down until the machine stopped."),
    ],
)
def test_stops_on_purpose(code: int, says: str) -> None:
    assert judge(x64_crash(code)).headline == says


def test_damage_without_a_writer_says_so() -> None:
    said = judge(x64_crash(0x19, 0x20, 0xFFFF_9B00_0250_0000)).headline
    assert said.startswith("Perhaps memory overwritten by code that is not to be seen here: ")


def test_settings_are_called_settings() -> None:
    assert judge(x64_crash(0x74, 2)).headline.startswith("Perhaps settings or files of Windows: ")


@pytest.mark.parametrize("name", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_the_story(shared: Path, name: str) -> None:
    # design/screens.md, first screen
    found = analyze(shared / "story" / name, symbols=SymbolOptions(path=str(shared / "story")))
    assert found.headline == (
        "RapDrv.sys (BlackICE / RealSecure Desktop, Internet Security Systems) wrote through a null list link "
        "while blackice.exe asked it for something by device control."
    )
    assert found.blame.level == "high"
    near = next(finding for finding in found.findings if finding.rule == "known_trouble_driver")
    assert near.statement.startswith("a near miss: CVE-2006-4541")
    assert near.statement.endswith("in another call, NtDeviceIoControlFile")
    assert near.weight == 0


@pytest.mark.corpus
def test_headlines_of_processes(corpus: Path) -> None:
    folder = corpus / "user"
    said = {Path(o.path).name: o.analysis.headline for o in analyze_all([folder], hash_file=False) if o.analysis}
    assert said["google__breakpad__exec_av_on_stack.dmp"] == (
        "The process jumped to 0x3df944, where there is no code of any module."
    )
    assert said["radareorg__radare2-testbins__mdmp_calc.dmp"].startswith("A breakpoint in ntdll.dll")
    assert said["rust-minidump__rust-minidump__invalid-parameter.dmp"] == (
        "The process raised an invalid parameter (0xc000000d)."
    )
