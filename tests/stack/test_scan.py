"""Scanning: what counts as evidence, what does not, and how many of the frames it names are real."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from struct import pack

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.arm32 import Arm32Unwinder
from bugcheck.stack.arm64 import Arm64Unwinder
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.function_extent import may_reach
from bugcheck.stack.known_callers import KNOWN_CALLERS
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.scan import Candidate, Evidence, list_candidates, scan_step
from bugcheck.stack.walk import walk
from bugcheck.stack.x64 import X64Unwinder
from bugcheck.stack.x64_trap import is_trap_handler
from bugcheck.symbols.symbols import Symbol
from tests.stack.sources import NamedFunctions, NoSymbols, OneModuleNamed, Pieces, source_of, volatility_symbols
from tests.stack.tiny_images import TinyImage

CODE, STACK = 0x10000, 0x8000
CALL_HERE = b"\x90" * 3 + b"\xe8" + pack("<i", 0x100 - 0x208)  # at +0x200, ends at +0x208, goes to +0x100
CALL_AWAY = b"\x90" * 3 + b"\xe8" + pack("<i", 0x800 - 0x308)  # at +0x300, ends at +0x308, goes to +0x800
CALL_REGISTER = b"\x90" * 6 + b"\xff\xd0"  # at +0x400, ends at +0x408
NO_CALL = b"\x90" * 8  # at +0x500, ends at +0x508
FUNCTION = b"\x90" * 0x80  # at +0x100, where the frame is
BLOCKS = {0x100: FUNCTION, 0x200: CALL_HERE, 0x300: CALL_AWAY, 0x400: CALL_REGISTER, 0x500: NO_CALL, 0x800: b"\x90" * 8}
UNCAPTURED = CODE + 0x600


def source_with(
    words: list[int], symbols: NoSymbols | None = None, *, name: str = "drv", scan: bool = True
) -> StackSource:
    pieces = {STACK: pack(f"<{len(words)}Q", *words), **{CODE + at: code for at, code in BLOCKS.items()}}
    module = Module(name, "drv.sys", "drv.sys", CODE, 0x1000, 0, 0)
    return StackSource(Pieces(pieces), ModuleList((module,)), symbols or NoSymbols(), None, scan)


def frame_at(rva: int = 0x140) -> Context:
    return Context(Architecture.X64, "test", {"rip": CODE + rva, "rsp": STACK})


def found(words: list[int], symbols: NoSymbols | None = None, rva: int = 0x140) -> int | None:
    step = scan_step(frame_at(rva), True, ModuleImages(), source_with(words, symbols))
    return None if step is None else step.caller.registers["rip"] - CODE


def test_a_direct_call_to_the_frames_function_is_taken() -> None:
    step = scan_step(frame_at(), True, ModuleImages(), source_with([1, 2, CODE + 0x208]))
    assert step is not None
    assert step.caller.registers == {"rip": CODE + 0x208, "rsp": STACK + 24}
    assert (step.trust, step.warning, step.frame_address) == (Trust.SCAN, UNWINDING_WARNING, STACK)


def test_a_word_without_a_call_before_it_is_no_frame() -> None:
    assert found([CODE + 0x508, 0x777, CODE + 0x140]) is None


def test_a_call_that_goes_elsewhere_is_no_frame() -> None:
    assert found([CODE + 0x308]) is None
    assert found([CODE + 0x308, CODE + 0x208]) == 0x208


def test_a_direct_call_comes_before_a_nearer_indirect_one() -> None:
    assert found([CODE + 0x408]) == 0x408
    assert found([CODE + 0x408, CODE + 0x208]) == 0x208


def test_an_indirect_call_behind_an_unchecked_word_is_a_guess() -> None:
    assert found([UNCAPTURED, CODE + 0x408]) is None


def test_copies_of_a_word_are_no_return_addresses() -> None:
    assert found([CODE + 0x408, 5, CODE + 0x408]) == 0x408
    step = scan_step(frame_at(), True, ModuleImages(), source_with([CODE + 0x408, 5, CODE + 0x408]))
    assert step is not None
    assert step.caller.registers["rsp"] == STACK + 24  # the last copy


def test_words_without_code_bytes_are_not_believed() -> None:
    assert found([UNCAPTURED] * 3) is None
    assert found([UNCAPTURED, UNCAPTURED + 0x10]) is None


def test_words_without_code_bytes_need_a_chain_of_frame_pointers() -> None:
    chain = [
        STACK + 0x18,
        UNCAPTURED,
        0,
        STACK + 0x28,
        UNCAPTURED + 8,
        STACK + 0x38,
        UNCAPTURED + 16,
        0,
        UNCAPTURED + 24,
    ]
    assert found(chain) == 0x600


def test_distance_is_limited() -> None:
    assert found([0] * 100 + [CODE + 0x208]) == 0x208
    assert found([0] * 130 + [CODE + 0x208]) is None
    assert found([0] * 63 + [CODE + 0x408]) == 0x408
    assert found([0] * 64 + [CODE + 0x408]) is None


def test_symbols_sharpen_the_check() -> None:
    names = OneModuleNamed("drv", NamedFunctions([Symbol(0x100, "f"), Symbol(0x130, "g"), Symbol(0x1F0, "h")]))
    assert found([CODE + 0x208], names, rva=0x120) == 0x208
    assert found([CODE + 0x208], names, rva=0x140) is None  # the call goes to f, the frame is in g


def test_a_pointer_to_a_function_is_no_return_address() -> None:
    names = OneModuleNamed("drv", NamedFunctions([Symbol(0x100, "f"), Symbol(0x407, "callback")]))
    assert found([CODE + 0x408], names) is None


def test_data_and_string_names_are_no_code() -> None:
    for symbol in (Symbol(0x3F0, "table", 0, "data"), Symbol(0x3F0, "??_C@_1DO@text@")):
        assert found([CODE + 0x408], OneModuleNamed("drv", NamedFunctions([Symbol(0x100, "f"), symbol]))) is None


def test_known_callers_are_found_by_name_alone_and_nobody_else() -> None:
    names = [Symbol(0x100, "RtlDispatchException"), Symbol(0x1F0, "h"), Symbol(0x5F0, "KiDispatchException")]
    symbols = OneModuleNamed("nt", NamedFunctions(names))
    words = [CODE + 0x208, *[0] * 200, UNCAPTURED]
    step = scan_step(frame_at(), True, ModuleImages(), source_with(words, symbols, name="nt"))
    assert step is not None
    assert step.caller.registers["rip"] == UNCAPTURED


def test_scanning_can_be_switched_off() -> None:
    assert scan_step(frame_at(), True, ModuleImages(), source_with([CODE + 0x208], scan=False)) is None


def test_a_misaligned_or_missing_stack_is_not_scanned() -> None:
    context = Context(Architecture.X64, "test", {"rip": CODE + 0x140, "rsp": STACK + 1})
    assert scan_step(context, True, ModuleImages(), source_with([CODE + 0x208])) is None
    gone = Context(Architecture.X64, "test", {"rip": CODE + 0x140, "rsp": 0x7000_0000})
    assert scan_step(gone, True, ModuleImages(), source_with([CODE + 0x208])) is None


def test_all_candidates_are_listed_with_their_evidence() -> None:
    words = [CODE + 0x308, UNCAPTURED, CODE + 0x508, CODE + 0x408, CODE + 0x208]
    listed: list[Candidate] = list_candidates(frame_at(), True, source_with(words))
    assert [(c.address - CODE, c.evidence) for c in listed] == [
        (0x308, Evidence.CONTRADICTED),
        (0x600, Evidence.NO_CODE),
        (0x408, Evidence.INDIRECT_CALL),
        (0x208, Evidence.DIRECT_CALL),
    ]


# --- trap frames without unwind information ---


def kernel_with_trap_frame(place: int) -> StackSource:
    """A KTRAP_FRAME at `place` words above the stack pointer: interrupted at +0x140 in the kernel."""
    words = [0] * (place + 50)
    frame = place + 0x168 // 8
    above = STACK + 8 * (frame + 5)
    words[frame : frame + 5] = [CODE + 0x140, 0x10, 0x246, above, 0x18]
    words[place + 6] = 0xAAAA
    words[place + 0x158 // 8] = 0xBBBB
    return source_with(words, name="nt")


def test_a_handlers_frame_is_its_trap_frame() -> None:
    """KTRAP_FRAME offsets: public symbols (Rax 0x30, Rbp 0x158, Rip 0x168). (place + 50) words keep Rsp 16-aligned."""
    context = Context(Architecture.X64, "test", {"rip": CODE + 0x208, "rsp": STACK + 8, "rbx": 7})
    step = X64Unwinder().step(context, Trust.SCAN, kernel_with_trap_frame(1))
    assert step is None  # the machine frame would not be aligned to 16 bytes
    context = Context(Architecture.X64, "test", {"rip": CODE + 0x208, "rsp": STACK, "rbx": 7})
    step = X64Unwinder().step(context, Trust.SCAN, kernel_with_trap_frame(0))
    assert step is not None
    assert step.trust is Trust.TRAP_FRAME
    registers = step.caller.registers
    assert (registers["rip"], registers["rax"], registers["rbp"], registers["rbx"]) == (CODE + 0x140, 0xAAAA, 0xBBBB, 7)


def test_system_service_frames_are_found_from_rbp() -> None:
    names = OneModuleNamed("nt", NamedFunctions([Symbol(0x1F0, "KiSystemServiceCopyEnd")]))
    base = kernel_with_trap_frame(10)
    source = StackSource(base.memory, base.modules, names)
    context = Context(Architecture.X64, "test", {"rip": CODE + 0x208, "rsp": STACK, "rbp": STACK + 80 + 0x80})
    step = X64Unwinder().step(context, Trust.UNWIND_INFO, source)
    assert step is not None
    assert step.caller.registers["rip"] == CODE + 0x140


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("KiPageFault", True),
        ("KiInterruptDispatchNoLock", True),
        ("KiSystemServiceCopyEnd", True),
        ("KiGeneralProtectionFaultShadow", True),
        ("KiExceptionDispatch", False),
        ("KiBugCheckDispatch", False),
        ("KiDispatchException", False),
        ("KeBugCheckEx", False),
        ("NtReadFile", False),
    ],
)
def test_trap_handlers_by_name(name: str, expected: bool) -> None:
    assert is_trap_handler(name) is expected


def test_known_callers_hold_no_function_twice() -> None:
    for callee, callers in KNOWN_CALLERS.items():
        assert len(set(callers)) == len(callers), callee


# --- frame chains of the ARMs ---


def test_arm32_follows_r11() -> None:
    """ "ARM ABI conventions": [r11] is the caller's r11, [r11 + 4] the return address."""
    module = Module("drv", "drv.sys", "drv.sys", 0x10000, 0x1000, 0, 0)
    chain = pack("<8I", 0, 0, 0x8010, 0x10205, 0x8018, 0x10305, 0, 0)
    source = StackSource(Pieces({0x8000: chain}, 4), ModuleList((module,)), NoSymbols())
    context = Context(Architecture.ARM32, "test", {"pc": 0x10100, "sp": 0x8000, "r11": 0x8008, "lr": 0})
    stack = walk(context, Arm32Unwinder(), source)
    assert [(frame.ip, frame.trust) for frame in stack.frames] == [
        (0x10100, Trust.CONTEXT),
        (0x10205, Trust.FRAME_POINTER),
        (0x10305, Trust.FRAME_POINTER),
    ]
    assert stack.ending == "end of stack"


