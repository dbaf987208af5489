"""Buckets by era: strings of facts/windbg.md §3.4 (samples of public outputs) built from dumps of ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bugcheck import synth
from bugcheck.api import SymbolOptions, analyze
from bugcheck.errors import UsageError
from bugcheck.findings.findings import Category, Crash
from bugcheck.synth import DumpKind
from bugcheck.synth.description import BugCheckDescription
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.bugcheck_str import bugcheck_str
from bugcheck.verdict.eras import Era, era_of, parse_era
from bugcheck.verdict.followup import follow_up
from bugcheck.verdict.signature import default_bucket_id, sign
from bugcheck.verdict.verdict import judge
from tests.crashes import crash_of, empty_crash, x64_crash

STORY_DUMPS = ("story.dmp", "story_kernel.dmp", "story_triage.dmp")


def blame_of(module: str | None = None, image: str | None = None, category: Category = Category.DRIVER) -> Blame:
    return Blame(module, image, category, None, 0.6, "medium", (), (), ())


NOBODY = blame_of(None, None, Category.UNKNOWN)


def at_build(crash: Crash, build: int) -> Crash:
    """The same crash under another Windows."""
    system = crash.machine.system
    assert system is not None
    crash.machine.__dict__["system"] = replace(system, build=build)
    return crash


@pytest.mark.parametrize("name", STORY_DUMPS)
def test_story(name: str, shared: Path) -> None:
    # original.txt; the hash of its bucket: facts/windbg.md 3.3
    folder = shared / "story"
    analysis = analyze(folder / name, hash_file=False, symbols=SymbolOptions(path=str(folder)))
    signature = sign(analysis.crash, analysis.blame)
    assert signature.era is Era.X86
    assert signature.bugcheck_str == "0x8E"
    assert signature.default_bucket_id == "DRIVER_FAULT"
    assert signature.bucket_id == signature.failure_bucket_id == "0x8E_RapDrv+9785"
    assert signature.failure_id_hash == "{82c80ae0-1521-c0e4-3113-da11fd2ebd27}"
    assert signature.own == "8e c0000005|rapdrv|write null"


def test_story_in_other_eras(shared: Path) -> None:
    # windbg.md 3.4: X64_ up to Windows 7; AV and no offset since 8; unknown_function since 2019
    analysis = analyze(shared / "story" / "story.dmp", hash_file=False)
    buckets = {era: sign(analysis.crash, analysis.blame, era).failure_bucket_id for era in Era if era is not Era.USER}
    assert buckets == {
        Era.X86: "0x8E_RapDrv+9785",
        Era.X64_TO_7: "X64_0x8E_RapDrv+9785",
        Era.WINDOWS_8: "AV_RapDrv+9785",
        Era.SINCE_2019: "AV_RapDrv!unknown_function",
    }


# windbg.md 3.4: AV_… for D1 and 7E, 0x1E_<code>, 0x9F_3, 0x13a_12, 0x5A_c0000428, 0x139_1d_INVALID_BALANCED_TREE
STRINGS: tuple[tuple[int, tuple[int, ...], str, str], ...] = (
    (0xD1, (0x10, 2, 1, 0xFFFFF801_00001000), "0xD1", "AV"),
    (0x7E, (0xFFFFFFFF_C0000005, 0xFFFFF801_00001000), "0x7E", "AV"),
    (0x7E, (0xFFFFFFFF_80000003, 0xFFFFF801_00001000), "0x7E", "0x7E"),
    (0x3B, (0xC0000005, 0xFFFFF801_00001000), "0x3B", "AV"),
    (0x1E, (0, 0, 0, 0), "0x1E_0", "0x1E_0"),
    (0x9F, (3, 0, 0, 0), "0x9F_3", "0x9F_3"),
    (0x13A, (0x12, 0, 0, 0), "0x13a_12", "0x13a_12"),
    (0x5A, (0xC0000428, 0, 0, 0), "0x5A_c0000428", "0x5A_c0000428"),
    (0x139, (0x1D, 0, 0, 0), "0x139_1d_INVALID_BALANCED_TREE", "0x139_1d_INVALID_BALANCED_TREE"),
    (0x139, (0x7777, 0, 0, 0), "0x139_7777", "0x139_7777"),
    (0xD5, (0, 0, 0, 0), "0xD5", "0xD5"),
)


@pytest.mark.parametrize(("code", "parameters", "classic", "modern"), STRINGS)
def test_bugcheck_str(code: int, parameters: tuple[int, ...], classic: str, modern: str) -> None:
    crash = x64_crash(code, *parameters)
    assert bugcheck_str(crash, Era.X64_TO_7) == classic
    assert bugcheck_str(crash, Era.WINDOWS_8) == bugcheck_str(crash, Era.SINCE_2019) == modern


@pytest.mark.parametrize(
    ("code", "parameters", "classic", "modern"),
    [
        # windbg.md 3.4: 0xD1_W_USBPORT!…, AV_NETIO!… (D1); logs-read.md: AV_VRF_vmswitch!memcpy (D1, a write)
        (0xD1, (0x29, 2, 0), "0xD1_", "AV"),
        (0xD1, (0x29, 2, 1), "0xD1_W_", "AV"),
        # windbg.md 3.4: AV_W_(null)_Driver!… (50)
        (0x50, (0xFFFF_8000_0000_0029, 0, None), "0x50_", "AV"),
        (0x50, (0xFFFF_8000_0000_0029, 1, None), "0x50_W_", "AV_W"),
    ],
)
def test_a_write_is_marked_and_a_read_is_not(
    code: int, parameters: tuple[int | None, ...], classic: str, modern: str
) -> None:
    driver = next(module for module in synth.x64_machine().modules if module.name == "flaky.sys")
    place = driver.base + 0x1AE9
    given = [place if value is None else value for value in parameters] + ([place] if code == 0xD1 else [0])
    crash = x64_crash(code, *given)
    blame = blame_of("flaky", "flaky.sys")
    assert sign(crash, blame, Era.X64_TO_7).failure_bucket_id == f"X64_{classic}flaky+1ae9"
    assert sign(crash, blame, Era.SINCE_2019).failure_bucket_id == f"{modern}_flaky!unknown_function"


def test_a_paged_out_instruction() -> None:
    # windbg.md 3.4: AV_CODE_AV_PAGED_IP_TestDriver!AccessPageableMemory
    driver = next(module for module in synth.x64_machine().modules if module.name == "flaky.sys")
    place = driver.base + 0x1AE9
    crash = x64_crash(0xD1, place, 2, 8, place)
    bucket = sign(crash, blame_of("flaky", "flaky.sys"), Era.SINCE_2019).failure_bucket_id
    assert bucket == "AV_CODE_AV_PAGED_IP_flaky!unknown_function"


def test_a_module_blamed_without_a_place() -> None:
    # windbg.md 3.4: 0x5A_c0000428_IMAGE_filecrypt.sys; its hash is in windbg_hashes.py
    crash = x64_crash(0x5A, 0xC0000428)
    signature = sign(crash, blame_of("filecrypt", "filecrypt.sys"), Era.SINCE_2019)
    assert signature.failure_bucket_id == "0x5A_c0000428_IMAGE_filecrypt.sys"
    assert signature.failure_id_hash == "{35f25777-b01e-70a1-c502-f690dab6cb3a}"
    assert signature.bucket_id is None


def test_one_flipped_bit() -> None:
    # windbg.md 3.4: 0x1A/41792 with a one-bit parameter 3 (200000000000); MODULE_NAME memory_corruption, since 2020
    # hardware; hash of MEMORY_CORRUPTION_ONE_BIT in windbg_hashes.py
    crash = x64_crash(0x1A, 0x41792, 0xFFFFF180_00001000, 0x2000_0000_0000, 0)
    blame = blame_of(None, None, Category.HARDWARE)
    signature = sign(crash, blame, Era.SINCE_2019)
    assert signature.failure_bucket_id == "MEMORY_CORRUPTION_ONE_BIT"
    assert signature.failure_id_hash == "{e3faf315-c3d0-81db-819a-6c43d23c63a7}"
    assert sign(crash, blame, Era.X64_TO_7).failure_bucket_id == "X64_MEMORY_CORRUPTION_ONE_BIT"
    where = follow_up(crash, blame, Era.SINCE_2019)
    assert (where.module_name, where.image_name) == ("hardware", "memory_corruption")
    assert follow_up(crash, blame, Era.WINDOWS_8).module_name == "memory_corruption"


def test_damage_by_an_unknown_writer() -> None:
    # windbg.md 3.4: X64_MEMORY_CORRUPTION_LARGE
    crash = x64_crash(0x1A, 0x41792, 0xFFFFF180_00001000, 0x2100_0000_0000, 0)
    changed = replace(blame_of(None, None, Category.CORRUPTION), rules=("code_mismatch",))
    bucket = sign(crash, changed, Era.X64_TO_7).failure_bucket_id
    assert bucket == "X64_MEMORY_CORRUPTION_LARGE"


# windbg.md 3.4, DEFAULT_BUCKET_ID seen
@pytest.mark.parametrize(
    ("build", "word"),
    [
        (2195, "DRIVER_FAULT"),
        (2600, "DRIVER_FAULT"),
        (3790, "DRIVER_FAULT"),
        (6002, "VISTA_DRIVER_FAULT"),
        (7601, "WIN7_DRIVER_FAULT"),
        (9200, "WIN8_DRIVER_FAULT"),
    ],
)
def test_default_bucket_id(build: int, word: str) -> None:
    assert default_bucket_id(at_build(x64_crash(0xD1), build)) == word


@pytest.mark.parametrize(
    ("build", "era"),
    [
        (7601, Era.X64_TO_7),
        (9200, Era.WINDOWS_8),
        (17134, Era.WINDOWS_8),
        (17763, Era.SINCE_2019),
        (26100, Era.SINCE_2019),
        (0, Era.SINCE_2019),
    ],
)
def test_era_of_x64(build: int, era: Era) -> None:
    assert era_of(at_build(x64_crash(0xD1), build)) is era


@pytest.mark.parametrize(("build", "era"), [(2600, Era.X86), (7601, Era.X86), (9600, Era.WINDOWS_8)])
def test_era_of_x86(build: int, era: Era) -> None:
    assert era_of(at_build(crash_of(synth.x86_machine()), build)) is era


def test_an_era_is_read_and_refused() -> None:
    assert [parse_era(era.value) for era in Era] == list(Era)
    with pytest.raises(UsageError, match="no era"):
        parse_era("1999")
    with pytest.raises(UsageError, match="does not suit a kernel dump"):
        sign(x64_crash(0xD1), NOBODY, Era.USER)


def test_user_dump(corpus: Path) -> None:
    # windbg.md 3.4: <CLASS>_<exccode>_<image.dll>!<func>; BUCKET_ID APPLICATION_FAULT_<CLASS>_<mod>!<func>+off
    analysis = analyze(corpus / "user" / "google__breakpad__ascii_write_av.dmp", hash_file=False)
    signature = sign(analysis.crash, analysis.blame)
    assert signature.era is Era.USER
    assert signature.failure_bucket_id == "INVALID_POINTER_WRITE_c0000005_crashme.exe!Unknown"
    assert signature.bucket_id == "APPLICATION_FAULT_INVALID_POINTER_WRITE_crashme+a6cd"
    assert signature.primary_problem_class == signature.default_bucket_id == "INVALID_POINTER_WRITE"
    assert signature.failure_id_hash_string == "um:invalid_pointer_write_c0000005_crashme.exe!unknown"
    with pytest.raises(UsageError, match="does not suit a user dump"):
        sign(analysis.crash, analysis.blame, Era.X86)


def test_own_key_outlives_a_rebuild_and_an_era() -> None:
    """The same fault at another offset of the driver, and under another Windows, is the same crash."""
    driver = next(module for module in synth.x64_machine().modules if module.name == "flaky.sys")
    blame = blame_of("flaky", "flaky.sys")

    def key(offset: int, access: int, build: int = 19041) -> str:
        crash = at_build(x64_crash(0xD1, 0x29, 2, access, driver.base + offset), build)
        return sign(crash, blame).own

    assert key(0x1AE9, 0) == key(0x1B10, 0) == key(0x1AE9, 0, build=7601) == "d1|flaky|read null"
    assert key(0x1AE9, 0) != key(0x1AE9, 1)


def test_own_key_tells_kinds_of_a_bug_check_apart() -> None:
    def key(code: int, *parameters: int) -> str:
        return sign(x64_crash(code, *parameters), NOBODY).own

    assert key(0x139, 3).startswith("139 3|")
    assert key(0x1A, 0x41287) != key(0x1A, 0x3F)
    assert key(0x9F, 3, 0xFFFF_9B00_0000_1000) == key(0x9F, 3, 0xFFFF_9B00_0000_2000)
    # bug check reference, 7A: parameter 1 is a lock type, or the address of a page table entry, another one each time
    assert key(0x7A, 0xFFFF_F680_0000_1000) == key(0x7A, 0xFFFF_F680_0000_2000)
    # bug check reference, 50: parameter 4 is the kind of fault, which only newer builds tell
    assert key(0x50, 0xFFFF_9B00_0000_0010, 0, 0, 0) == key(0x50, 0xFFFF_9B00_0000_0010, 0, 0, 2)


def test_an_almost_empty_dump_is_named_too() -> None:
    crash = empty_crash()
    signature = sign(crash, judge(crash).blame)
    assert signature.failure_bucket_id
    assert signature.stack_hash_module is None


@pytest.mark.parametrize("machine", [synth.x86_machine, synth.x64_machine, synth.arm64_machine])
def test_the_level_of_a_frame(machine: Any) -> None:
    """SYMBOL_STACK_INDEX counts levels from 0 and its level is the followup (windbg.md 3.2)."""
    description = replace(machine(), broken_driver="", exception=None, bugcheck=BugCheckDescription(0xE2, (0, 0, 0, 0)))
    crash = crash_of(description, DumpKind.TRIAGE_FULL_PATHS)
    where = follow_up(crash, NOBODY, era_of(crash))
    if where.stack_index is not None and where.stack is not None and where.followup is not None:
        assert where.stack.frames[where.stack_index].ip == where.followup.address
    assert (where.stack_index is None) == (where.followup is None)
    assert where.last_control_transfer is not None


def test_trap_frames_are_shown_from_since_vista_on_x86(shared: Path) -> None:
    # windbg.md 3.2: `.trap fffffffff8950dfc ; kb` in the Windows 7 x86 samples; expected.json, kb_after_trap
    analysis = analyze(shared / "story" / "story.dmp", hash_file=False)
    where = follow_up(at_build(analysis.crash, 7601), analysis.blame, Era.X86)
    assert where.stack_command == ".trap fffffffff4c0bb54 ; kb"
    assert where.last_control_transfer == (0xF535AA20, 0xF535E785)
    assert where.stack_index == 0


def test_context_records_are_shown_from(corpus: Path) -> None:
    # the dump's own bug check: 7E, parameter 2 the instruction, parameter 4 the context record
    name = "CriticalRocket__DriverProblems__111417-58375-01.dmp"
    analysis = analyze(corpus / "kernel" / name, hash_file=False)
    assert analysis.bugcheck is not None
    where = follow_up(analysis.crash, analysis.blame, Era.WINDOWS_8)
    assert where.stack_command == f".cxr {analysis.bugcheck.parameters[3].value:#x} ; kb"
    assert where.followup is not None
    assert where.followup.address == analysis.bugcheck.parameters[1].value
    assert where.stack_index == 0


def test_the_stop_itself_never_names_a_crash(corpus: Path) -> None:
    # without symbols too; expected/dbgeng.jsonl: the header's rip is nt+14dba0, where the stop was made
    name = "CriticalRocket__DriverProblems__111317-52015-01.dmp"
    crash = analyze(corpus / "kernel" / name, hash_file=False).crash
    where = follow_up(crash, NOBODY, Era.WINDOWS_8)
    assert where.stack is not None
    assert where.stack.frames[0].name == "nt+0x14dba0"
    assert where.stack_index == 1


def test_driver_verifier_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    # windbg.md 3.4: AV_VRF_usbprint!…, 0xD5_VRF_win32k!…, 0x8E_VRF_aswSnx+a89fe
    driver = next(module for module in synth.x64_machine().modules if module.name == "flaky.sys")
    crash = x64_crash(0xD1, 0x29, 2, 0, driver.base + 0x1AE9)
    monkeypatch.setattr("bugcheck.verdict.bugcheck_str.is_verified", lambda _: True)
    blame = blame_of("flaky", "flaky.sys")
    assert sign(crash, blame, Era.SINCE_2019).failure_bucket_id == "AV_VRF_flaky!unknown_function"
    assert sign(crash, blame, Era.X64_TO_7).failure_bucket_id == "X64_0xD1_VRF_flaky+1ae9"
