"""Processors as their KPRCBs tell them, in words."""

from pathlib import Path

import pytest

from bugcheck import analyze

# who designed the cores: the maker's product pages (Raspberry Pi 3: Arm Cortex-A53; Snapdragon: Qualcomm Kryo)
DESIGNERS = {
    "ivellioscolin__kdlibcpp__RPi3_ARM_mini.cab.dmp": "Arm",
    "ivellioscolin__kdlibcpp__win10_arm64_mem.dmp": "Qualcomm",
    "rizinorg__rizin-testbins__triage_arm64.dmp": "Qualcomm",
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", DESIGNERS)
def test_arm_cores_are_told_by_their_designer(corpus: Path, name: str) -> None:
    machine = analyze(corpus / "kernel" / name).machine
    assert {processor.vendor for processor in machine.processors} == {DESIGNERS[name]}
    assert all(processor.description.startswith(DESIGNERS[name]) for processor in machine.processors)
