"""The WinDbg-style report: the story's listing field by field, the modern field set, hostile strings, every era.

Source of expected values: ../shared/story/original.txt (the administrator's own listing), compared with blanks
folded, because the text lost its columns.  Its `dWord` is the copyist's: the engine writes `dword`
(story/expected.json, trap_last_line), so case counts everywhere but in that word.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import SymbolOptions, analyze
from bugcheck.errors import UsageError
from bugcheck.reports.windbg_registers import flag_letters
from bugcheck.reports.windbg_report import windbg_report
from bugcheck.synth import DumpKind
from bugcheck.synth.description import BugCheckDescription
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.eras import Era

STORY_DUMPS = ("story.dmp", "story_kernel.dmp", "story_triage.dmp")
# the field names of the listing, in the order the administrator saw them
LISTED = (
    "EXCEPTION_CODE", "FAULTING_IP", "TRAP_FRAME", "DEFAULT_BUCKET_ID", "BUGCHECK_STR", "PROCESS_NAME", "CURRENT_IRQL",
    "LAST_CONTROL_TRANSFER", "STACK_TEXT", "STACK_COMMAND", "FOLLOWUP_IP", "SYMBOL_STACK_INDEX", "FOLLOWUP_NAME",
    "MODULE_NAME", "IMAGE_NAME", "DEBUG_FLR_IMAGE_TIMESTAMP", "SYMBOL_NAME", "FAILURE_BUCKET_ID", "BUCKET_ID",
    "Followup",
)  # fmt: skip


def fields_of(text: str) -> dict[str, list[str]]:
    """Field → its lines with blanks folded, in order; what stands before the first and behind the last is left out."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name != "WARNING" and (name == "Followup" or (name.isupper() and " " not in name)):
            lines = found.setdefault(name, [])
            line = rest
        if lines is not None and line.strip():
            lines.append(" ".join(line.replace("dWord", "dword").split()))
        if name == "Followup":
            break
    return found


def words(lines: list[str]) -> str:
    """A field as one line: the listing breaks FOLLOWUP_IP's lines elsewhere than the debugger."""
    return " ".join(lines)


@pytest.fixture(scope="module")
def listing(shared: Path) -> dict[str, list[str]]:
    return fields_of((shared / "story" / "original.txt").read_text("utf-8"))


@pytest.fixture(scope="module", params=STORY_DUMPS)
def story(request: pytest.FixtureRequest, shared: Path) -> Analysis:
    folder = shared / "story"
    return analyze(folder / request.param, hash_file=False, symbols=SymbolOptions(path=str(folder)))


def test_the_listing_is_read_whole(listing: dict[str, list[str]]) -> None:
    assert tuple(listing) == LISTED
    assert len(listing["STACK_TEXT"]) == 14  # 13 levels and the warning
    assert len(listing["TRAP_FRAME"]) == 8


def test_fields_and_their_order(story: Analysis, listing: dict[str, list[str]]) -> None:
    assert tuple(fields_of(windbg_report(story))) == LISTED


@pytest.mark.parametrize("name", LISTED)
def test_field(name: str, story: Analysis, listing: dict[str, list[str]]) -> None:
    assert words(fields_of(windbg_report(story))[name]) == words(listing[name])


@pytest.mark.parametrize("name", ["STACK_TEXT", "TRAP_FRAME"])
def test_lines_of_a_field(name: str, story: Analysis, listing: dict[str, list[str]]) -> None:
    assert fields_of(windbg_report(story))[name] == listing[name]


def test_spacing_of_the_touched_line(story: Analysis, shared: Path) -> None:
    # expected.json, dumps, trap_last_line and u_faulting: as the engine spaces them
    report = windbg_report(story).splitlines()
    line = "f535e785 894104          mov     dword ptr [ecx+4],eax"
    assert f"{line} ds:0023:00000004=????????" in report
    assert report.count(line) == 2  # FAULTING_IP and FOLLOWUP_IP


