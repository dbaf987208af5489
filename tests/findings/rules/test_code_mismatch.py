"""code_mismatch: what loaders and kernels change is accepted, one changed bit is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.api import SymbolOptions, analyze
from bugcheck.findings.code_differences import differences
from bugcheck.findings.findings import Category, Finding
from tests.crashes import empty_crash
from tests.findings.rules.speaking import said

RULE = "code_mismatch"
CODE = bytes.fromhex("4883ec28 488d0d10000000 e801020304 4883c428 c3 9090")


def test_equal_code_has_no_differences() -> None:
    assert differences(CODE, CODE, 0x10000, 8) == []


def test_a_flipped_bit_is_one_difference() -> None:
    # tbshoot.blogspot.com as windbg.md has it: ff became df
    [found] = differences(bytes.fromhex("48ffd0c3"), bytes.fromhex("48dfd0c3"), 0, 8)
    assert (found.offset, found.flipped_bits) == (1, 1)


def test_relocated_pointers_are_accepted_side_by_side() -> None:
    file = b"\x90\x90" + (0x0040_1000).to_bytes(4, "little") + (0x0040_2000).to_bytes(4, "little")
    memory = b"\x90\x90" + (0xF535_1000).to_bytes(4, "little") + (0xF535_2000).to_bytes(4, "little")
    assert differences(file, memory, 0xF535_0000 - 0x0040_0000, 4) == []
    assert differences(file, memory, 0x1234_0000, 4) != []


def test_rewritten_import_calls_are_accepted() -> None:
    # windbg.md, the !chkimg trap: 48 ff → 4c 8b and 0f 1f 44 00 → e8 are import optimisation
    file = bytes.fromhex("48ff1510203040 0f1f440000 c3")
    memory = bytes.fromhex("4c8b1510203040 e811223344 c3")
    assert differences(file, memory, 0, 8) == []
    assert len(differences(b"\xc3" * 13, memory, 0, 8)) >= 1


def test_lock_prefixes_are_accepted() -> None:
    assert differences(b"\xf0\x0f\xc1\x01", b"\x90\x0f\xc1\x01", 0, 4) == []


def test_a_jump_over_a_function_is_a_hook() -> None:
    [found] = differences(bytes.fromhex("8bff558bec83ec10"), bytes.fromhex("e9001020308bec10"), 0, 4)[:1]
    assert found.is_hook


def _with_file(shared: Path, folder: Path, changed: int) -> list[Finding]:
    """Analyse the story with an image file that has these bits of its faulting code changed, or with the true one."""
    image = bytearray((shared / "story" / "RapDrv.sys").read_bytes())
    place = image.index(bytes.fromhex("8941048908c3"))  # the faulting code of story/README.md
    image[place + 3] ^= changed
    (folder / "RapDrv.sys").write_bytes(image)
    found = analyze(shared / "story" / "story_triage.dmp", symbols=SymbolOptions(path=str(folder)))
    return [finding for finding in found.findings if finding.rule == RULE]


def test_one_changed_bit_of_real_code(shared: Path, tmp_path: Path) -> None:
    [finding] = _with_file(shared, tmp_path, changed=0x04)
    assert finding.category is Category.HARDWARE
    assert "one bit of the code at RapDrv+0x9788 differs" in finding.statement


def test_two_changed_bits_of_one_byte_weigh_less(shared: Path, tmp_path: Path) -> None:
    [finding] = _with_file(shared, tmp_path, changed=0x41)
    assert finding.category is Category.HARDWARE
    assert "two bits of one byte of the code at RapDrv+0x9788 differ" in finding.statement
    assert finding.weight < 0.5


def test_switch_jumps_made_into_retpolines_are_accepted() -> None:
    # "Mitigating Spectre variant 2 with Retpoline on Windows": jmp rax + int3 becomes jmp to a retpoline
    assert differences(bytes.fromhex("ffe0cccccc c3"), bytes.fromhex("e911223344 c3"), 0, 8) == []
    assert differences(bytes.fromhex("41ffe2cccc c3"), bytes.fromhex("e911223344 c3"), 0, 8) == []
    assert differences(bytes.fromhex("ffe0909090 c3"), bytes.fromhex("e911223344 c3"), 0, 8) != []


def test_quiet_for_the_true_file(shared: Path, tmp_path: Path) -> None:
    assert _with_file(shared, tmp_path, changed=0) == []


@pytest.mark.parametrize("name", ["x64_fault_full.dmp", "pae_call_full.dmp", "x86_call_full.dmp"])
def test_quiet_for_relocated_images(corpus: Path, name: str) -> None:
    folder = corpus / "synthetic"
    found = analyze(folder / name, symbols=SymbolOptions(path=str(folder)))
    assert [finding.statement for finding in found.findings if finding.rule == RULE] == []


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []
