"""Kernel objects and crashes built for tests of bug check rules; offsets as Microsoft documents them (wdm.h, x64)."""

from __future__ import annotations

import struct
from dataclasses import replace

from bugcheck import synth
from bugcheck.findings.findings import BUGCHECK_RULES, Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.synth.description import BugCheckDescription, MachineDescription
from tests.crashes import crash_of, with_registers

MACHINE = synth.x64_machine()
NT, HAL, FLAKY, DISK = MACHINE.modules[:4]
IN_FLAKY, IN_NT, IN_DISK = FLAKY.base + 0x1020, NT.base + 0x1010, DISK.base + 0x1020
GONE = MACHINE.unloaded[0]
AT = 0xFFFF_9B00_0250_0000
"""Where tests put objects: mapped by the synth machine because the description's memory names it."""


def described_check(code: int, *parameters: int) -> BugCheckDescription:
    """A bug check whose further parameters are zero."""
    first, second, third, fourth, *_ = (*parameters, 0, 0, 0, 0)
    return BugCheckDescription(code, (first, second, third, fourth))


def crash_with(
    code: int,
    *parameters: int,
    memory: dict[int, bytes] | None = None,
    stack: bytes = bytes(0x100),
    machine: MachineDescription = MACHINE,
    rip: int = IN_NT,
) -> Crash:
    """A crash raised by nt, with this stack above it and these bytes in memory."""
    pointer = machine.processors[0].registers["rsp"]
    described = replace(
        machine,
        memory={**machine.memory, pointer: stack, **(memory or {})},
        bugcheck=described_check(code, *parameters),
        exception=None,
        broken_driver="",
    )
    return crash_of(with_registers(described, rip=rip))


def stack_of(*addresses: int) -> bytes:
    """A stack whose words are these return addresses, with room between them."""
    return b"".join(struct.pack("<QQQQ", address, 0, 0, 0) for address in addresses).ljust(0x100, b"\0")


def renamed(index: int, name: str) -> MachineDescription:
    """The synth machine with a driver under another file name, so that what is known of that name applies."""
    modules = list(MACHINE.modules)
    modules[index] = replace(modules[index], name=name, path=f"\\SystemRoot\\system32\\drivers\\{name}")
    return replace(MACHINE, modules=tuple(modules))


def answers(crash: Crash) -> list[Finding | Gap]:
    """What the rules made for this crash's bug check say, and nothing else."""
    check = crash.bugcheck
    assert check is not None
    BUGCHECK_RULES.load_one(check.name.removesuffix("_M").lower())
    rules = [each for each in BUGCHECK_RULES.loaded() if check.code in each.codes]
    return [answer for each in rules for answer in each.run(crash)]


def findings(crash: Crash) -> list[Finding]:
    """The findings among them."""
    return [answer for answer in answers(crash) if isinstance(answer, Finding)]


def accused(crash: Crash) -> list[str]:
    """Modules that are accused with some weight."""
    return [finding.module for finding in findings(crash) if finding.module and finding.weight > 0]


def statements(crash: Crash) -> str:
    """All statements, one a line."""
    return "\n".join(finding.statement for finding in findings(crash))


def unicode_string(address: int, text: str) -> dict[int, bytes]:
    """A UNICODE_STRING at an address, its text 0x100 bytes behind."""
    raw = text.encode("utf-16-le")
    return {address: struct.pack("<HHIQ", len(raw), len(raw) + 2, 0, address + 0x100).ljust(0x100, b"\0") + raw}


def driver_object(address: int, module: int, size: int = 0x8000) -> bytes:
    """A DRIVER_OBJECT whose image starts at `module`."""
    raw = bytearray(0x150)
    struct.pack_into("<HH", raw, 0, 4, 0x150)
    struct.pack_into("<QI", raw, 0x18, module, size)
    return bytes(raw)


def device_object(address: int, driver: int, above: int, below: int) -> bytes:
    """A DEVICE_OBJECT with its DEVOBJ_EXTENSION right behind it."""
    raw = bytearray(0x200)
    struct.pack_into("<HHIQ", raw, 0, 3, 0x150, 1, driver)
    struct.pack_into("<Q", raw, 0x18, above)
    struct.pack_into("<I", raw, 0x48, 7)
    struct.pack_into("<Q", raw, 0x138, address + 0x150)
    struct.pack_into("<HHIQ", raw, 0x150, 13, 0x40, 0, address)
    struct.pack_into("<Q", raw, 0x150 + 0x30, below)
    return bytes(raw)


def device_stack(*images: int) -> dict[int, bytes]:
    """A device stack, the highest first, at AT, AT+0x1000, …; each device's driver object lies 0x800 behind it."""
    memory: dict[int, bytes] = {}
    for index, image in enumerate(images):
        place = AT + 0x1000 * index
        above = place - 0x1000 if index else 0
        below = place + 0x1000 if index + 1 < len(images) else 0
        device = device_object(place, place + 0x800, above, below).ljust(0x800, b"\0")
        memory[place] = device + driver_object(place + 0x800, image)
    return memory


def power_irp(address: int, device: int) -> dict[int, bytes]:
    """An IRP with two stack locations whose current one, number 1, is a power request at a device."""
    raw = bytearray(0xD0 + 2 * 0x48)
    struct.pack_into("<HH", raw, 0, 6, len(raw))
    raw[0x42], raw[0x43] = 2, 1
    raw[0xD0], raw[0xD1] = 0x16, 2
    struct.pack_into("<QQQ", raw, 0xD0 + 0x10, 1, 4, 3)
    struct.pack_into("<Q", raw, 0xD0 + 0x28, device)
    return {address: bytes(raw)}
