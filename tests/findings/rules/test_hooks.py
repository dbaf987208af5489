"""hooks: entries of the service tables and jumps at the kernel's functions that lead out of Windows.

Source of expected values: KSERVICE_TABLE_DESCRIPTOR and entry encodings as code_hooks.py cites them; Intel SDM.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bugcheck import synth
from bugcheck.findings import code_hooks
from bugcheck.findings.findings import Crash
from bugcheck.images import exports
from bugcheck.images.exports import Export, Exports
from bugcheck.synth import DumpKind, MachineDescription
from tests.crashes import crash_of, empty_crash
from tests.findings.rules.speaking import MACHINE, said

NT = MACHINE.modules[0]
DRIVER = replace(MACHINE.modules[2], base=NT.base + 0x0500_0000)  # entries reach 128 MiB
TABLE, DESCRIPTOR = 0xFFFF_9B00_0250_0000, 0xFFFF_9B00_0250_1000
X86 = synth.x86_machine()


def with_table(monkeypatch: pytest.MonkeyPatch, *targets: int) -> Crash:
    """A full x64 dump whose service table leads to these addresses, of Windows 10's encoding."""
    start = NT.base + 0x2000
    entries = b"".join(struct.pack("<i", (target - start) << 4 | 2) for target in targets)
    descriptor = struct.pack("<4Q", start, 0, len(targets), 0)
    code = NT.code.ljust(0x1000, b"\x90") + entries
    modules = (replace(NT, code=code), MACHINE.modules[1], DRIVER, *MACHINE.modules[3:])
    crash = crash_of(
        replace(MACHINE, modules=modules, memory={**MACHINE.memory, DESCRIPTOR: descriptor}), DumpKind.FULL
    )
    place = {"KeServiceDescriptorTable": DESCRIPTOR}
    monkeypatch.setattr(code_hooks, "kernel_address", lambda _, name: place.get(name))
    return crash


def test_services_led_elsewhere_are_told_by_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    crash = with_table(monkeypatch, NT.base + 0x1010, DRIVER.base + 0x1020, NT.base + 0x1000, DRIVER.base + 0x1030)
    [finding] = said(crash, "hooks")
    assert finding.statement == (
        "2 entries in the table of system services lead to flaky.sys: system service 0x1, system service 0x3"
    )
    assert (finding.module, finding.weight) == ("flaky", 0)


def test_a_table_of_the_kernel_alone_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(with_table(monkeypatch, NT.base + 0x1010, NT.base + 0x1000), "hooks") == []


def test_code_of_no_module_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    [finding] = said(with_table(monkeypatch, NT.base + 0x1000, NT.base + 0x0600_0000), "hooks")
    assert "leads to code of no module: system service 0x1" in finding.statement
    assert finding.module is None


def test_a_table_without_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    crash = with_table(monkeypatch, DRIVER.base)
    monkeypatch.setattr(code_hooks, "MOST_SERVICES", 0)
    assert said(crash, "hooks") == []


WIN32K = replace(
    MACHINE.modules[3], name="win32k.sys", path="\\SystemRoot\\System32\\win32k.sys", base=NT.base + 0x0400_0000
)
SHADOW_TABLE = 0x2000
"""Distance of the window manager's table from win32k's base."""


def with_shadow(monkeypatch: pytest.MonkeyPatch, first: tuple[int, ...], second: tuple[int, ...], jump: bytes) -> Crash:
    """A full x64 dump with both service tables, the second behind the shadow's first descriptor, and code of nt."""
    start, windows = NT.base + 0x2000, WIN32K.base + SHADOW_TABLE
    tables = [
        b"".join(struct.pack("<i", (target - base) << 4 | 2) for target in targets)
        for base, targets in ((start, first), (windows, second))
    ]
    plain = struct.pack("<4Q", start, 0, len(first), 0)
    shadow = plain + struct.pack("<4Q", windows, 0, len(second), 0)
    modules = (
        replace(NT, code=jump.ljust(0x1000, b"\x90") + tables[0]),
        MACHINE.modules[1],
        DRIVER,
        replace(WIN32K, has_header=True, code=bytes(0x1000) + tables[1]),
        *MACHINE.modules[4:],
    )
    memory = {**MACHINE.memory, DESCRIPTOR: plain.ljust(0x100, b"\0") + shadow}
    places = {"KeServiceDescriptorTable": DESCRIPTOR, "KeServiceDescriptorTableShadow": DESCRIPTOR + 0x100}
    monkeypatch.setattr(code_hooks, "kernel_address", lambda _, name: places.get(name))
    return crash_of(replace(MACHINE, modules=modules, memory=memory), DumpKind.FULL)


