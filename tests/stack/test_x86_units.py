"""Single rules of the x86 unwinder on stacks made for them, and stacks made to hurt."""

from __future__ import annotations

import random
import time
from struct import pack, pack_into

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.machine.modules import ModuleList
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.walk import FRAME_LIMIT, walk
from bugcheck.stack.x86 import NO_MODULE, X86Unwinder
from bugcheck.stack.x86_code import follow_epilogue, follow_prologue
from bugcheck.symbols.symbols import FpoRecord, FrameData, Symbol, Symbols
from tests.stack.x86_support import PieceMemory, Symbolic, TableSymbols, module, x86_context

CODE, STACK = 0x80400000, 0xF8000000
CALL = b"\xe8\0\0\0\0"
INSIDE = CODE + 0x105
"""A return address: a call ends before it."""
INSIDE_TOO = CODE + 0x205


def code(*calls_end_at: int, extra: dict[int, bytes] | None = None) -> bytes:
    """A module of 0x1000 bytes: no-operations, with calls that end where asked."""
    image = bytearray(b"\x90" * 0x1000)
    for end in calls_end_at:
        image[end - CODE - 5 : end - CODE] = CALL
    for at, data in (extra or {}).items():
        image[at - CODE : at - CODE + len(data)] = data
    return bytes(image)


def step(
    stack: list[int],
    *,
    eip: int = CODE + 0x800,
    esp: int = STACK,
    ebp: int = 0,
    symbols: Symbols | None = None,
    trust: Trust = Trust.SCAN,
    image: bytes | None = None,
    scan: bool = True,
    more: dict[int, bytes] | None = None,
) -> Step:
    pieces = {CODE: code(INSIDE, INSIDE_TOO) if image is None else image, STACK: pack(f"<{len(stack)}I", *stack)}
    table = {"nt": symbols} if symbols is not None else {}
    memory = PieceMemory({**pieces, **(more or {})})
    source = StackSource(memory, ModuleList((module("nt", CODE, 0x1000),)), Symbolic(table), scan=scan)
    found = X86Unwinder().step(x86_context({"eip": eip, "esp": esp, "ebp": ebp}), trust, source)
    assert found is not None
    return found


def caller(found: Step) -> tuple[int, int, int]:
    registers = found.caller.registers
    return registers["eip"], registers["esp"], registers["ebp"]


def fpo(kind: int, **sizes: int) -> TableSymbols:
    rule = FpoRecord(
        0x700, 0x200, sizes.get("locals_size", 0), sizes.get("parameters", 0), sizes.get("prologue", 0),
        sizes.get("saved", 0), bool(sizes.get("uses_ebp")), False, kind,
    )  # fmt: skip
    return TableSymbols([rule], [Symbol(0x700, "function")])


# --- frame records ---


def test_fpo_record_counts_locals_and_saved_registers() -> None:
    found = step([1, 2, 3, INSIDE, 7, 8, 9], symbols=fpo(0, locals_size=8, saved=4), ebp=0x55)
    assert caller(found) == (INSIDE, STACK + 16, 0x55)
    assert (found.trust, found.frame_address, found.arguments) == (Trust.FPO, STACK + 8, (7, 8, 9))
    assert found.warning == ""


def test_fpo_record_counts_the_callee_s_arguments() -> None:
    # The callee's record says 8 bytes of arguments, which it removed or left: both are found.
    for pushed in ([], [21, 22]):
        stack = [0x55, INSIDE, *pushed, 1, 2, INSIDE_TOO, 7, 8, 9]
        symbols = TableSymbols(
            [FpoRecord(0x700, 0x200, 0, 8, 0, 4, False, False, 0), FpoRecord(0x100, 0x80, 8, 0, 0, 0, False, False, 0)]
        )
        memory = PieceMemory({CODE: code(INSIDE, INSIDE_TOO), STACK: pack(f"<{len(stack)}I", *stack)})
        source = StackSource(memory, ModuleList((module("nt", CODE, 0x1000),)), Symbolic({"nt": symbols}))
        frames = walk(x86_context({"eip": CODE + 0x800, "esp": STACK, "ebp": 0}), X86Unwinder(), source).frames
        assert [frame.return_address for frame in frames][:2] == [INSIDE, INSIDE_TOO]


def test_fpo_record_with_ebp_as_general_register() -> None:
    found = step([11, 0xF8000040, 5, INSIDE], symbols=fpo(0, locals_size=4, saved=8, uses_ebp=1), ebp=0x1234)
    assert caller(found) == (INSIDE, STACK + 16, 11)