def test_arm32_scan_needs_a_thumb_call() -> None:
    module = Module("drv", "drv.sys", "drv.sys", 0x10000, 0x1000, 0, 0)
    code = {0x10200: bytes.fromhex("00 bf 98 47"), 0x10300: bytes.fromhex("00 bf 00 bf")}
    for word, expected in ((0x10205, 0x10205), (0x10305, None)):
        source = StackSource(
            Pieces({0x8000: pack("<4I", 0, word, 0, 0), **code}, 4), ModuleList((module,)), NoSymbols()
        )
        context = Context(Architecture.ARM32, "test", {"pc": 0x10100, "sp": 0x8000, "r11": 0, "lr": 0})
        step = Arm32Unwinder().step(context, Trust.CONTEXT, source)
        assert (step.caller.registers["pc"] if step else None) == expected


def test_arm64_link_register_of_the_same_function_is_not_followed() -> None:
    module = Module("drv", "drv.sys", "drv.sys", 0x10000, 0x4000, 0, 0)
    call = {0x10200: pack("<I", 0x94000010), 0x13000: pack("<I", 0x94000010)}
    source = StackSource(Pieces({0x8000: bytes(64), **call}), ModuleList((module,)), NoSymbols())
    for lr, expected in ((0x10204, None), (0x13004, 0x13004)):
        context = Context(Architecture.ARM64, "test", {"pc": 0x10210, "sp": 0x8000, "fp": 0, "lr": lr})
        step = Arm64Unwinder().step(context, Trust.CONTEXT, source)
        assert (step.caller.registers["pc"] if step else None) == expected


