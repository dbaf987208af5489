"""Device objects and their stacks: the story's, a real 0x9F's, and built ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.machine.device_object import STACK_LIMIT, read_device_object, read_device_stack
from bugcheck.machine.driver_object import read_driver_object
from bugcheck.machine.io_layout import IoLayout
from bugcheck.machine.machine import Machine
from bugcheck.symbols.isf import open_isf
from tests.machine.flat_memory import FlatMemory

X86, X64 = IoLayout(4), IoLayout(8)
AT = 0xFFFF_8000_0000_0000
STEP = 0x1000


@pytest.fixture(scope="module")
def power_failure(corpus: Path) -> Machine:
    return Machine(read_dump(map_file(str(corpus / "kernel/r-Techsupport__training_bsods__9f.dmp"))))


def test_the_storys_device_belongs_to_rapdrv(shared: Path) -> None:
    # story/expected.json, "facts": device object 865b5ba0, driver object 865b6d40.
    machine = Machine(read_dump(map_file(str(shared / "story/story.dmp"))))
    device = read_device_object(0x865B5BA0, machine.memory, X86)
    assert device is not None
    assert (device.driver_object, device.type_name) == (0x865B6D40, "FILE_DEVICE_UNKNOWN")
    assert device.flag_names == ("DO_BUFFERED_IO", "DO_DEVICE_HAS_NAME")
    stack = read_device_stack(0x865B5BA0, machine.memory, X86)
    assert stack is not None
    assert (len(stack.devices), stack.top_reached, stack.bottom_reached) == (1, True, False)
    assert stack.physical_device is None  # the built device has no DEVOBJ_EXTENSION, so nobody knows


@pytest.mark.corpus
@pytest.mark.parametrize("start", [0xFFFFD68FE35B8050, 0xFFFFD68FE39130A0, 0xFFFFD68FE382F8D0])
def test_the_stack_of_a_real_disk_is_the_same_from_every_device(power_failure: Machine, start: int) -> None:
    stack = read_device_stack(start, power_failure.memory, X64)
    assert stack is not None
    drivers = [read_driver_object(device.driver_object, power_failure.memory, X64) for device in stack.devices]
    # The drivers' own names, as the dump holds them; the PDO's and the disk's by corpus/expected/truth.jsonl.
    assert [driver.name if driver else "" for driver in drivers] == [
        "\\Driver\\partmgr",
        "\\Driver\\disk",
        "\\Driver\\ACPI",
        "\\Driver\\iaStorAC",
    ]
    assert stack.top_reached
    assert stack.bottom_reached
    # StackSize counts the devices from the bottom up.
    assert [device.stack_size for device in stack.devices] == [4, 3, 2, 1]
    physical = stack.physical_device
    assert physical is not None
    assert power_failure.bugcheck is not None
    assert physical.address == power_failure.bugcheck.parameters[1].value
    assert physical.instance_path == "SCSI\\Disk&Ven_Intel&Prod_Raid_1_Volume\\4&31e325c3&0&060000"
    assert physical.service == "disk"
    assert physical.type_name == "FILE_DEVICE_DISK"
    assert "DO_BUS_ENUMERATED_DEVICE" in physical.flag_names


@pytest.mark.corpus
def test_types_and_table_read_the_same_stack(power_failure: Machine, corpus: Path) -> None:
    table = corpus / "symbols/isf/ntkrnlmp.pdb-79BE8C368BEC7DD9677EA9B355ACE784-1.json.xz"
    layout = IoLayout(8, open_isf(str(table)).types)
    read = [read_device_stack(0xFFFFD68FE39130A0, power_failure.memory, each) for each in (layout, X64)]
    assert read[0] == read[1]


def built_stack(count: int, top: int = 0, bottom: int = 0) -> FlatMemory:
    """x64 device objects (offsets as Microsoft documents them), each with its extension, the lowest first."""
    memory = FlatMemory({AT: bytes(STEP * count)})
    for number in range(count):
        device = AT + STEP * number
        above = device + STEP if number < count - 1 else top
        below = device - STEP if number else bottom
        memory.put(device, "HH", 3, 0x150)
        memory.put(device + 8, "Q", 0x1234)
        memory.put(device + 0x18, "Q", above)
        memory.put(device + 0x48, "I", 7)
        memory.put(device + 0x138, "Q", device + 0x200)
        memory.put(device + 0x200, "HHIQ", 13, 0x70, 0, device)
        memory.put(device + 0x230, "Q", below)
    return memory


def test_a_stack_is_listed_from_its_top() -> None:
    stack = read_device_stack(AT + STEP, built_stack(3), X64)
    assert stack is not None
    assert [device.address for device in stack.devices] == [AT + 2 * STEP, AT + STEP, AT]
    assert stack.physical_device is stack.devices[-1]


def test_a_stack_that_leaves_the_dump_is_not_whole() -> None:
    stack = read_device_stack(AT, built_stack(2, top=0x10, bottom=0x20), X64)
    assert stack is not None
    assert len(stack.devices) == 2
    assert (stack.top_reached, stack.bottom_reached, stack.physical_device) == (False, False, None)


def test_a_stack_that_runs_into_itself_ends() -> None:
    stack = read_device_stack(AT, built_stack(3, top=AT, bottom=AT + STEP), X64)
    assert stack is not None
    assert len(stack.devices) == 3
    assert (stack.top_reached, stack.bottom_reached) == (False, False)


def test_a_stack_has_at_most_as_many_devices_as_a_byte_counts() -> None:
    stack = read_device_stack(AT, built_stack(STACK_LIMIT + 50), X64)
    assert stack is not None
    assert len(stack.devices) == STACK_LIMIT + 1
    assert not stack.top_reached


@given(st.data())
def test_any_tangle_of_devices_is_walked_to_an_end(data: st.DataObject) -> None:
    memory = built_stack(6)
    places = st.sampled_from([0, 0x10, *(AT + STEP * number for number in range(6))])
    for number in range(6):
        memory.put(AT + STEP * number + 0x18, "Q", data.draw(places))
        memory.put(AT + STEP * number + 0x230, "Q", data.draw(places))
    stack = read_device_stack(AT, memory, X64)
    assert stack is not None
    addresses = [device.address for device in stack.devices]
    assert AT in addresses
    assert len(set(addresses)) == len(addresses)


def test_an_extension_of_another_device_is_not_believed() -> None:
    memory = built_stack(2)
    memory.put(AT + STEP + 0x208, "Q", AT + 0x10)
    device = read_device_object(AT + STEP, memory, X64)
    assert device is not None
    assert (device.attached_to, device.device_node) == (None, None)


def test_a_node_that_does_not_point_back_is_not_believed() -> None:
    memory = built_stack(1)
    text = "PCI\\VEN_8086".encode("utf-16-le")
    memory.put(AT + 0x228, "Q", AT + 0x400)
    memory.put(AT + 0x428, "HHIQ", len(text), len(text), 0, AT + 0x600)
    memory.regions[AT][0x600 : 0x600 + len(text)] = text
    for owner, path in ((AT, "PCI\\VEN_8086"), (AT + 8, "")):
        memory.put(AT + 0x420, "Q", owner)
        device = read_device_object(AT, memory, X64)
        assert device is not None
        assert device.instance_path == path


def test_another_type_is_no_device() -> None:
    memory = built_stack(1)
    memory.put(AT, "H", 4)
    assert read_device_object(AT, memory, X64) is None
    assert read_device_stack(0x10, memory, X64) is None


@given(st.binary(max_size=0x400), st.sampled_from([X86, X64]), st.integers(0, (1 << 64) - 1))
def test_hostile_bytes_make_a_stack_or_none(data: bytes, layout: IoLayout, address: int) -> None:
    memory = FlatMemory({0x8000_0000: b"\x03\0" + data}, layout.pointer_size)
    for place in (0x8000_0000, address):
        stack = read_device_stack(place, memory, layout)
        assert stack is None or 1 <= len(stack.devices) <= STACK_LIMIT + 1
        for device in stack.devices if stack else ():
            assert device.type_name
            assert isinstance(device.flag_names, tuple)