def test_small_dump_marks_its_code(shared: Path) -> None:
    # windbg.md 3.2: 0x1000008E prints KERNEL_MODE_EXCEPTION_NOT_HANDLED_M (1000008e)
    report = windbg_report(analyze(shared / "story" / "story_triage.dmp", hash_file=False))
    assert "KERNEL_MODE_EXCEPTION_NOT_HANDLED_M (1000008e)" in report.splitlines()
    report = windbg_report(analyze(shared / "story" / "story.dmp", hash_file=False))
    assert "KERNEL_MODE_EXCEPTION_NOT_HANDLED (8e)" in report.splitlines()


def test_trap_frame_since_windows_8(story: Analysis) -> None:
    # windbg.md 3.2: old `(.trap fffffffff8950dfc)`, newer `(.trap 0xffffffffad9d9568)`
    assert "TRAP_FRAME:  f4c0bb54 -- (.trap 0xfffffffff4c0bb54)" in windbg_report(story, Era.WINDOWS_8).splitlines()


# Intel SDM vol. 1, 3.4.3: CF 0, PF 2, AF 4, ZF 6, SF 7, IF 9, DF 10, OF 11; first row is the story's
@pytest.mark.parametrize(
    ("flags", "letters"),
    [
        (0x10246, "nv up ei pl zr na pe nc"),
        (0x00000, "nv up di pl nz na po nc"),
        (0x00ED5, "ov dn ei ng zr ac pe cy"),
        (0x00001, "nv up di pl nz na po cy"),
        (0x00800, "ov up di pl nz na po nc"),
    ],
)
def test_flag_letters(flags: int, letters: str) -> None:
    assert flag_letters(flags) == letters


# --- the modern report ---


def built(tmp_path: Path, description: synth.MachineDescription) -> Analysis:
    path = tmp_path / "built.dmp"
    path.write_bytes(synth.build_kernel_dump(description, DumpKind.TRIAGE_FULL_PATHS))
    return analyze(path, hash_file=False)


def test_modern_fields(tmp_path: Path) -> None:
    driver = next(module for module in synth.x64_machine().modules if module.name == "flaky.sys")
    check = BugCheckDescription(0xD1, (0x29, 2, 1, driver.base + 0x1AE9))
    analysis = built(tmp_path, replace(synth.x64_machine(), bugcheck=check, exception=None, broken_driver=""))
    fields = fields_of(windbg_report(analysis, Era.SINCE_2019))
    assert fields["BUGCHECK_CODE"] == ["d1"]
    assert [words(fields[f"BUGCHECK_P{n}"]) for n in (1, 2, 3, 4)] == ["29", "2", "1", f"{driver.base + 0x1AE9:x}"]
    assert fields["WRITE_ADDRESS"] == ["0000000000000029"]
    assert fields["FAILURE_BUCKET_ID"] == ["AV_flaky!unknown_function"]
    assert fields["MODULE_NAME"] == ["flaky"]
    assert fields["IMAGE_NAME"] == ["flaky.sys"]
    assert fields["SYMBOL_NAME"] == ["flaky+1ae9"]
    assert fields["STACK_COMMAND"] == [".cxr; .ecxr ; kb"]
    keys = fields["KEY_VALUES_STRING"]
    assert keys[keys.index("Key : Failure.Bucket") + 1] == "Value: AV_flaky!unknown_function"
    assert keys[keys.index("Key : Failure.Hash") + 1] == f"Value: {words(fields['FAILURE_ID_HASH'])}"
    assert not {"BUCKET_ID", "DEFAULT_BUCKET_ID", "PRIMARY_PROBLEM_CLASS"} & fields.keys()