# --- what the image itself tells ---


def test_code_outside_every_function_of_the_table_called_nothing() -> None:
    """Code that calls has a row in .pdata ("x64 exception handling"); leaf functions, which have none, call nobody."""
    call = b"\x90" * 3 + b"\xe8" + pack("<i", 0x1000 - 0x1108)
    code = bytes(0x100) + call + bytes(0x40)
    rows = [(0x1000, 0x1040, bytes([3, 0, 0, 0]))]  # of no known version, so that the frame itself must be scanned
    for more, expected in (([], None), ([(0x1100, 0x1140, bytes([3, 0, 0, 0]))], 0x1108)):
        image = TinyImage(code=code, code_size=0x200, rows=rows + more)
        source = image.source({STACK: pack("<2Q", 0, image.base + 0x1108)})
        context = Context(Architecture.X64, "test", {"rip": image.base + 0x1010, "rsp": STACK})
        step = X64Unwinder().step(context, Trust.CONTEXT, source)
        assert (step.caller.registers["rip"] - image.base if step else None) == expected


@pytest.mark.parametrize(
    ("code", "architecture", "reached"),
    [
        ("90 90 90 90", Architecture.X64, True),
        ("c3 cc 55 90", Architecture.X64, False),
        ("90 cc cc 90", Architecture.X64, False),
        ("48 8b c3 48 83 ec 20", Architecture.X64, True),  # mov rax, rbx; sub rsp, 0x20
        ("c3 48 83 ec 20", Architecture.X64, False),
        ("c0 03 5f d6 1f 20 03 d5", Architecture.ARM64, False),  # ret; nop
        ("60 00 00 b4 c0 03 5f d6 1f 20 03 d5", Architecture.ARM64, True),  # cbz x0, over the ret; ret; nop
        ("1f 20 03 d5 1f 20 03 d5", Architecture.ARM64, True),
        ("03 00 00 14 1f 20 03 d5", Architecture.ARM64, True),  # b over the nop
        ("00 00 20 d4 1f 20 03 d5", Architecture.ARM64, False),  # brk
    ],
)
def test_functions_end_where_their_code_does(code: str, architecture: Architecture, reached: bool) -> None:
    data = bytes.fromhex(code)
    module = Module("drv", "drv.sys", "drv.sys", CODE, 0x1000, 0, 0)
    source = StackSource(Pieces({CODE: data}), ModuleList((module,)), NoSymbols())
    assert may_reach(ModuleImage(module, source), 0, len(data), architecture) is reached


