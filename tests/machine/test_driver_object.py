"""Driver objects: the story's (built, x86), those of a real 0x9F's disk stack, and built ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.machine.driver_object import (
    MAJOR_FUNCTIONS,
    dispatch_table,
    foreign_dispatches,
    read_devices,
    read_driver_object,
)
from bugcheck.machine.io_layout import IoLayout
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from tests.machine.flat_memory import FlatMemory

X86, X64 = IoLayout(4), IoLayout(8)
AT = 0x8000_0000


def module(name: str, base: int) -> Module:
    return Module(name, f"{name}.sys", f"{name}.sys", base, 0x1000, 0, 0)


MODULES = ModuleList((module("nt", 0xF000_0000), module("own", 0xF100_0000), module("other", 0xF200_0000)))


@pytest.mark.parametrize("name", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_the_storys_driver_is_rapdrv(shared: Path, name: str) -> None:
    # story/expected.json, "facts": driver object "865b6d40 \\Driver\\RapDrv", rapdrv_base f5355000.
    machine = Machine(read_dump(map_file(str(shared / "story" / name))))
    driver = read_driver_object(0x865B6D40, machine.memory, X86)
    assert driver is not None
    assert (driver.name, driver.start) == ("\\Driver\\RapDrv", 0xF5355000)
    assert [
        dispatch.module.name if dispatch.module else "" for dispatch in dispatch_table(driver, machine.modules)
    ] == ["RapDrv"] * MAJOR_FUNCTIONS
    assert foreign_dispatches(driver, machine.modules) == ()
    assert [device.address for device in read_devices(driver, machine.memory, X86)] == [0x865B5BA0]


@pytest.mark.corpus
def test_real_storage_drivers_are_served_by_their_port_drivers(corpus: Path) -> None:
    machine = Machine(read_dump(map_file(str(corpus / "kernel/r-Techsupport__training_bsods__9f.dmp"))))
    # corpus/expected/truth.jsonl: the PDO's DriverObject is \Driver\iaStorAC. Its image is the module of that name.
    driver = read_driver_object(0xFFFFD68FE34E8060, machine.memory, X64)
    assert driver is not None
    assert driver.name == "\\Driver\\iaStorAC"
    image = machine.modules.named("iaStorAC")
    assert image is not None
    assert (driver.start, driver.size) == (image.base, image.size)
    # Microsoft, "Storage Driver Architecture": storport serves its miniports' requests, CLASSPNP its class drivers'.
    assert {dispatch.module.name for dispatch in foreign_dispatches(driver, machine.modules) if dispatch.module} == {
        "storport"
    }
    disk = read_driver_object(0xFFFFD68FE35ADE00, machine.memory, X64)
    assert disk is not None
    assert disk.name == "\\Driver\\disk"
    assert {dispatch.module.name for dispatch in foreign_dispatches(disk, machine.modules) if dispatch.module} == {
        "CLASSPNP"
    }


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0xFFFFC18EA7669C50, "Wdf01000"),
        (0xFFFFC18EA9E46E60, "kbdhid"),
        (0xFFFFC18EAA0C9C00, "USBXHCI"),
    ],
)
def test_driver_objects_of_a_real_arm64_machine(corpus: Path, address: int, name: str) -> None:
    machine = Machine(read_dump(map_file(str(corpus / "kernel/ivellioscolin__kdlibcpp__win10_arm64_mem.dmp"))))
    driver = read_driver_object(address, machine.memory, X64)
    assert driver is not None
    assert driver.name == f"\\Driver\\{name}"
    image = machine.modules.named(name)  # the dump's list of modules tells the same of the image
    assert image is not None
    assert (driver.start, driver.size) == (image.base, image.size)
    assert foreign_dispatches(driver, machine.modules) == ()


def built_driver(name: str = "\\Driver\\own") -> FlatMemory:
    """An x64 driver object by the offsets Microsoft documents."""
    memory = FlatMemory({AT: bytes(0x1000)})
    memory.put(AT, "HH", 4, 0x150)
    memory.put(AT + 0x08, "Q", AT + 0x400)
    memory.put(AT + 0x10, "I", 0x12)
    memory.put(AT + 0x18, "QI", 0xF100_0000, 0x1000)
    text = name.encode("utf-16-le")
    memory.put(AT + 0x38, "HHIQ", len(text), len(text), 0, AT + 0x200)
    memory.regions[AT][0x200 : 0x200 + len(text)] = text
    memory.put(AT + 0x70, f"{MAJOR_FUNCTIONS}Q", *[0xF000_0010] * MAJOR_FUNCTIONS)
    for number, following in ((0, 0x600), (1, 0x400)):
        device = AT + 0x400 + 0x200 * number
        memory.put(device, "HHIQQ", 3, 0x150, 1, AT, AT + following)
    return memory


def test_a_routine_in_a_third_module_is_told() -> None:
    memory = built_driver()
    memory.put(AT + 0x70, "QQQ", 0xF100_0020, 0xF200_0020, 0xE000_0000)
    driver = read_driver_object(AT, memory, X64)
    assert driver is not None
    assert driver.flag_names == ("DRVO_LEGACY_DRIVER", "DRVO_INITIALIZED")
    found = [(dispatch.major_name, dispatch.module) for dispatch in foreign_dispatches(driver, MODULES)]
    assert found == [("IRP_MJ_CREATE_NAMED_PIPE", MODULES[2]), ("IRP_MJ_CLOSE", None)]


def test_devices_of_a_driver_are_listed_once_each() -> None:
    memory = built_driver()
    driver = read_driver_object(AT, memory, X64)
    assert driver is not None
    assert [device.address for device in read_devices(driver, memory, X64)] == [AT + 0x400, AT + 0x600]


def test_a_name_that_is_not_in_the_dump_is_empty() -> None:
    memory = built_driver()
    memory.put(AT + 0x40, "Q", 0x10)
    driver = read_driver_object(AT, memory, X64)
    assert driver is not None
    assert driver.name == ""


def test_a_table_that_is_not_in_the_dump_is_empty() -> None:
    memory = built_driver()
    memory.regions[AT] = memory.regions[AT][:0x100]
    driver = read_driver_object(AT, memory, X64)
    assert driver is not None
    assert driver.major_functions == ()
    assert dispatch_table(driver, MODULES) == ()


def test_another_type_is_no_driver() -> None:
    memory = built_driver()
    memory.put(AT, "H", 3)
    assert read_driver_object(AT, memory, X64) is None
    assert read_driver_object(0x10, memory, X64) is None


@given(st.binary(max_size=0x300), st.sampled_from([X86, X64]), st.integers(0, (1 << 64) - 1))
def test_hostile_bytes_make_a_driver_or_none(data: bytes, layout: IoLayout, address: int) -> None:
    memory = FlatMemory({AT: b"\x04\0" + data}, layout.pointer_size)
    for place in (AT, address):
        driver = read_driver_object(place, memory, layout)
        if driver is not None:
            assert len(driver.major_functions) in (0, MAJOR_FUNCTIONS)
            assert len(foreign_dispatches(driver, MODULES)) <= MAJOR_FUNCTIONS
            read_devices(driver, memory, layout)
