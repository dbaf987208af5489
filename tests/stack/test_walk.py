"""The walk's loop: limits, loops, naming, inline frames, warnings; and whole stacks of dumps whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from struct import pack

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.walk import FRAME_LIMIT, starting_trust, walk
from bugcheck.stack.x64 import X64Unwinder
from bugcheck.symbols.symbols import InlineCall, SourceLine, Symbol
from tests.stack.sources import Folder, NamedFunctions, NoSymbols, OneModuleNamed, Pieces, source_of
from tests.stack.tiny_images import TinyImage

MODULE = Module("drv", "drv.sys", "drv.sys", 0x10000, 0x1000, 0, 0)


class Scripted:
    """An unwinder that answers from a function."""

    def __init__(self, answer: Callable[[Context], Step | None]) -> None:
        self.answer = answer

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        return self.answer(context)


def at(ip: int, sp: int) -> Context:
    return Context(Architecture.X64, "test", {"rip": ip, "rsp": sp})


def source(symbols: NoSymbols | None = None, stack_range: tuple[int, int] | None = None) -> StackSource:
    memory = Pieces({0x8000: bytes(0x1000)})
    return StackSource(memory, ModuleList((MODULE,)), symbols or NoSymbols(), stack_range)


def climbing(by: int, trust: Trust = Trust.UNWIND_INFO) -> Scripted:
    return Scripted(
        lambda context: Step(
            at(context.registers["rip"] + 1, context.registers["rsp"] + by),
            trust,
            context.registers["rsp"],
            (1, 2),
            "W",
        )
    )


def test_length_is_limited_and_said() -> None:
    stack = walk(at(0x10000, 0x8000), climbing(8), source())
    assert (len(stack.frames), stack.ending) == (FRAME_LIMIT, "frame limit")
    assert len(walk(at(0x10000, 0x8000), climbing(8), source(), limit=7).frames) == 7


def test_a_loop_ends_the_walk() -> None:
    there, back = at(0x10010, 0x8100), at(0x10020, 0x8200)
    answers = {0x10010: back, 0x10020: there}
    unwinder = Scripted(lambda context: Step(answers[context.registers["rip"]], Trust.TRAP_FRAME, 0))
    stack = walk(there, unwinder, source())
    assert (len(stack.frames), stack.ending) == (2, "loop")


@pytest.mark.parametrize("trust", [Trust.SCAN, Trust.FRAME_POINTER])
def test_a_stack_pointer_that_goes_down_ends_the_walk(trust: Trust) -> None:
    stack = walk(at(0x10000, 0x8100), climbing(-8, trust), source())
    assert (len(stack.frames), stack.ending) == (1, "no progress")


def test_unwind_information_may_switch_stacks_only_to_memory_that_is_there() -> None:
    assert len(walk(at(0x10000, 0x8100), climbing(-8), source()).frames) == 0x100 // 8 + 1
    assert walk(at(0x10000, 0x8100), climbing(-0x8000), source()).ending == "no progress"


def test_a_scan_does_not_leave_the_stack() -> None:
    stack = walk(at(0x10000, 0x8100), climbing(0x100, Trust.SCAN), source(stack_range=(0x8000, 0x8200)))
    assert (len(stack.frames), stack.ending) == (2, "no progress")


@pytest.mark.parametrize(
    ("ip", "sp", "ending"),
    [
        (0, 0x8100, "end of stack"),
        (0x4141414141414141, 0x8100, "bad address"),
        (0x10010, 0x4141414141414141, "bad address"),
    ],
)
def test_impossible_callers_end_the_walk(ip: int, sp: int, ending: str) -> None:
    stack = walk(at(0x10000, 0x8000), Scripted(lambda context: Step(at(ip, sp), Trust.UNWIND_INFO, 0x8000)), source())
    assert (len(stack.frames), stack.ending, stack.frames[0].return_address) == (1, ending, 0)


def test_warning_stands_once_and_arguments_with_their_frame() -> None:
    frames = walk(at(0x10000, 0x8000), climbing(8), source(), limit=3).frames
    assert [frame.warning for frame in frames] == ["W", "", ""]
    assert frames[0].arguments == (1, 2)
    assert [frame.frame_address for frame in frames] == [0x8000, 0x8008, 0x8010]


class WithInlines(NamedFunctions):
    """Two functions inlined at every address of `outer`."""

    def inlines_at(self, rva: int) -> tuple[InlineCall, ...]:
        return (InlineCall("inner", "b.h", 7), InlineCall("middle", "a.c", 9)) if rva >= 0x100 else ()

    def line_at(self, rva: int) -> SourceLine | None:
        return SourceLine("c.h", 3)


def test_inline_frames_come_before_the_frame_they_are_in() -> None:
    symbols = OneModuleNamed("drv", WithInlines([Symbol(0x10, "plain"), Symbol(0x100, "outer")]))
    frames = walk(at(0x10120, 0x8000), Scripted(lambda context: None), source(symbols)).frames
    assert [(f.index, f.name, f.inline, f.trust, f.line) for f in frames] == [
        (0, "drv!inner", True, Trust.INLINE, SourceLine("c.h", 3)),
        (1, "drv!middle", True, Trust.INLINE, SourceLine("b.h", 7)),
        (2, "drv!outer+0x20", False, Trust.CONTEXT, SourceLine("a.c", 9)),
    ]


def test_return_addresses_are_named_by_the_call_before_them() -> None:
    """A call that never returns ends its function: the address behind it is already the next function's."""
    symbols = OneModuleNamed("drv", NamedFunctions([Symbol(0x10, "caller"), Symbol(0x100, "next")]))

    def once(context: Context) -> Step | None:
        return Step(at(0x10100, 0x8008), Trust.UNWIND_INFO, 0x8000) if context.registers["rsp"] == 0x8000 else None

    frames = walk(at(0x10100, 0x8000), Scripted(once), source(symbols)).frames
    assert [frame.name for frame in frames] == ["drv!next", "drv!caller+0xf0"]
    trapped = walk(at(0x10100, 0x8000), Scripted(lambda context: None), source(symbols), trust=Trust.TRAP_FRAME).frames
    assert trapped[0].name == "drv!next"