def test_fields_of_2015(tmp_path: Path) -> None:
    fields = fields_of(windbg_report(built(tmp_path, synth.x64_machine()), Era.WINDOWS_8))
    # windbg.md 3.4: PRIMARY_PROBLEM_CLASS in 2015-2019 = the FAILURE_BUCKET_ID string
    assert fields["PRIMARY_PROBLEM_CLASS"] == fields["FAILURE_BUCKET_ID"]
    assert fields["FAILURE_ID_HASH_STRING"] == [f"km:{words(fields['FAILURE_BUCKET_ID'])}".lower()]
    assert fields["DEFAULT_BUCKET_ID"] == ["WIN8_DRIVER_FAULT"]


def test_user_fields(corpus: Path) -> None:
    # expected/dbgeng_user.jsonl and the file's own record: an access violation writing in crashme
    analysis = analyze(corpus / "user" / "google__breakpad__ascii_write_av.dmp", hash_file=False)
    fields = fields_of(windbg_report(analysis))
    assert fields["PROCESS_NAME"] == ["crashme.exe"]
    assert fields["EXCEPTION_CODE_STR"] == ["c0000005"]
    assert fields["EXCEPTION_PARAMETER1"] == ["00000001"]
    assert words(fields["STACK_COMMAND"]).endswith("s; .ecxr ; kb")
    assert fields["FAILURE_BUCKET_ID"] == ["INVALID_POINTER_WRITE_c0000005_crashme.exe!Unknown"]
    with pytest.raises(UsageError, match="does not suit"):
        windbg_report(analysis, Era.X86)


@pytest.mark.parametrize("era", [era for era in Era if era is not Era.USER])
@pytest.mark.parametrize("machine", [synth.x86_machine, synth.x64_machine, synth.arm64_machine])
def test_every_era_prints_every_machine(era: Era, machine: object, tmp_path: Path) -> None:
    assert callable(machine)
    report = windbg_report(built(tmp_path, machine()), era)
    assert report.endswith("---------\n\n")
    names = {"STACK_COMMAND", "MODULE_NAME", "IMAGE_NAME", "FAILURE_BUCKET_ID", "Followup"}
    assert names <= fields_of(report).keys()


def test_no_field_is_printed_empty(tmp_path: Path) -> None:
    for era in (Era.X64_TO_7, Era.WINDOWS_8, Era.SINCE_2019):
        fields = fields_of(windbg_report(built(tmp_path, synth.x64_machine()), era))
        assert all(fields.values()), [name for name, lines in fields.items() if not lines]


def test_an_almost_empty_dump(tmp_path: Path) -> None:
    path = tmp_path / "empty.dmp"
    description = replace(synth.x64_machine(), exception=None, broken_driver="")
    path.write_bytes(synth.build_kernel_dump(description, DumpKind.HEADER_ONLY))
    fields = fields_of(windbg_report(analyze(path, hash_file=False)))
    assert fields["SYMBOL_NAME"] == ["ANALYSIS_INCONCLUSIVE"]
    assert fields["MODULE_NAME"] == ["Unknown_Module"]
    assert fields["IMAGE_NAME"] == ["Unknown_Image"]


def test_strings_of_a_dump_cannot_steer_a_terminal(tmp_path: Path) -> None:
    description = replace(synth.x64_machine(), broken_driver="\x1b[2Jevil\nFAILURE_BUCKET_ID:  forged")
    report = windbg_report(built(tmp_path, description))
    assert "\x1b" not in report
    assert sum(line.startswith("FAILURE_BUCKET_ID:") for line in report.splitlines()) == 1
    assert "\\x1b[2Jevil\\x0aFAILURE_BUCKET_ID" in report


def test_control_went_nowhere(tmp_path: Path) -> None:
    # windbg.md 3.1: if control went to a bad address, FAILED_INSTRUCTION_ADDRESS appears
    check = BugCheckDescription(0xD1, (0x10, 2, 8, 0x10))
    report = windbg_report(built(tmp_path, replace(synth.x64_machine(), bugcheck=check, exception=None)))
    assert "FAILED_INSTRUCTION_ADDRESS: \n+10\n00000000`00000010 ??              ???\n" in report
