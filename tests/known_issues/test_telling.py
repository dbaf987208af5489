"""Which known issues stand beside a verdict, and that looking at a glance finds what reading everything does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import (
    Analysis,
    analyze,
    analyze_all,
    import_known_issues,
    known_issue_matches,
    known_issues_told,
    render,
)
from bugcheck.known_issues.likely import _sketches, likely_entries, read_entries  # pyright: ignore[reportPrivateUsage]
from bugcheck.known_issues.shipped import shipped_issues
from bugcheck.known_issues.telling import MOST, worth_telling
from bugcheck.synth import DumpKind


def told(analysis: Analysis) -> list[tuple[str, str | None]]:
    return [(each.issue.id, each.kind) for each in known_issues_told(analysis)]


def test_sketches_say_what_the_entries_say() -> None:
    sketches = {each.issue_id: each for each in _sketches()}
    issues = shipped_issues()
    assert sketches.keys() == {issue.id for issue in issues}
    for issue in issues:
        sketch = sketches[issue.id]
        assert sketch.drivers == set(issue.drivers)
        assert sketch.alike == set(issue.near_miss_of)
        assert len(sketch.codes) == len({text.partition("/")[0] for text in issue.bugchecks})


def test_only_the_likely_entries_are_read() -> None:
    found = read_entries(likely_entries(0xA0000001, "atikmdag.sys", ["nt", "atikmdag.sys"]))
    assert "ATIKMDAG-A0000001" in {issue.id for issue in found}
    assert len(found) < len(shipped_issues()) / 4
    assert likely_entries(0xDEAD, "", ["ntoskrnl.exe"]) == b""


@pytest.mark.corpus
def test_a_glance_finds_what_reading_everything_does(corpus: Path, shared: Path) -> None:
    paths = [corpus / "kernel", shared / "story" / "story.dmp", shared / "story" / "story_triage.dmp"]
    for outcome in analyze_all(paths, hash_file=False):
        assert outcome.analysis is not None
        everything = worth_telling(known_issue_matches(outcome.analysis))
        assert told(outcome.analysis) == [(each.issue.id, each.kind) for each in everything], outcome.path


@pytest.mark.corpus
def test_the_story_is_a_near_miss_of_the_published_fault(shared: Path) -> None:
    # story/README.md: CVE-2006-4541 names RapDrv.sys, but its trigger is NtOpenSection and a read
    matches = {each.issue.id: each for each in known_issues_told(analyze(shared / "story" / "story.dmp"))}
    assert matches["CVE-2006-4541"].kind == "near_miss"
    assert any("not a read" in sentence for sentence in matches["CVE-2006-4541"].fails)
    assert len(matches) <= MOST


@pytest.mark.corpus
def test_every_format_tells_a_match_and_what_helps(corpus: Path) -> None:
    analysis = analyze(corpus / "kernel" / "CriticalRocket__DriverProblems__111217-27671-01.dmp")
    assert told(analysis) == [("ATIKMDAG-A0000001", "match")]
    for name in ("text", "markdown", "html", "json"):
        text = render(analysis, name)
        assert "ATIKMDAG-A0000001" in text, name
        assert "Another version of the display driver" in text, name


def test_a_crash_that_nothing_is_known_of_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS))
    analysis = analyze(path)
    assert known_issues_told(analysis) == []
    assert '"known_issues": []' in render(analysis, "json")
    assert "\nknown " not in render(analysis, "text")


def test_an_entry_of_ones_own_is_told(tmp_path: Path) -> None:
    path, entry = tmp_path / "x.dmp", tmp_path / "own.toml"
    path.write_bytes(synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS))
    analysis = analyze(path)
    assert analysis.blame.image is not None
    code = f"{analysis.bugcheck.code:X}" if analysis.bugcheck else ""
    entry.write_text(
        f'[[issue]]\nid = "OWN-1"\ntitle.en = "ours"\ndrivers = ["{analysis.blame.image.lower()}"]\n'
        f'[[issue.condition]]\ntest = "bugcheck"\ncode = ["{code}"]\n'
        f'[[issue.condition]]\ntest = "module_blamed"\nmodule = ["{analysis.blame.image}"]\n'
        '[[issue.treatment]]\ntext.en = "wait"\n[[issue.source]]\nname = "us"\ncertainty = "own"\n'
    )
    database = str(tmp_path / "own.sqlite")
    import_known_issues(entry, database=database)
    [match] = known_issues_told(analysis, database=database)
    assert (match.issue.id, match.kind) == ("OWN-1", "match")
