"""x86 registers of 64-bit threads. Offsets: TEB.TlsSlots and the CPU area of public symbols."""

from __future__ import annotations

from struct import pack_into

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.stack.wow64 import wow64_context
from tests.stack.sources import Pieces

TEB, AREA = 0x7FFD_0000, 0x0012_0000


def memory(flags: int = 0x1000F, area: int = AREA) -> Pieces:
    context = bytearray(4 + 0xCC)
    pack_into("<I", context, 4, flags)
    for offset, value in ((0xB8, 0x77001234), (0xC4, 0x19F000), (0xB4, 0x19F010)):
        pack_into("<I", context, 4 + offset, value)
    return Pieces({TEB + 0x1488: area.to_bytes(8, "little"), AREA: bytes(context)})


def thread(**registers: int) -> Context:
    return Context(Architecture.X64, "thread 7", {"rip": 0x7FFE_0000_1000, "rsp": 0x8FE00, "cs": 0x33, **registers})


def test_registers_of_the_cpu_area() -> None:
    found = wow64_context(thread(), TEB, memory())
    assert found is not None
    assert found.architecture is Architecture.X86
    assert (found.registers["eip"], found.registers["esp"], found.registers["ebp"]) == (0x77001234, 0x19F000, 0x19F010)
    assert found.source == "thread 7, 32-bit"


def test_a_thread_in_32_bit_code_has_its_own() -> None:
    found = wow64_context(thread(cs=0x23, rip=0x401000, rsp=0x19F000, rax=0xFFFF_FFFF_0000_0001), 0, memory())
    assert found is not None
    assert (found.registers["eip"], found.registers["esp"], found.registers["eax"]) == (0x401000, 0x19F000, 1)


def test_native_threads_and_missing_memory_have_none() -> None:
    assert wow64_context(thread(), 0, memory()) is None
    assert wow64_context(thread(), TEB, Pieces({})) is None
    assert wow64_context(thread(), TEB, memory(area=0)) is None
    assert wow64_context(thread(), TEB, memory(area=1 << 40)) is None
    assert wow64_context(thread(), TEB, memory(flags=0)) is None
    assert wow64_context(thread(), TEB + 8, memory()) is None
    assert wow64_context(thread(cs=0x23), TEB, memory()) is None
    assert wow64_context(Context(Architecture.ARM64, "", {"pc": 1}), TEB, memory()) is None