def test_non_fpo_record_follows_ebp() -> None:
    found = step([1, 2, STACK + 0x40, INSIDE, 7, 8, 9], symbols=fpo(3, parameters=8), ebp=STACK + 8)
    assert caller(found) == (INSIDE, STACK + 16, STACK + 0x40)
    assert (found.trust, found.frame_address) == (Trust.FRAME_POINTER, STACK + 8)


def trap_frame(eip: int, cs: int, esp: int = 0, ebp: int = 0x77) -> bytes:
    """KTRAP_FRAME of x86 (ReactOS NDK ketypes.h)."""
    frame = bytearray(0x8C)
    for offset, value in ((0x60, ebp), (0x68, eip), (0x6C, cs), (0x74, esp), (0x78, 0x23), (0x44, 0xEA)):
        pack_into("<I", frame, offset, value)
    return bytes(frame)


def test_trap_record_crosses_into_interrupted_kernel_code() -> None:
    # windbg.md §3.2: esp of a kernel trap is the trap frame + 0x74.
    at = STACK + 0x100
    found = step([0] * 8, symbols=fpo(1), ebp=at, more={at: trap_frame(CODE + 0x300, 8)})
    assert caller(found) == (CODE + 0x300, at + 0x74, 0x77)
    assert (found.trust, found.caller.registers["eax"]) == (Trust.TRAP_FRAME, 0xEA)
    assert found.caller.source == f"trap frame {at:#x}"


def test_trap_record_crosses_into_user_code_with_its_stack() -> None:
    at = STACK + 0x100
    found = step([0] * 8, symbols=fpo(1), ebp=at, more={at: trap_frame(0x7C95ED54, 0x1B, 0x12D62C)})
    assert caller(found) == (0x7C95ED54, 0x12D62C, 0x77)


@pytest.mark.parametrize("frame", [trap_frame(0, 8), trap_frame(CODE, 0x77), b"\0" * 0x40])
def test_trap_record_without_a_trap_frame_falls_back(frame: bytes) -> None:
    at = STACK + 0x100
    found = step([0, INSIDE], symbols=fpo(1), ebp=at, more={at: frame})
    assert found.trust is Trust.SCAN


def test_task_gate_record_takes_the_interrupted_task() -> None:
    # KPCR.Tss at +0x40; saved registers of a task segment from +0x20 (Intel SDM volume 3, figure 7-2).
    kpcr = bytearray(0x100)
    pack_into("<I", kpcr, 0x1C, 0xFFDFF000)
    pack_into("<I", kpcr, 0x40, 0x80042000)
    task = bytearray(0x68)
    pack_into("<11I", task, 0x20, INSIDE, 0x246, 1, 2, 3, 4, STACK + 0x500, STACK + 0x600, 5, 6, 0x23)
    found = step([0] * 4, symbols=fpo(2), more={0xFFDFF000: bytes(kpcr), 0x80042000: bytes(task)})
    assert caller(found) == (INSIDE, STACK + 0x500, STACK + 0x600)
    assert found.caller.source == "task segment 0x80042000"
    assert step([0] * 4, symbols=fpo(2)).caller.registers["eip"] == 0


def test_frame_data_program_runs_with_its_constants() -> None:
    program = "$T2 $esp .cbLocals + .cbSavedRegs + = $T0 .raSearchStart = $eip $T0 ^ = $esp $T0 4 + = $ebx $T0 4 - ^ ="
    rule = FrameData(0x700, 0x200, 8, 4, 0, 0, 4, False, True, program)
    found = step([1, 2, 0xBB, INSIDE, 7], symbols=TableSymbols([rule]), ebp=0x55)
    assert caller(found) == (INSIDE, STACK + 16, 0x55)
    assert found.caller.registers["ebx"] == 0xBB
    assert "esi" not in found.caller.registers
    assert found.trust is Trust.UNWIND_INFO


def test_return_address_under_pushed_arguments_is_found_by_its_call() -> None:
    rule = FrameData(0x700, 0x200, 0, 0, 0, 0, 0, False, True, "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + =")
    assert caller(step([1, 2, 3, INSIDE], symbols=TableSymbols([rule])))[0] == INSIDE
    unscanned = step([1, 2, 3, INSIDE], symbols=TableSymbols([rule]), scan=False)
    assert unscanned.caller.registers["eip"] == 0


# --- without records ---


def test_ebp_chain_ends_at_return_address_zero() -> None:
    found = step([0, STACK + 0x20, 0, 7, 8, 9], ebp=STACK + 4)
    assert (found.caller.registers["eip"], found.frame_address, found.arguments) == (0, STACK + 4, (7, 8, 9))


