"""FrameData programs as MSVC and LLVM write them, and programs nobody should write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.stack.frame_program import MAX_DEPTH, MAX_TOKENS, ProgramResult, run_program

MEMORY = {0x1000: 0x2000, 0x1004: 0x401234, 0x1020: 0x401999, 0x1018: 0x77, 0x101C: 0x88}
REGISTERS = {"eip": 0x400000, "esp": 0x0FF0, "ebp": 0x1000, "ebx": 1, "esi": 2, "edi": 3}
CONSTANTS = {".raSearch": 0x1020, ".raSearchStart": 0x1020, ".cbLocals": 0x20, ".cbSavedRegs": 8, ".cbParams": 4}


def run(program: str) -> ProgramResult | None:
    return run_program(program, REGISTERS, CONSTANTS.get, MEMORY.get)


def test_frame_pointer_program_of_msvc() -> None:
    # google__breakpad test_app.sym, 354 times.
    result = run(
        "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + = $L $T0 .cbSavedRegs - = $P $T0 8 + .cbParams + ="
    )
    assert result is not None
    assert result.registers == {**REGISTERS, "eip": 0x401234, "ebp": 0x2000, "esp": 0x1008}
    assert result.return_slot == 0x1004


def test_search_program_of_llvm_restores_registers() -> None:
    # mydrv_x86.pdb and ntkrpamp.pdb of the synthetic dumps.
    result = run("$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $edi $T0 4 - ^ = $esi $T0 8 - ^ = ")
    assert result is not None
    assert result.registers == {**REGISTERS, "eip": 0x401999, "esp": 0x1024, "edi": 0x88, "esi": 0x77}
    assert result.return_slot == 0x1020
    assert {"edi", "esi", "T0"} < result.assigned


def test_glued_tokens_and_numbered_registers_of_converters() -> None:
    # getsentry's crash.sym: `=$eip`, and `$23` for esi.
    result = run("$T0 $ebp 204 + =$eip $T0 4 + 204 - ^ =$ebp $T0 204 - ^ = $esp $T0 8 + =  $23 $T0 180 - ^ =")
    assert result is not None
    assert result.registers["eip"] == 0x401234
    assert result.registers["esi"] == 0x77


def test_alignment_operator() -> None:
    # `$T0  $T1 4 - 8 @ =` of crash.sym: down to a multiple of 8.
    result = run("$T1 .raSearch = $T0 $T1 4 - 8 @ = $ebp $T0 = $eip $T1 ^ = $esp $T1 4 + =")
    assert result is not None
    assert result.registers["ebp"] == 0x1018


def test_arithmetic_wraps_at_32_bits() -> None:
    result = run("$eip .raSearch ^ = $esp 0 4 - = $ebx 4294967295 2 * = $esi 7 2 / = $edi 7 4 % =")
    assert result is not None
    assert [result.registers[name] for name in ("esp", "ebx", "esi", "edi")] == [0xFFFF_FFFC, 0xFFFF_FFFE, 3, 3]


@pytest.mark.parametrize(
    "program",
    [
        "",
        "=",
        "$eip =",
        "1 2 =",
        "$T0 .raSearch =",
        "$eip $T9 =",
        "$eip 12 ^ = $esp 4 =",
        "$eip .raSearch ^ = $esp 1 0 / =",
        "$eip .raSearch ^ = $esp 1 0 @ =",
        "$eip .raSearch ^ = $esp .unknown =",
        "$eip .raSearch ^ = $esp 0x10 =",
        "$eip .raSearch ^ = $esp 99999999999 =",
        "$eip .raSearch ^ = $esp ٣ =",
        "^ + -",
        "1 " * (MAX_DEPTH + 1),
        "$esp 1 = " * MAX_TOKENS,
        "(" * 100,
    ],
)
def test_malformed_programs_have_no_result(program: str) -> None:
    assert run(program) is None


NAMES = ("$eip", "$esp", "$ebp", "$ebx", "$T0", "$T1", "$20", "$", ".raSearch", ".cbLocals", ".x")
TOKENS = st.sampled_from([*NAMES, "4", "0", "-1", "4294967295", *"+-*/%@^=", "=$eip"])


@given(st.lists(TOKENS, max_size=60))
def test_any_mixture_of_tokens_has_a_result_or_none(tokens: list[str]) -> None:
    result = run(" ".join(tokens))
    if result is not None:
        assert set(result.registers) <= {*REGISTERS, "eax", "ecx", "edx"}
        assert all(0 <= value <= 0xFFFF_FFFF for value in result.registers.values())


@given(st.text(max_size=200))
def test_any_text_has_a_result_or_none(text: str) -> None:
    assert run(text) is None or "=" in text
