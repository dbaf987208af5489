"""IRPs of the story (built, x86) and of a real 0x9F (x64)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.machine.io_layout import IoLayout, flag_names, io_name
from bugcheck.machine.irp import DeviceControl, PowerRequest, Transfer, read_irp, read_stack_location
from bugcheck.machine.machine import Machine
from bugcheck.symbols.isf import open_isf
from tests.machine.flat_memory import FlatMemory

X86, X64 = IoLayout(4), IoLayout(8)
AT = 0x8000_0000
POWER_IRP = 0xFFFFD68FE383B8A0


def open_machine(path: Path) -> Machine:
    return Machine(read_dump(map_file(str(path))))


@pytest.fixture(scope="module")
def power_failure(corpus: Path) -> Machine:
    return open_machine(corpus / "kernel/r-Techsupport__training_bsods__9f.dmp")


@pytest.mark.parametrize("name", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_the_storys_irp_is_blackices_device_control(shared: Path, name: str) -> None:
    # story/expected.json, "facts": what the builder of the dump wrote into it.
    facts = json.loads((shared / "story/expected.json").read_text())["facts"]
    irp = read_irp(int(facts["irp"], 16), open_machine(shared / "story" / name).memory, X86)
    assert irp is not None
    assert (irp.stack_count, irp.current_location, irp.requestor_mode) == (1, 1, 1)
    assert irp.thread == int(facts["ethread"], 16)
    assert irp.file_object == int(facts["file_object"], 16)
    assert not irp.is_complete
    # The same numbers stand in the kb listing: "RapDrv+0x5a20 00222034 84e26608 00000058".
    assert irp.system_buffer == 0x84E26608
    current = irp.current
    assert current is not None
    assert current.address == 0x84AD79D8
    assert (current.major_name, current.minor_name) == ("IRP_MJ_DEVICE_CONTROL", "")
    assert current.device_object == int(facts["device_object"], 16)
    assert current.file_object == int(facts["file_object"], 16)
    assert isinstance(current.parameters, DeviceControl)
    assert current.parameters.code.value == int(facts["ioctl"], 16)
    assert (current.parameters.input_length, current.parameters.output_length) == (0x58, 0x58)


@pytest.mark.corpus
def test_the_blocked_power_irp_waits_at_the_disk(power_failure: Machine) -> None:
    # corpus/expected/truth.jsonl: "the blocked IRP (P4, captured) is a SET_POWER at disk.sys".
    bugcheck = power_failure.bugcheck
    assert bugcheck is not None
    assert bugcheck.parameters[3].value == POWER_IRP
    irp = read_irp(POWER_IRP, power_failure.memory, X64)
    assert irp is not None
    assert (irp.stack_count, irp.current_location, len(irp.locations)) == (7, 5, 7)
    assert irp.status == 0xC00000BB  # what PoRequestPowerIrp sets at first: STATUS_NOT_SUPPORTED
    current = irp.current
    assert current is not None
    assert (current.major_name, current.minor_name) == ("IRP_MJ_POWER", "IRP_MN_SET_POWER")
    assert current.device_object == 0xFFFFD68FE39130A0
    assert current.control_names[0] == "SL_PENDING_RETURNED"
    assert power_failure.modules.resolve(current.completion_routine) == "partmgr+0x4930"
    assert current.parameters == PowerRequest("DevicePowerState", "PowerDeviceD3", "PowerActionHibernate", 0x15400)
    assert [location.number for location in irp.locations if not location.is_empty] == [5, 6]
    assert irp.locations[0].is_empty


@pytest.mark.corpus
def test_an_irp_of_a_real_arm64_machine_submits_a_usb_request(corpus: Path) -> None:
    machine = open_machine(corpus / "kernel/ivellioscolin__kdlibcpp__win10_arm64_mem.dmp")
    irp = read_irp(0xFFFFC18EAA611940, machine.memory, X64)
    assert irp is not None
    assert irp.current is not None
    # Tail.Overlay.CurrentStackLocation is the kernel's own word on which location is the current one.
    assert irp.current.address == machine.memory.pointer(0xFFFFC18EAA611940 + 0xB8)
    assert isinstance(irp.current.parameters, DeviceControl)
    assert irp.current.parameters.code.names == ("IOCTL_INTERNAL_USB_SUBMIT_URB",)
    assert irp.current.major_name == "IRP_MJ_INTERNAL_DEVICE_CONTROL"


@pytest.mark.corpus
def test_types_and_table_read_the_same_irp(power_failure: Machine, corpus: Path) -> None:
    for table in sorted((corpus / "symbols/isf").glob("*.xz"))[:3]:
        layout = IoLayout(8, open_isf(str(table)).types)
        assert read_irp(POWER_IRP, power_failure.memory, layout) == read_irp(POWER_IRP, power_failure.memory, X64)


@pytest.mark.corpus
@pytest.mark.slow
def test_every_shipped_x64_offset_is_that_of_the_public_pdbs(corpus: Path) -> None:
    lines = (Path(__file__).parents[2] / "src/bugcheck/knowledge/io_objects.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line.startswith("x64:")]
    tables = sorted((corpus / "symbols/isf").glob("*.xz"))
    assert len(rows) == 8
    assert len(tables) == 11
    for table in tables:
        kernel = IoLayout(8, open_isf(str(table)).types)
        for key, size, members, *_ in rows:
            structure = key.removeprefix("x64:")
            assert int(size, 16) in (0, kernel.size(structure)), (table.name, structure)
            for name, _, offset in (pair.partition("=") for pair in members.split(" ")):
                assert kernel.offset(f"{structure}.{name}") == int(offset, 16), (table.name, structure, name)


def built_irp(count: int = 2, current: int = 2, major: int = 3, **parameters: int) -> FlatMemory:
    """An x64 IRP by the offsets Microsoft documents, all locations alike."""
    memory = FlatMemory({AT: bytes(0x1000)})
    memory.put(AT, "HH", 6, 0xD0 + 0x48 * count)
    memory.put(AT + 0x42, "BB", count, current)
    for number in range(count):
        memory.put(AT + 0xD0 + 0x48 * number, "BB", major, parameters.get("minor", 0))
        memory.put(AT + 0xD0 + 0x48 * number + 0x08, "QQQQ", *(parameters.get(f"p{i}", 0) for i in (1, 2, 3, 4)))
    return memory


def test_a_read_tells_length_and_offset() -> None:
    irp = read_irp(AT, built_irp(major=3, p1=0x200, p3=(1 << 64) - 1), X64)
    assert irp is not None
    assert irp.current is not None
    assert irp.current.parameters == Transfer(0x200, -1)
    assert irp.current.minor_name == "IRP_MN_NORMAL"


def test_mounting_a_volume_is_no_control_code() -> None:
    irp = read_irp(AT, built_irp(major=0xD, minor=1, p3=0x9002C), X64)
    assert irp is not None
    assert irp.current is not None
    assert irp.current.parameters is None
    assert irp.current.minor_name == "IRP_MN_MOUNT_VOLUME"
    assert irp.current.arguments == (0, 0, 0x9002C, 0)


@pytest.mark.parametrize(("current", "complete"), [(2, False), (3, False), (4, True)])
def test_completion_is_told_by_the_current_location(current: int, complete: bool) -> None:
    irp = read_irp(AT, built_irp(count=2, current=current), X64)
    assert irp is not None
    assert irp.is_complete == complete
    assert (irp.current is None) == (current > 2)


@pytest.mark.parametrize(
    ("offset", "form", "value"), [(0, "H", 3), (0x42, "B", 0), (0x42, "B", 200), (0x43, "B", 5), (2, "H", 8)]
)
def test_what_contradicts_itself_is_no_irp(offset: int, form: str, value: int) -> None:
    memory = built_irp()
    memory.put(AT + offset, form, value)
    assert read_irp(AT, memory, X64) is None


def test_locations_beyond_the_dump_are_left_out() -> None:
    memory = built_irp(count=2)
    memory.regions[AT] = memory.regions[AT][: 0xD0 + 0x48]
    irp = read_irp(AT, memory, X64)
    assert irp is not None
    assert [location.number for location in irp.locations] == [1]
    assert irp.current is None


def test_every_major_function_has_a_name() -> None:
    names = [io_name("major", major, 2) or "" for major in range(0x1C)]
    # IRP_MJ_MAXIMUM_FUNCTION of wdm.h is 0x1b.
    assert all(name.startswith("IRP_MJ_") for name in names)
    assert io_name("major", 0x1C, 2) is None


def test_names_of_unknown_numbers_are_hexadecimal() -> None:
    memory = built_irp(major=0x77)
    location = read_stack_location(AT + 0xD0, memory, X64)
    assert location is not None
    assert (location.major_name, location.minor_name) == ("0x77", "")
    assert flag_names("irp_flag", 0x8000_0011) == ("IRP_NOCACHE", "IRP_BUFFERED_IO", "0x80000000")


@given(st.binary(max_size=0x400), st.integers(0, 255), st.integers(0, 255), st.sampled_from([X86, X64]))
def test_hostile_bytes_make_an_irp_or_none(data: bytes, count: int, current: int, layout: IoLayout) -> None:
    memory = FlatMemory({AT: bytes(0xD0) + data}, layout.pointer_size)
    memory.put(AT, "HH", 6, 0x4C0)
    memory.put(AT + (0x42 if layout is X64 else 0x22), "BB", count, current)
    irp = read_irp(AT, memory, layout)
    assert (irp is None) == (not 1 <= count <= 127 or current > count + 2)
    assert irp is None or len(irp.locations) <= 127
    for location in irp.locations if irp else ():
        assert location.major_name
        assert isinstance(location.minor_name + "".join(location.control_names), str)


@given(st.integers(0, (1 << 64) - 1))
def test_no_address_is_too_strange(address: int) -> None:
    assert read_irp(address, FlatMemory({AT: bytes(16)}), X64) is None