def test_word_after_no_call_is_no_return_address() -> None:
    # ebp's frame returns to a place no call ends before: the scan from ebp finds the next that is one.
    found = step([0, STACK + 0x40, CODE + 0x500, 1, INSIDE, 7], ebp=STACK + 4)
    assert caller(found) == (INSIDE, STACK + 20, STACK + 0x40)
    assert (found.trust, found.frame_address) == (Trust.SCAN, STACK + 12)


def test_ebp_below_the_found_slot_gives_way_to_the_word_under_it() -> None:
    found = step([0, STACK + 8, CODE + 0x500, STACK + 0x60, INSIDE, 7], ebp=STACK + 4)
    assert caller(found) == (INSIDE, STACK + 20, STACK + 0x60)


def test_stale_ebp_below_the_stack_pointer_is_not_followed() -> None:
    found = step([1, 2, STACK + 0x40, INSIDE], ebp=STACK - 0x100, more={STACK - 0x100: pack("<2I", 5, INSIDE_TOO)})
    assert caller(found)[0] == INSIDE


def test_saved_ebp_chain_speaks_for_a_word_without_code_bytes() -> None:
    stack = [1, INSIDE, 2, STACK + 0x20, INSIDE_TOO, 0, 0, 0, STACK + 0x30, INSIDE, 0, 0]
    found = step(stack, image=b"")
    assert caller(found) == (INSIDE_TOO, STACK + 20, STACK + 0x20)
    assert step(stack, image=b"", scan=False).caller.registers["eip"] == 0


def test_wild_instruction_pointer_was_called_by_the_word_on_top() -> None:
    found = step([INSIDE, 7, 8, 9], eip=0x41414141, ebp=STACK + 8, trust=Trust.CONTEXT)
    assert caller(found) == (INSIDE, STACK + 4, STACK + 8)
    assert (found.frame_address, found.arguments, found.warning) == (STACK - 4, (7, 8, 9), NO_MODULE)


def test_words_outside_all_modules_are_followed_three_times_at_most() -> None:
    # A stack overwritten with "AAAA": WinDbg prints hundreds of such levels.
    words = pack("<64I", *([0x41414141] * 64))
    source = StackSource(PieceMemory({STACK: words}), ModuleList(()), Symbolic())
    found = walk(x86_context({"eip": 0x41414141, "esp": STACK, "ebp": 0x41414141}), X86Unwinder(), source)
    assert len(found.frames) == 5


def test_warning_is_shown_once_and_only_without_symbols() -> None:
    stack = [0, STACK + 0x10, INSIDE, 0, STACK + 0x20, INSIDE_TOO, 0, 0, 0, 0]
    assert step(stack, ebp=STACK + 4).warning == UNWINDING_WARNING
    assert step(stack, ebp=STACK + 4, symbols=TableSymbols([], kind="export")).warning == UNWINDING_WARNING
    assert step(stack, ebp=STACK + 4, symbols=TableSymbols([])).warning == ""
    memory = PieceMemory({CODE: code(INSIDE, INSIDE_TOO), STACK: pack(f"<{len(stack)}I", *stack)})
    source = StackSource(memory, ModuleList((module("nt", CODE, 0x1000),)), Symbolic())
    frames = walk(x86_context({"eip": CODE, "esp": STACK, "ebp": STACK + 4}), X86Unwinder(), source).frames
    assert [bool(frame.warning) for frame in frames] == [True, False, False]


# --- code around eip ---


@pytest.mark.parametrize(
    ("text", "depth", "frame_set"),
    [
        ("", 0, False),
        ("8bff 55", 4, False),
        ("55 8bec", 4, True),
        ("55 89e5 81ec10020000 53", 4 + 0x210 + 4, True),
        ("6a24 6878563412", 8, False),
        ("83ec18 56 57", 0x20, False),
    ],
)
def test_prologues(text: str, depth: int, frame_set: bool) -> None:
    found = follow_prologue(bytes.fromhex(text))
    assert found is not None
    assert (found.depth, found.frame_set) == (depth, frame_set)


@pytest.mark.parametrize("text", ["90", "83ecf0", "81ec000000ff", "55 8b", "8b450855", "68"])
def test_other_code_is_no_prologue(text: str) -> None:
    assert follow_prologue(bytes.fromhex(text)) is None