def test_the_window_managers_services_have_a_table_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own, driver = WIN32K.base + 0x1010, DRIVER.base + 0x1020
    crash = with_shadow(monkeypatch, (NT.base + 0x1010,), (own, driver, NT.base + 0x1010), b"\x90")
    [finding] = said(crash, "hooks")
    # system calls from 0x1000 on are win32k's
    assert (
        finding.statement
        == "an entry in the table of system services leads to flaky.sys: window manager service 0x1001"
    )
    assert finding.module == "flaky"


def test_tables_and_a_function_hooked_in_one_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    place, driver = NT.base + 0x1000, DRIVER.base + 0x1020
    jump = b"\xe9" + struct.pack("<i", driver - place - 5)
    functions = Exports(functions=(Export(0x1000, "NtOpenSection", 1), Export(0x1008, "NtClose", 2)))
    monkeypatch.setattr(exports, "read_exports", lambda *_: functions)
    crash = with_shadow(monkeypatch, (NT.base + 0x1010, driver), (WIN32K.base + 0x1010, driver), jump)
    assert [finding.statement for finding in said(crash, "hooks")] == [
        "2 entries in the table of system services lead to flaky.sys: "
        "system service 0x1, window manager service 0x1001",
        "a function of the kernel begins with a jump to flaky.sys: nt!NtOpenSection",
    ]
    assert all(finding.weight == 0 for finding in said(crash, "hooks"))


def test_an_unhooked_pair_of_tables_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (WIN32K.base + 0x1010, NT.base + 0x1010)
    assert said(with_shadow(monkeypatch, (NT.base + 0x1010,), own, b"\x90"), "hooks") == []


def jump_machine(machine: MachineDescription, code: bytes) -> Crash:
    near = (DRIVER,) if machine is MACHINE else machine.modules[2:3]
    first = replace(machine.modules[0], code=code.ljust(16, b"\x90"))
    modules = (first, machine.modules[1], *near, *machine.modules[3:])
    return crash_of(replace(machine, modules=modules), DumpKind.FULL)


def test_a_kernel_function_that_jumps_to_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    place = NT.base + 0x1000
    jump = b"\xe9" + struct.pack("<i", DRIVER.base + 0x1020 - place - 5)
    functions = Exports(functions=(Export(0x1000, "NtOpenSection", 1), Export(0x1008, "NtClose", 2)))
    monkeypatch.setattr(exports, "read_exports", lambda *_: functions)
    [finding] = said(jump_machine(MACHINE, jump), "hooks")
    assert finding.statement == "a function of the kernel begins with a jump to flaky.sys: nt!NtOpenSection"


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        (MACHINE, b"\x48\xb8" + struct.pack("<Q", 0x1234_5678) + b"\xff\xe0"),
        (X86, b"\x68" + struct.pack("<I", 0x1234_5678) + b"\xc3"),
    ],
)
def test_jumps_as_detours_write_them(machine: MachineDescription, code: bytes) -> None:
    crash = jump_machine(machine, code)
    assert code_hooks.jump_target(crash, machine.modules[0].base + 0x1000) == 0x1234_5678


def test_other_code_is_no_jump() -> None:
    crash = jump_machine(MACHINE, b"\x48\x89\x5c\x24\x08")
    assert code_hooks.jump_target(crash, NT.base + 0x1000) is None
    assert code_hooks.jump_target(crash, 0x1000) is None


def test_it_survives_an_empty_dump() -> None:
    assert said(empty_crash(), "hooks") == []
