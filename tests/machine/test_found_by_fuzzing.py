"""What fuzz/mutants.py once broke, kept from breaking again."""

from __future__ import annotations

from dataclasses import replace

from bugcheck import synth
from bugcheck.machine.module_details import read_module_details
from bugcheck.machine.system import _service_pack_number  # pyright: ignore[reportPrivateUsage]
from bugcheck.synth import DumpKind
from tests.crashes import crash_of


def test_a_superscript_is_no_service_pack_number() -> None:
    assert _service_pack_number("Service Pack ²") is None
    assert _service_pack_number("Service Pack 3") == 3
    assert _service_pack_number("") == 0


def test_a_module_page_with_a_damaged_header_costs_only_its_details() -> None:
    machine = synth.x64_machine()
    crash = crash_of(replace(machine, memory={**machine.memory}), DumpKind.FULL)
    module = crash.modules[2]
    whole = read_module_details(module, crash.memory)

    class Damaged:
        def try_read(self, address: int, size: int) -> bytes | None:
            return self.read_up_to(address, size)

        def read_up_to(self, address: int, size: int) -> bytes:
            data = bytearray(crash.memory.read_up_to(address, size))
            if address <= module.base + 0x3C < address + size:
                data[module.base + 0x3C - address] = 0x41
            return bytes(data)

    assert whole.pdb is not None
    assert read_module_details(module, Damaged()).pdb is None  # type: ignore[arg-type]
