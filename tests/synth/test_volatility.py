"""Source of every expectation: Volatility 3 (2.28.2) crash layers and Intel layers read back what the builder says."""

import pytest
from volatility3.framework import exceptions
from volatility3.framework.symbols import intermed

from bugcheck.synth import DumpKind
from bugcheck.synth.address_space import PageState
from tests.synth.built import machine
from tests.synth.volatility import volatility_view

PAGE = 0x1000
CASES = [
    # A bitmap that reaches above 4 GiB takes Volatility more than a second.
    pytest.param(name, kind, marks=pytest.mark.slow if (name, kind) == ("x86_pae", DumpKind.BITMAP_FULL) else ())
    for name in ("x86", "x86_pae", "x64")
    for kind in (DumpKind.FULL, DumpKind.BITMAP_FULL)
]
FOUND = (PageState.VALID, PageState.LARGE, PageState.TRANSITION)


def case_id(value: object) -> str:
    return value.name if isinstance(value, DumpKind) else str(value)


@pytest.mark.parametrize(("name", "kind"), CASES, ids=case_id)
def test_crash_layer_holds_every_frame(name: str, kind: DumpKind) -> None:
    view, truth = volatility_view(name, kind), machine(name)
    assert view.crash.dtb == truth.directory_table_base
    for frame in truth.physical.all_frames():
        assert view.crash.read(frame * PAGE, PAGE) == truth.physical.page(frame), hex(frame)
    outside = max(truth.physical.all_frames()) + 1
    assert not view.crash.is_valid(outside * PAGE)


@pytest.mark.parametrize("process", [None, 1], ids=["kernel", "process"])
@pytest.mark.parametrize(("name", "kind"), CASES, ids=case_id)
def test_translates_and_reads_virtual_memory(name: str, kind: DumpKind, process: int | None) -> None:
    view, truth = volatility_view(name, kind), machine(name)
    root = truth.directory_table_base if process is None else truth.processes[process].directory_table_base
    layer = view.virtual(root)
    states: set[PageState] = set()
    for address, page in truth.mappings(process).items():
        if page.state in FOUND:
            states.add(page.state)
            assert layer.translate(address)[0] == page.physical_address, hex(address)
            if page.state is not PageState.LARGE:
                assert layer.read(address, PAGE) == truth.read(address, PAGE, process), hex(address)
        else:
            with pytest.raises(exceptions.InvalidAddressException):
                layer.translate(address)
    assert states == set(FOUND)


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64"])
def test_paged_out_page_names_its_paging_file_offset(name: str) -> None:
    view, truth = volatility_view(name, DumpKind.FULL), machine(name)
    page = truth.description.paged_out_pages[0]
    with pytest.raises(exceptions.SwappedInvalidAddressException) as caught:
        view.virtual(truth.directory_table_base).translate(page.virtual_address)
    shift = {"x86": 12, "x86_pae": 32, "x64": 32}[name]
    assert caught.value.entry >> shift == page.offset


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64"])
def test_reads_across_frames_of_a_large_page(name: str) -> None:
    view, truth = volatility_view(name, DumpKind.FULL), machine(name)
    large = truth.description.large_pages[0]
    layer = view.virtual(truth.directory_table_base)
    for offset, contents in large.contents.items():
        assert layer.read(large.virtual_address + offset, len(contents)) == contents


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64"])
def test_kdbg_reads_under_volatilitys_own_type(name: str) -> None:
    # Volatility's kdbg.json describes KDDEBUGGER_DATA64 up to Windows 7 (0x340 bytes).
    view, truth = volatility_view(name, DumpKind.FULL), machine(name)
    layer = view.virtual(truth.directory_table_base)
    table = intermed.IntermediateSymbolTable.create(view.context, "kdbg", "windows", "kdbg")
    block = view.context.object(
        f"{table}!_KDDEBUGGER_DATA64", layer_name=layer.name, offset=truth.symbols["KdDebuggerDataBlock"]
    )
    assert block.Header.OwnerTag == int.from_bytes(b"KDBG", "little")
    assert block.Header.Size == len(truth.kdbg)
    mask = truth.description.architecture.pointer_mask
    for member in ("PsActiveProcessHead", "PsLoadedModuleList", "KiProcessorBlock", "MmUnloadedDrivers", "NtBuildLab"):
        assert getattr(block, member) & mask == truth.symbols[member], member
    assert block.KernBase & mask == truth.description.modules[0].base
    size = {"x86": 0x278, "x86_pae": 0x2C0, "x64": 0xA40}[name]  # _EPROCESS of 3790 SP1, 7601, 19041
    assert block.SizeEProcess == size
    assert block.MmPageSize == PAGE


@pytest.mark.parametrize(("name", "types"), [("x64", "unloadedmodules-x64"), ("x86", "unloadedmodules-x86")])
def test_unloaded_drivers_read_under_volatilitys_own_type(name: str, types: str) -> None:
    view, truth = volatility_view(name, DumpKind.FULL), machine(name)
    layer, width = view.virtual(truth.directory_table_base), truth.description.architecture.pointer_size
    natives = intermed.IntermediateSymbolTable.create(view.context, "natives", "windows", "kdbg")
    mapping = {"nt_symbols": natives}
    table = intermed.IntermediateSymbolTable.create(view.context, types, "windows", types, table_mapping=mapping)
    entry = view.context.symbol_space.get_type(f"{table}!_UNLOADED_DRIVER")
    places = {member: entry.relative_child_offset(member) for member in ("StartAddress", "EndAddress", "CurrentTime")}
    array = int.from_bytes(layer.read(truth.symbols["MmUnloadedDrivers"], width), "little")
    assert int.from_bytes(layer.read(truth.symbols["MmLastUnloadedDriver"], 4), "little") == 2
    for index, driver in enumerate(truth.description.unloaded):
        data = layer.read(array + entry.size * index, entry.size)
        length, buffer = int.from_bytes(data[:2], "little"), int.from_bytes(data[width : 2 * width], "little")
        assert layer.read(buffer, length).decode("utf-16-le") == driver.name
        start, end, time = (
            int.from_bytes(data[places[member] :][:size], "little")
            for member, size in (("StartAddress", width), ("EndAddress", width), ("CurrentTime", 8))
        )
        assert (start, end, time) == (driver.start, driver.end, driver.time)
