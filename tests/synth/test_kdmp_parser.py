"""Source of every expectation: kdmp-parser 0.7.4 (0vercl0k, MIT) reads back what the builder says is true."""

from pathlib import Path

import kdmp_parser
import pytest

from bugcheck.synth import DumpKind
from bugcheck.synth.address_space import PageState
from tests.synth.built import dump_file, machine

PAGE = 0x1000
ALL_FRAMES = (DumpKind.FULL, DumpKind.BITMAP_FULL, DumpKind.COMPLETE)
KERNEL_FRAMES = (DumpKind.BITMAP_KERNEL, DumpKind.LIVE_KERNEL, DumpKind.KERNEL_MEMORY)
KINDS = (*ALL_FRAMES, *KERNEL_FRAMES, DumpKind.KERNEL_AND_USER)


def frames_of(name: str, kind: DumpKind) -> list[int]:
    truth = machine(name)
    if kind in ALL_FRAMES:
        return truth.physical.all_frames()
    return truth.kernel_frames() if kind in KERNEL_FRAMES else truth.used_frames()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_header_bug_check_and_registers(tmp_path: Path, kind: DumpKind) -> None:
    reader = kdmp_parser.KernelDumpParser(dump_file(tmp_path, "x64", kind))
    truth = machine("x64")
    description = truth.description
    assert reader.type == kind.dump_type
    assert reader.directory_table_base == truth.directory_table_base
    header = reader.header
    assert (header.BugCheckCode, tuple(header.BugCheckCodeParameter)) == (
        description.bugcheck.code,
        description.bugcheck.parameters,
    )
    assert header.PsLoadedModuleList == truth.symbols["PsLoadedModuleList"]
    assert header.KdDebuggerDataBlock == truth.symbols["KdDebuggerDataBlock"]
    assert (header.SystemTime, header.SystemUpTime) == (description.system_time, description.uptime)
    registers = description.processors[0].registers
    context = reader.context
    names = ("Rax", "Rcx", "Rsp", "Rbp", "Rsi", "R8", "R15", "Rip", "EFlags")
    for name in names:
        assert getattr(context, name) == registers[name.lower()], name


@pytest.mark.parametrize("name", ["x64", "x64_encoded", "x64_five_level", "arm64"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_holds_exactly_the_frames_with_their_bytes(tmp_path: Path, name: str, kind: DumpKind) -> None:
    # Of ARM64 and 5-level dumps kdmp-parser knows the frames, not how to translate.
    reader = kdmp_parser.KernelDumpParser(dump_file(tmp_path, name, kind))
    frames = frames_of(name, kind)
    assert sorted(reader.pages) == [frame * PAGE for frame in frames]
    physical = machine(name).physical
    for frame in frames:
        assert bytes(reader.read_physical_page(frame * PAGE) or b"") == physical.page(frame), hex(frame)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_translates_every_valid_and_large_page(tmp_path: Path, kind: DumpKind) -> None:
    reader = kdmp_parser.KernelDumpParser(dump_file(tmp_path, "x64", kind))
    checked = 0
    for address, page in machine("x64").mappings().items():
        if page.state in (PageState.VALID, PageState.LARGE) and page.physical_address is not None:
            offset = 0x123 if page.size == PAGE else page.size - 0x1234
            assert reader.translate_virtual(address + offset) == page.physical_address + offset, hex(address)
            checked += 1
    assert checked > 50


def test_reads_virtual_pages_of_both_halves(tmp_path: Path) -> None:
    reader = kdmp_parser.KernelDumpParser(dump_file(tmp_path, "x64", DumpKind.KERNEL_AND_USER))
    truth = machine("x64")
    root = truth.processes[1].directory_table_base
    for address, page in truth.spaces[2].mappings.items():
        expected = truth.read(address, PAGE, process=1)
        assert bytes(reader.read_virtual_page(address, root) or b"") == expected, hex(address)
        assert page.rights.user
    stack = truth.description.processors[0].registers["rsp"] & ~0xFFF
    assert bytes(reader.read_virtual_page(stack) or b"") == truth.read(stack, PAGE)


def test_a_page_that_is_not_valid_is_refused(tmp_path: Path) -> None:
    # kdmp-parser follows no transition entries (facts/dump-formats.md), so it finds none of these.
    reader = kdmp_parser.KernelDumpParser(dump_file(tmp_path, "x64", DumpKind.FULL))
    states = {PageState.TRANSITION, PageState.PROTOTYPE, PageState.PAGED_OUT}
    pages = [address for address, page in machine("x64").mappings().items() if page.state in states]
    assert len(pages) == 4
    assert [reader.translate_virtual(address) for address in pages] == [None] * 4


@pytest.mark.parametrize(
    "kind", [DumpKind.SUMMARY, DumpKind.AUTOMATIC, DumpKind.TRIAGE_FULL_PATHS], ids=lambda k: k.name
)
def test_kinds_kdmp_parser_does_not_know_stay_refused(tmp_path: Path, kind: DumpKind) -> None:
    # Kept so that a new kdmp-parser that learns them makes this file grow.
    with pytest.raises(RuntimeError):
        kdmp_parser.KernelDumpParser(dump_file(tmp_path, "x64", kind))