# --- real dumps ---


@pytest.mark.corpus
def test_chain_of_a_real_small_dump_and_nothing_else(corpus: Path) -> None:
    """Source: nt_expected_symbols.jsonl, `probable_chain` picked by hand among 141 words that point into modules."""
    expected = json.loads((corpus / "expected" / "nt_expected_symbols.jsonl").read_text())
    machine = Machine(read_dump(map_file(str(corpus / "kernel" / expected["file"]))))
    table = volatility_symbols(corpus / "symbols" / "isf" / f"ntkrnlmp.pdb-{expected['guid_age']}.json.xz")
    context = machine.processor_context
    assert context is not None
    stack = walk(context, X64Unwinder(), source_of(machine, OneModuleNamed("nt", table)))
    chain = [int(word["value"], 16) for word in expected["probable_chain"]]
    assert [frame.ip for frame in stack.frames[1:8]] == chain
    # then comes the interrupted driver, whose registers the bug check's context record tells independently
    fault = machine.fault_context
    assert fault is not None
    trapped = stack.frames[8]
    assert (trapped.trust, trapped.ip) == (Trust.TRAP_FRAME, fault.instruction_pointer)
    assert trapped.context is not None
    assert trapped.context.stack_pointer == fault.stack_pointer
    # two direct calls, each to the function the frame below is in: amdppm+0x313a → +0x32dc, +0x322f → +0x30d4; what
    # +0x3234 runs next is `add rsp,28h; ret`, and the word at rsp+28h is amdppm+0x20e8f
    assert [frame.name for frame in stack.frames[9:]] == ["amdppm+0x313f", "amdppm+0x3234", "amdppm+0x20e8f"]


@pytest.mark.corpus
def test_without_symbols_real_dumps_give_only_checked_frames(corpus: Path) -> None:
    """Every frame beyond the first two is behind a call that fits, or is a trap frame's; nothing else is claimed."""
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        machine = Machine(read_dump(map_file(str(path))))
        if machine.architecture is not Architecture.X64 or machine.processor_context is None:
            continue
        source = source_of(machine, NoSymbols())
        frames = walk(machine.processor_context, X64Unwinder(), source).frames
        for below, frame in pairwise(frames[1:]):
            assert below.context is not None
            assert frame.context is not None
            if frame.trust is Trust.SCAN and not frame.context.source.startswith("code followed"):
                evidence = {c.address: c.evidence for c in list_candidates(below.context, False, source, 512)}
                assert evidence[frame.ip] >= Evidence.INDIRECT_CALL


def test_arm32_returns_through_a_link_register_behind_a_call() -> None:
    module = Module("drv", "drv.sys", "drv.sys", 0x10000, 0x4000, 0, 0)
    code = {0x13004: bytes.fromhex("00 bf 98 47"), 0x13104: bytes.fromhex("00 bf 00 bf")}
    source = StackSource(Pieces({0x8000: bytes(16), **code}, 4), ModuleList((module,)), NoSymbols())
    for lr, expected in ((0x13009, 0x13009), (0x13109, None), (0x10205, None), (0x13008, None)):
        registers = {"pc": 0x10100, "sp": 0x8000, "r11": 0, "lr": lr, "r4": 9}
        step = Arm32Unwinder().step(Context(Architecture.ARM32, "test", registers), Trust.CONTEXT, source)
        assert (step.caller.registers["pc"] if step else None) == expected, hex(lr)
        assert step is None or step.caller.registers["r4"] == 9
