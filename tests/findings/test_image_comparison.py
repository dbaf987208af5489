"""A driver file held against the story's dumps: unchanged, changed in the file, another build."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.api import analyze_all
from bugcheck.verdict.analysis import Analysis


def analysed(shared: Path, image: Path, dump: str = "story.dmp") -> Analysis:
    path = shared / "story" / dump
    if not path.is_file():
        pytest.skip(f"needs {path}")
    (outcome,) = analyze_all([path], hash_file=False, images=[image])
    assert outcome.analysis is not None
    return outcome.analysis


def statements(analysis: Analysis) -> list[str]:
    return [each.statement for each in analysis.verdict.findings if each.rule == "given_image"]


def driver(shared: Path, folder: Path, changes: dict[int, int]) -> Path:
    data = bytearray((shared / "story" / "RapDrv.sys").read_bytes())
    for place, value in changes.items():
        data[place] ^= value
    path = folder / "RapDrv.sys"
    path.write_bytes(data)
    return path


def test_the_storys_driver_is_unchanged_in_memory(shared: Path) -> None:
    (sentence,) = statements(analysed(shared, shared / "story" / "RapDrv.sys"))
    assert "is the build the dump had loaded, and its code is unchanged in memory" in sentence


def test_a_small_dump_says_how_little_was_compared(shared: Path) -> None:
    (sentence,) = statements(analysed(shared, shared / "story" / "RapDrv.sys", "story_triage.dmp"))
    assert "unchanged in memory: 4,096 of 52,224 bytes" in sentence


def test_code_that_differs_is_shown_with_its_place(shared: Path, tmp_path: Path) -> None:
    (sentence,) = statements(analysed(shared, driver(shared, tmp_path, {0x9780: 0xFF})))
    assert sentence == "code of RapDrv in the dump differs from RapDrv.sys at RapDrv+0x9780"


def test_another_build_is_no_comparison(shared: Path, tmp_path: Path) -> None:
    data = (shared / "story" / "RapDrv.sys").read_bytes()
    stamp = int.from_bytes(data[60:64], "little") + 8
    (sentence,) = statements(analysed(shared, driver(shared, tmp_path, {stamp: 0x01})))
    assert sentence == "RapDrv.sys is not the build the dump had loaded: time stamp differs"


def test_what_was_not_loaded_or_is_no_program_leaves_a_gap(shared: Path, tmp_path: Path) -> None:
    other = driver(shared, tmp_path, {}).rename(tmp_path / "other.sys")
    gaps = analysed(shared, other).gaps
    assert any("other.sys" in gap.what and "loaded module" in gap.missing for gap in gaps)
    (tmp_path / "RapDrv.sys").write_bytes(b"no program at all")
    assert any("RapDrv.sys" in gap.what for gap in analysed(shared, tmp_path / "RapDrv.sys").gaps)


def test_without_a_file_nothing_is_said(shared: Path) -> None:
    path = shared / "story" / "story_triage.dmp"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    (outcome,) = analyze_all([path], hash_file=False)
    assert outcome.analysis is not None
    assert not statements(outcome.analysis)