def test_registers_of_a_trap_frame_start_with_that_trust() -> None:
    assert starting_trust(Context(Architecture.X64, "trap frame 0x10", {})) is Trust.TRAP_FRAME
    assert starting_trust(Context(Architecture.X64, "processor 0", {})) is Trust.CONTEXT


def test_a_system_call_leads_into_the_user_part_of_the_stack() -> None:
    """Kernel entry code described by a machine frame; the user function above it by its own image."""
    entry = bytes([1, 0, 2, 0]) + bytes([0, 0x22, 0, 0x0A])  # sub rsp, 0x18 above a machine frame without error code
    kernel = TinyImage(b"\x90" * 64, 64, [(0x1000, 0x1040, entry)], base=0xFFFF_F800_0000_0000)
    user = TinyImage(b"\x90" * 64, 64, [(0x1000, 0x1040, bytes([1, 4, 1, 0, 4, 0x42]))], base=0x1_4000_0000)
    kernel_stack, user_stack = 0xFFFF_8000_0000_0000, 0x20_0000
    pushed = pack("<5Q", user.base + 0x1010, 0x33, 0x246, user_stack, 0x2B)
    pieces = {
        **kernel.pieces(), **user.pieces(),
        kernel_stack: bytes(0x18) + pushed,
        user_stack: bytes(0x28) + pack("<Q", user.base + 0x1020) + bytes(0x30),
    }  # fmt: skip
    limits = (kernel_stack, kernel_stack + 0x1000)
    everything = StackSource(Pieces(pieces), ModuleList((kernel.module, user.module)), NoSymbols(), limits)
    stack = walk(at(kernel.base + 0x1010, kernel_stack), X64Unwinder(), everything)
    assert [(frame.ip, frame.trust) for frame in stack.frames] == [
        (kernel.base + 0x1010, Trust.CONTEXT),
        (user.base + 0x1010, Trust.TRAP_FRAME),
        (user.base + 0x1020, Trust.UNWIND_INFO),
    ]
    assert stack.ending == "end of stack"
    del pieces[user_stack]
    paged_out = StackSource(Pieces(pieces), ModuleList((kernel.module, user.module)), NoSymbols(), limits)
    assert len(walk(at(kernel.base + 0x1010, kernel_stack), X64Unwinder(), paged_out).frames) == 2


# --- whole stacks ---

# Source: llvm-pdbutil 14, `dump -publics` of ntkrnlmp.pdb and mydrv_x64.pdb, functions only
SYNTHETIC = {
    "nt": NamedFunctions(
        [
            Symbol(0x1000, "KiPageFault"),
            Symbol(0x1060, "KeBugCheckEx"),
            Symbol(0x10A0, "KiBugCheckDispatch"),
            Symbol(0x10D0, "IopLoadDriver"),
            Symbol(0x10F0, "KiSystemStartup"),
            Symbol(0x1110, "DllMain"),
        ]
    ),
    "mydrv": NamedFunctions([Symbol(0x1000, "Worker"), Symbol(0x1050, "Dispatch"), Symbol(0x1080, "DriverEntry")]),
}


class Named(Folder):
    """Symbols by module name, image files from a folder if asked for."""

    def __init__(self, folder: Path, tables: dict[str, NamedFunctions], images: bool = True) -> None:
        super().__init__(folder)
        self.tables = tables
        self.images = images

    def symbols_of(self, module: Module) -> NamedFunctions | None:
        return self.tables.get(module.name)

    def image_of(self, module: Module):
        return super().image_of(module) if self.images else None


def opened(path: Path) -> Machine:
    return Machine(read_dump(map_file(str(path))))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["x64_fault_full.dmp", "x64_fault_bitmap.dmp"])
