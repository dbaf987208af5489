"""A debugger's log against our verdict, and against the dump it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.api import SymbolOptions, analyze, compare
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.comparison import Outcome
from tests.dump.log.texts import ELEVEN, LOGS, SEVEN, USER, XP


def analysis(tmp_path: Path, text: str) -> Analysis:
    path = tmp_path / "log.txt"
    path.write_text(text, "utf-8")
    return analyze(path, hash_file=False)


def disagreements(found: Analysis) -> list[str]:
    return [f"{gap.what}: {gap.missing}" for gap in found.gaps if "verdict" in gap.what]


# texts.py: the debugger blames the module whose instruction failed, and so do the rules
@pytest.mark.parametrize("name", LOGS)
def test_agreement_is_silent(tmp_path: Path, name: str) -> None:
    found = analysis(tmp_path, LOGS[name])
    log = found.dump.log
    assert log is not None
    assert found.blame.module == log.field("MODULE_NAME")
    assert disagreements(found) == []


def test_another_module_is_told(tmp_path: Path) -> None:
    text = XP.replace("MODULE_NAME:  quietdrv", "MODULE_NAME:  otherdrv").replace(
        "SYMBOL_NAME:  quietdrv", "SYMBOL_NAME:  otherdrv"
    )
    [told] = disagreements(analysis(tmp_path, text))
    assert told == "whose verdict holds: the log blames otherdrv (otherdrv+1c22), these rules blame quietdrv; see why"


def test_a_log_without_its_stack_is_believed_a_little(tmp_path: Path) -> None:
    text = ELEVEN[: ELEVEN.index("TRAP_FRAME")] + ELEVEN[ELEVEN.index("SYMBOL_NAME") :].replace("netquick", "elsewhere")
    text = text.replace("Arg4: fffff8054a6b1e40", "Arg4: 0000000000000000").replace("P4: fffff8054a6b1e40", "P4: 0")
    found = analysis(tmp_path, text)
    assert disagreements(found) == []
    assert (found.blame.module, found.blame.level) == ("elsewhere", "low")
    assert "the stack it did so from is not in the log" in found.blame.because[0]


@pytest.mark.parametrize("module", ["nt", "ntoskrnl", "memory_corruption", "Unknown_Module", "hardware"])
def test_nobody_and_the_kernel_are_no_contradiction(tmp_path: Path, module: str) -> None:
    text = ELEVEN[: ELEVEN.index("TRAP_FRAME")] + f"\nMODULE_NAME: {module}\n\nFAILURE_BUCKET_ID:  AV_{module}\n"
    text = text.replace("Arg4: fffff8054a6b1e40", "Arg4: 0000000000000000").replace("P4: fffff8054a6b1e40", "P4: 0")
    found = analysis(tmp_path, text)
    assert disagreements(found) == []
    assert found.blame.module is None


def test_the_short_analysis_names_a_module_too(tmp_path: Path) -> None:
    brief = XP[: XP.index("kd> !analyze")].replace("quietdrv.sys ( quietdrv+1c22 )", "nosuchdrv.sys ( nosuchdrv+1c22 )")
    found = analysis(tmp_path, brief)
    assert any("nosuchdrv.sys" in line for line in disagreements(found))


def test_user_modules_are_not_blamed_for_a_kernel_crash(tmp_path: Path) -> None:
    stack = SEVEN.replace("slowflt!SlowPostCreate", "nt!IopSlow").replace("slowflt", "nt")
    assert analysis(tmp_path, stack).blame.module != "ntdll"


# --- comparison ---


def test_a_log_is_the_same_crash_as_itself_reformatted(tmp_path: Path) -> None:
    first = analysis(tmp_path, XP)
    second = analysis(tmp_path, "\r\n".join(f"> {line}" for line in XP.split("\n")))
    assert compare(first, second).outcome is Outcome.SAME


def test_logs_of_two_crashes_differ(tmp_path: Path) -> None:
    assert not compare(analysis(tmp_path, XP), analysis(tmp_path, SEVEN)).is_same
    assert not compare(analysis(tmp_path, USER), analysis(tmp_path, SEVEN)).is_same


@pytest.mark.corpus
def test_the_story_text_and_its_dump_are_one_crash(shared: Path) -> None:
    story = shared / "story"
    text, dump = (
        analyze(story / name, hash_file=False, symbols=SymbolOptions(path=str(story)))
        for name in ("original.txt", "story.dmp")
    )
    found = compare(text, dump)
    assert found.outcome is Outcome.SAME
    assert found.stacks is not None
    assert found.stacks.similarity > 0.9
    assert not found.drivers.changes  # what a log does not name is not gone
