"""The story's stacks, line by line as a debugger engine printed them (shared/story: expected.json, transcript.txt)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.images.exports import read_exports
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Trust
from bugcheck.stack.render_kb import heading, render_k, render_kb
from bugcheck.stack.walk import Stack, starting_trust, walk
from bugcheck.stack.x86 import X86Unwinder
from bugcheck.symbols.pdb.open import open_pdb
from bugcheck.symbols.symbols import Symbol
from tests.stack.x86_support import Overlay, Symbolic, TableSymbols, image_file

DUMPS = ("story.dmp", "story_kernel.dmp", "story_triage.dmp")
TRAP_FRAME, CONTEXT_RECORD = 0xF4C0BB54, 0xF4C0B7F8


@pytest.fixture(scope="module")
def story(shared: Path) -> Path:
    return shared / "story"


@pytest.fixture(scope="module")
def expected(story: Path) -> dict[str, Any]:
    return json.loads((story / "expected.json").read_text())


@pytest.fixture(scope="module")
def full(story: Path) -> Symbolic:
    """The PDB, the kernel's image and the driver's image at hand, as when the transcript was made."""
    images = {"nt": image_file(story / "ntkrnlmp.exe"), "RapDrv": image_file(story / "RapDrv.sys")}
    return Symbolic({"nt": open_pdb(story / "ntkrnlmp.pdb", cache=None)}, dict(images))


def machine_of(story: Path, dump: str) -> Machine:
    return Machine(read_dump(map_file(str(story / dump))))


def stack(machine: Machine, symbols: Symbolic, context: Context | None, memory: AddressSpace | None = None) -> Stack:
    assert context is not None
    source = StackSource(memory or machine.memory, machine.modules, symbols)
    return walk(context, X86Unwinder(), source, trust=starting_trust(context))


def kb(machine: Machine, symbols: Symbolic, context: Context | None, memory: AddressSpace | None = None) -> list[str]:
    return render_kb(stack(machine, symbols, context, memory).frames, machine.architecture)


@pytest.mark.parametrize("dump", DUMPS)
def test_kb_equals_the_listing(story: Path, expected: dict[str, Any], full: Symbolic, dump: str) -> None:
    machine = machine_of(story, dump)
    lines = kb(machine, full, machine.processor_context)
    assert lines == expected["dumps"][dump]["kb"]
    assert lines == expected["seed_listing"]["STACK_TEXT"]


@pytest.mark.parametrize("dump", DUMPS)
def test_kb_after_trap_equals_the_engine(story: Path, expected: dict[str, Any], full: Symbolic, dump: str) -> None:
    machine = machine_of(story, dump)
    assert kb(machine, full, machine.trap_frame(TRAP_FRAME)) == expected["dumps"][dump]["kb_after_trap"]


def test_kb_after_cxr_equals_that_after_trap(story: Path, expected: dict[str, Any], full: Symbolic) -> None:
    # transcript.txt: `.cxr f4c0b7f8; kb` prints what `.trap; kb` does.
    machine = machine_of(story, "story.dmp")
    lines = kb(machine, full, machine.context_record(CONTEXT_RECORD, "record"))
    assert lines == expected["dumps"]["story.dmp"]["kb_after_trap"]


def test_k_and_headings_stand_in_the_transcript(story: Path, full: Symbolic) -> None:
    machine = machine_of(story, "story.dmp")
    frames = stack(machine, full, machine.processor_context).frames
    transcript = (story / "transcript.txt").read_text(errors="replace").replace("\r", "")
    with_arguments = heading(machine.architecture, arguments=True) + "\n"
    without = heading(machine.architecture, arguments=False) + "\n"
    assert "==> kb\n" + with_arguments + "\n".join(render_kb(frames, machine.architecture)) + "\n" in transcript
    assert "==> k\n" + without + "\n".join(render_k(frames, machine.architecture)) + "\n" in transcript


def test_idle_processor_ends_at_once(story: Path, full: Symbolic) -> None:
    # transcript.txt, after `~1s`: "00000000 00000000 nt!KiIdleLoop+0x5" is the only line of `k`.
    machine = machine_of(story, "story.dmp")
    frames = stack(machine, full, machine.processors[1].context).frames
    assert render_k(frames, machine.architecture) == ["00000000 00000000 nt!KiIdleLoop+0x5"]


def test_triage_dump_without_the_driver_image(story: Path, expected: dict[str, Any]) -> None:
    # Without code bytes before it, f5355b93 is no return address; f535b2f3 is, whose page the small dump holds.
    symbols = Symbolic({"nt": open_pdb(story / "ntkrnlmp.pdb", cache=None)}, {"nt": image_file(story / "ntkrnlmp.exe")})
    machine = machine_of(story, "story_triage.dmp")
    condition = expected["other_conditions"]["story_triage.dmp@no-driver-image"]
    assert kb(machine, symbols, machine.processor_context) == condition["kb"]
    assert kb(machine, symbols, machine.trap_frame(TRAP_FRAME)) == condition["kb_after_trap"]


def test_full_dump_without_the_pdb(story: Path, expected: dict[str, Any]) -> None:
    # The engine names by exports then; they are no unwind data, so the warning comes first.
    image = image_file(story / "ntkrnlmp.exe")
    exports = [Symbol(export.rva, export.name) for export in read_exports(image, image.header).functions if export.name]
    images = {"nt": image, "RapDrv": image_file(story / "RapDrv.sys")}
    symbols = Symbolic({"nt": TableSymbols([], exports, kind="export")}, dict(images))
    machine = machine_of(story, "story.dmp")
    condition = expected["other_conditions"]["story.dmp@no-pdb"]
    assert kb(machine, symbols, machine.processor_context) == condition["kb"]
    assert kb(machine, symbols, machine.trap_frame(TRAP_FRAME)) == condition["kb_after_trap"]


def test_walk_goes_on_in_the_user_stack_when_it_is_resident(
    story: Path, expected: dict[str, Any], full: Symbolic
) -> None:
    # story_userstk.dmp is not at hand; its user stack is rebuilt from the words the engine printed of it.
    words = [0x7C95D9B9, 0x77E4200F, 0x160, 0]
    pieces = {0x0012D62C: b"".join(word.to_bytes(4, "little") for word in words), 0x0012D688: bytes(20)}
    machine = machine_of(story, "story.dmp")
    lines = kb(machine, full, machine.processor_context, Overlay(machine.memory, pieces))
    assert lines == expected["dumps"]["story_userstk.dmp"]["kb"]


def test_knowing_the_stack_s_bounds_changes_nothing(story: Path, expected: dict[str, Any], full: Symbolic) -> None:
    # The thread's InitialStack and StackLimit in transcript.txt.
    machine = machine_of(story, "story.dmp")
    context = machine.processor_context
    assert context is not None
    source = StackSource(machine.memory, machine.modules, full, (0xF4C09000, 0xF4C0C000))
    frames = walk(context, X86Unwinder(), source).frames
    assert render_kb(frames, machine.architecture) == expected["dumps"]["story.dmp"]["kb"]


def test_each_frame_says_how_it_was_found(story: Path, full: Symbolic) -> None:
    machine = machine_of(story, "story.dmp")
    frames = stack(machine, full, machine.processor_context).frames
    pointer, trap = Trust.FRAME_POINTER, Trust.TRAP_FRAME
    assert [frame.trust for frame in frames] == [
        *(Trust.CONTEXT, pointer, pointer, Trust.FPO, Trust.SCAN),
        *(pointer, pointer, pointer, pointer, pointer, pointer, pointer, trap),
    ]
    assert [frame.warning for frame in frames].count(UNWINDING_WARNING) == 1


def test_a_changed_call_removes_the_scanned_frame(story: Path, full: Symbolic) -> None:
    # windbg.md §3.7: "If the call bytes before it are changed the frame disappears".
    machine = machine_of(story, "story.dmp")
    memory = Overlay(machine.memory, {0xF5355B93 - 5: b"\x90" * 5})
    returns = [frame.return_address for frame in stack(machine, full, machine.processor_context, memory).frames]
    assert 0xF5355B93 not in returns
    assert 0xF535AA20 in returns


def test_a_call_before_the_faulting_instruction_makes_dbgeip_the_return_address(story: Path, full: Symbolic) -> None:
    # windbg.md §3.7: "if the bytes before f535e785 look like a call, DbgEip is taken".
    machine = machine_of(story, "story.dmp")
    memory = Overlay(machine.memory, {0xF535E785 - 5: b"\xe8\0\0\0\0"})
    frames = stack(machine, full, machine.processor_context, memory).frames
    assert [(frame.frame_address, frame.return_address) for frame in frames][3] == (0xF4C0BB54, 0xF535E785)


def test_no_scan_leaves_the_scanned_frames_out(story: Path, full: Symbolic) -> None:
    machine = machine_of(story, "story.dmp")
    context = machine.processor_context
    assert context is not None
    source = StackSource(machine.memory, machine.modules, full, scan=False)
    found = walk(context, X86Unwinder(), source)
    assert [frame.name for frame in found.frames] == [
        "nt!KeBugCheckEx+0x1b",
        "nt!KiDispatchException+0x3a2",
        "nt!CommonDispatchException+0x4a",
        "nt!Kei386EoiHelper+0x186",
    ]