def test_synthetic_kernel_stack_is_the_executed_call_list(corpus: Path, name: str) -> None:
    """Source: `shadow` in the JSON beside the dump: return addresses of the active calls as executed."""
    machine = opened(corpus / "synthetic" / name)
    truth = json.loads((corpus / "synthetic" / f"{name}.json").read_text())
    assert machine.processor_context is not None
    source = source_of(machine, Named(corpus / "none", SYNTHETIC))
    stack = walk(machine.processor_context, X64Unwinder(), source)
    assert [frame.return_address for frame in stack.frames] == [*(int(word, 16) for word in truth["shadow"]), 0]
    assert stack.ending == "end of stack"
    assert [frame.name.partition("+")[0] for frame in stack.frames] == [
        "nt!KeBugCheckEx", "nt!KiBugCheckDispatch", "nt!KiPageFault", "mydrv!Worker", "mydrv!Dispatch",
        "mydrv!DriverEntry", "nt!IopLoadDriver", "nt!KiSystemStartup",
    ]  # fmt: skip
    assert [frame.trust for frame in stack.frames] == [
        Trust.CONTEXT, Trust.UNWIND_INFO, Trust.UNWIND_INFO, Trust.TRAP_FRAME, *[Trust.UNWIND_INFO] * 4,
    ]  # fmt: skip


@pytest.mark.corpus
def test_triage_dump_of_the_same_machine(corpus: Path) -> None:
    """Unwind tables come from the image files, or else the frames are found by names, trap frame and checked calls."""
    machine = opened(corpus / "synthetic" / "tri_x64_fault_full.dmp")
    truth = json.loads((corpus / "synthetic" / "x64_fault_full.dmp.json").read_text())
    expected = [*(int(word, 16) for word in truth["shadow"]), 0]
    assert machine.processor_context is not None
    for images, scan in ((True, False), (False, True)):
        tables = Named(corpus / "synthetic", SYNTHETIC, images)
        stack = walk(machine.processor_context, X64Unwinder(), source_of(machine, tables, scan=scan))
        assert [frame.return_address for frame in stack.frames] == expected
        assert any(frame.trust is Trust.SCAN for frame in stack.frames) is scan


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "innermost"), [("cp_x64_n.dmp", "leaf_null"), ("cp_x64_e.dmp", "leaf_raise")])
def test_user_stack_of_a_compiled_program(corpus: Path, name: str, innermost: str) -> None:
    """Source: cp.c (leaf ← lvl3 ← lvl2 ← lvl1 ← start); addresses by llvm-pdbutil 14 from cp_x64.pdb."""
    names = ["leaf_null", "leaf_call", "leaf_so", "leaf_raise", "leaf_div", "lvl3", "lvl2", "lvl1", "start"]
    starts = [0x1000, 0x1020, 0x1040, 0x1070, 0x10B0, 0x10C0, 0x1100, 0x1130, 0x1150]
    table = NamedFunctions([Symbol(rva, text) for rva, text in zip(starts, names, strict=True)])
    machine = opened(corpus / "synthetic" / "user" / name)
    assert machine.fault_context is not None
    tables = Named(corpus / "synthetic" / "user", {"cp_x64": table})
    stack = walk(machine.fault_context, X64Unwinder(), source_of(machine, tables))
    own = [frame.symbol for frame in stack.frames if frame.module is not None and frame.module.name == "cp_x64"]
    assert own == [innermost, "lvl3", "lvl2", "lvl1", "start"]


@pytest.mark.corpus
def test_no_corpus_dump_breaks_a_walk(corpus: Path) -> None:
    from bugcheck.stack.arm32 import Arm32Unwinder
    from bugcheck.stack.arm64 import Arm64Unwinder

    unwinders = {Architecture.X64: X64Unwinder, Architecture.ARM64: Arm64Unwinder, Architecture.ARM32: Arm32Unwinder}
    walked = 0
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        machine = opened(path)
        for context in machine.contexts:
            unwinder = unwinders[machine.architecture]()
            stack = walk(context, unwinder, source_of(machine, NoSymbols()), trust=starting_trust(context))
            assert stack.frames[0].ip == context.instruction_pointer
            walked += len(stack.frames) > 1
    assert walked >= 26


def test_full_names_are_given_on_request() -> None:
    table = NamedFunctions([Symbol(0, "C::f", decorated="?f@C@@QEAAHH@Z")])
    named = source(OneModuleNamed(MODULE.name, table))
    (frame,) = walk(at(MODULE.base + 8, 0x8000), Scripted(lambda _: None), named).frames
    assert frame.name == f"{MODULE.name}!C::f+0x8"
    (frame,) = walk(at(MODULE.base + 8, 0x8000), Scripted(lambda _: None), replace(named, full_names=True)).frames
    assert frame.name == f"{MODULE.name}!public: int __cdecl C::f(int)+0x8"
