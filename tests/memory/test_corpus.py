"""Built dumps whose truth is written beside them, and independent programs reading the same dumps."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import PagedOut
from bugcheck.memory.page_tables.translation import PageState
from bugcheck.memory.virtual_runs import VirtualRuns
from tests.memory.builders import PAGE
from tests.memory.corpus_dumps import Loaded, load, minidump_runs

pytestmark = pytest.mark.corpus

NAMES = ["x64_fault_full", "x64_fault_bitmap", "pae_call_full", "pae_call_bitmap", "x86_call_full", "xp_x86"]


@pytest.fixture(params=NAMES)
def pair(request: pytest.FixtureRequest, corpus: Path) -> tuple[Loaded, dict[str, Any], Path]:
    path = corpus / "synthetic" / f"{request.param}.dmp"
    truth = json.loads(path.with_suffix(".dmp.json").read_text())
    return load(path, [tuple(run) for run in truth["runs"]]), truth, path


def test_every_page_the_builder_mapped_translates(pair: tuple[Loaded, dict[str, Any], Path]) -> None:
    loaded, truth, _ = pair
    space = loaded.space()
    assert loaded.directory_table_base == int(truth["dtb"], 16)
    for text, frame in truth["va"].items():
        address = int(text, 16)
        found = space.translate(address + 0x123)
        assert (found.physical, found.page_size, found.state) == (frame * PAGE + 0x123, PAGE, PageState.VALID)
        assert space.read(address, PAGE) == space.physical.read(frame * PAGE, PAGE)
    large = space.translate(int(truth["big"], 16))
    assert large.page_size in (2 << 20, 4 << 20)
    assert large.physical % large.page_size == 0
    address, frame = int(truth["transition"][0], 16), truth["transition"][1]
    found = space.translate(address)
    assert (found.physical, found.state) == (frame * PAGE, PageState.TRANSITION)
    assert space.read(address, PAGE) == space.physical.read(frame * PAGE, PAGE)


def test_enumeration_finds_the_builders_pages_and_no_table_twice(pair: tuple[Loaded, dict[str, Any], Path]) -> None:
    loaded, truth, _ = pair
    space = loaded.space()
    found = dict(space.pages())
    for text, frame in truth["va"].items():
        assert found[int(text, 16)].physical == frame * PAGE
    assert int(truth["big"], 16) in found
    assert int(truth["transition"][0], 16) in found
    for address, page in found.items():
        assert page == space.translate(address)
    assert space.gaps == []


@pytest.mark.parametrize("name", NAMES[:2])
def test_kdmp_parser_reads_the_same(name: str, corpus: Path) -> None:
    kdmp_parser = pytest.importorskip("kdmp_parser")
    path = corpus / "synthetic" / f"{name}.dmp"
    truth = json.loads(path.with_suffix(".dmp.json").read_text())
    space = load(path, [tuple(run) for run in truth["runs"]]).space()
    other = kdmp_parser.KernelDumpParser(path)
    compared = 0
    for address, page in space.pages():
        for part in range(0, page.page_size, PAGE * 64):
            if page.state is PageState.VALID:
                assert other.translate_virtual(address + part) == page.physical + part
                assert bytes(other.read_virtual_page(address + part)) == space.read(address + part, PAGE)
                compared += 1
            else:  # facts/dump-formats.md: kdmp-parser does not follow transition entries
                assert other.translate_virtual(address + part) is None
    assert compared > 30
    absent = int(truth["big"], 16) + (16 << 20)
    assert other.translate_virtual(absent) is None
    assert not space.is_readable(absent)


@pytest.mark.parametrize("name", ["pae_call_full", "x86_call_full", "x64_fault_full", "story"])
def test_volatility_reads_the_same(name: str, corpus: Path, shared: Path) -> None:
    path = shared / "story" / "story.dmp" if name == "story" else corpus / "synthetic" / f"{name}.dmp"
    loaded = load(path)
    space = loaded.space()
    layer = volatility_layer(loaded)
    compared = 0
    for address, page in space.pages():
        assert layer._translate(address)[0] == page.physical
        if space.is_readable(address):
            assert layer.read(address, 64) == space.read(address, 64)
            compared += 1
    assert compared > 30


def volatility_layer(loaded: Loaded) -> Any:
    """Volatility 3's Windows translation layer over the dump's pages laid out flat."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contexts = pytest.importorskip("volatility3.framework.contexts")
        from volatility3.framework.layers import intel, physical

    last = max(start + count for start, count in loaded.runs)
    flat = bytearray(last * PAGE)
    memory = loaded.space().physical
    for start, count in loaded.runs:
        flat[start * PAGE : (start + count) * PAGE] = memory.read_up_to(start * PAGE, count * PAGE)
    context = contexts.Context()
    context.add_layer(physical.BufferDataLayer(context, "base", "base", buffer=bytes(flat)))
    context.config["top.memory_layer"] = "base"
    context.config["top.page_map_offset"] = loaded.directory_table_base
    kind = {"x86": intel.WindowsIntel, "x86_pae": intel.WindowsIntelPAE, "x64": intel.WindowsIntel32e}
    return kind[loaded.dump.architecture.value](context, "top", "top")


def test_the_story(shared: Path) -> None:
    space = load(shared / "story" / "story.dmp").space()
    # story/original.txt: FAULTING_IP f535e785 894104 mov dword ptr [ecx+4],eax
    assert space.read(0xF535_E785, 3).hex() == "894104"
    # story/expected.json, facts: transition_page 85890000; transcript.txt: dd 85890000 l4
    assert space.translate(0x8589_0000).state is PageState.TRANSITION
    assert [space.u32(0x8589_0000 + 4 * i) for i in range(4)] == [0x4E415254, 0x49544953, 0x502D4E4F, 0x21454741]
    # facts: user_stack 0012d000 is paged out in story.dmp (software PTE)
    with pytest.raises(PagedOut) as caught:
        space.read(0x0012_D688, 16)
    assert caught.value.address == 0x0012_D688
    # facts: kpcr ffdff000; KPCR.SelfPcr (+1c) holds its own address (ReactOS ketypes.h)
    assert space.pointer(0xFFDF_F01C) == 0xFFDF_F000


@pytest.mark.parametrize("name", ["ascii_read_av", "minidump2", "thread_name_list", "tiny-exe-with-cet-xsave"])
def test_minidump_package_reads_the_same_runs(name: str, corpus: Path) -> None:
    minidumpfile = pytest.importorskip("minidump.minidumpfile")
    path = corpus / "user" / f"google__breakpad__{name}.dmp"
    data = path.read_bytes()
    space = VirtualRuns(minidump_runs(data), BinaryView(data, path.name), 8)
    other = minidumpfile.MinidumpFile.parse_bytes(data)
    listed = other.memory_segments_64 or other.memory_segments
    reader = other.get_reader()
    compared = 0
    for segment in listed.memory_segments:
        start, size = segment.start_virtual_address, segment.size
        if size:
            assert space.read(start, size) == reader.read(start, size)
            compared += size
    assert compared == sum(size for _, size in space.ranges())