@pytest.mark.parametrize(
    ("text", "slot", "saved"),
    [
        ("c3", 0x1000, None),
        ("5f 5e 5b 5d c20800", 0x1010, 0x100C),
        ("c9 c3", 0x2004, 0x2000),
        ("83c418 5d f3c3", 0x101C, 0x1018),
        ("8be5 5d c3", 0x2004, 0x2000),
        ("8d65f4 5b 5e 5f 5d c3", 0x2004, 0x2000),
        ("81c400010000 c3", 0x1100, None),
    ],
)
def test_epilogues(text: str, slot: int, saved: int | None) -> None:
    found = follow_epilogue(bytes.fromhex(text))
    assert found is not None
    assert found.addresses(0x1000, 0x2000) == (slot, saved)


@pytest.mark.parametrize("text", ["", "5f", "5c c3", "90 c3", "83c4f0 c3", "8d65", "81c400"])
def test_other_code_is_no_epilogue(text: str) -> None:
    assert follow_epilogue(bytes.fromhex(text)) is None


# --- hostile input ---

WORD = st.one_of(
    st.sampled_from([0, 1, INSIDE, INSIDE_TOO, CODE, STACK, STACK + 8, STACK + 0x40]),
    st.sampled_from([0xFFFF_FFFF, 0xFFFF_FFFC, 0x41414141]),
    st.integers(0, 0xFFFF_FFFF),
)
PROGRAMS = st.sampled_from(
    [
        "",
        "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + =",
        "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =",
        "$T0 $esp = $eip $T0 ^ = $esp $T0 = $ebp $T0 =",
        "$eip $esp 4294967292 + ^ = $esp 0 =",
        "$T1 .raSearch = $T0 $T1 4 - 8 @ = $ebp $T1 4 - ^ = $eip $T1 ^ = $esp $T1 4 + =",
    ]
)
SIZE = st.one_of(st.integers(0, 0x40), st.sampled_from([-4, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 40]))
RULE = st.one_of(
    st.none(),
    st.builds(FpoRecord, st.just(0), st.just(0x1000), SIZE, SIZE, SIZE, SIZE, st.booleans(), st.booleans(),
              st.integers(-1, 4)),
    st.builds(FrameData, st.just(0), st.just(0x1000), SIZE, SIZE, SIZE, SIZE, SIZE, st.booleans(), st.booleans(),
              PROGRAMS),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(WORD, max_size=96), WORD, WORD, WORD, RULE, st.binary(max_size=64), st.booleans(), st.booleans(), WORD)
def test_any_stack_record_and_code_end_in_frames(
    words: list[int],
    eip: int,
    esp: int,
    ebp: int,
    rule: FpoRecord | FrameData | None,
    text: bytes,
    scan: bool,
    ranged: bool,
    top: int,
) -> None:
    image = code(INSIDE, INSIDE_TOO, extra={CODE + 0x800: text})
    memory = PieceMemory({CODE: image, STACK: pack(f"<{len(words)}I", *words), 0xFFFF_FFF0: bytes(16)})
    symbols = TableSymbols([rule] if rule else [], [Symbol(0x800, "here")])
    bounds = (min(esp, top), max(esp, top)) if ranged else None
    source = StackSource(memory, ModuleList((module("nt", CODE, 0x1000),)), Symbolic({"nt": symbols}), bounds, scan)
    for start in (eip, CODE + 0x800):
        found = walk(x86_context({"eip": start, "esp": esp, "ebp": ebp}), X86Unwinder(), source)
        assert 1 <= len(found.frames) <= FRAME_LIMIT or start == 0
        for frame in found.frames:
            assert 0 <= frame.return_address <= 0xFFFF_FFFF
            assert len(frame.arguments) <= 3


def test_missing_registers_have_no_caller() -> None:
    source = StackSource(PieceMemory({}), ModuleList(()), Symbolic())
    for registers in ({}, {"eip": 1}, {"esp": 1}, {"eip": 0, "esp": 4}):
        assert X86Unwinder().step(x86_context(registers), Trust.CONTEXT, source) is None


def test_large_stack_of_leftovers_is_walked_in_bounded_time() -> None:
    rng = random.Random(3)
    choices = (CODE, STACK, 0, INSIDE)
    words = [rng.choice(choices) + 4 * rng.randrange(2) * rng.randrange(0x400) for _ in range(0x8000)]
    memory = PieceMemory({CODE: code(INSIDE), STACK: pack(f"<{len(words)}I", *words)})
    source = StackSource(memory, ModuleList((module("nt", CODE, 0x1000),)), Symbolic())
    start = time.process_time()
    found = walk(x86_context({"eip": CODE, "esp": STACK, "ebp": 0}), X86Unwinder(), source)
    assert len(found.frames) <= FRAME_LIMIT
    assert time.process_time() - start < 10
