"""A crash → the flip that explains its bad address: of the address, of the register it was made from, of its region.

Source: bit_flips.py for what counts as one; x64 page table entries stand for the addresses they map (Intel SDM).

Folklore: an access far behind a pointer (`[rbx+4C8h]`) has an address that resembles no pointer, and its register does.
"""

from __future__ import annotations

import re

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture
from bugcheck.findings.access import failed_access
from bugcheck.findings.bit_flips import Flip, entry_of, find_flip, find_region_flip, live_pointers
from bugcheck.findings.fault_registers import code_at_fault, fault_registers
from bugcheck.findings.findings import Crash

KERNEL = 0x1_FFFF
"""Bits 47 to 63 of a kernel address."""
FIRST_SCATTERED_BUILD = 14393
"""Windows 10 1607, the first that puts its kinds of memory at places of chance; before, they stand one bit apart
(Windows 8.1: pools at ffffc000 and ffffe000, stacks at ffffd000; Windows 7: fffff880 and fffff8a0)."""
_OPERAND = re.compile(r"\[([^\[\]]+)\]")
_REGISTER = re.compile(r"\b(?:r[a-ds][xip]|rbp|r\d{1,2})\b")


def failed_address(crash: Crash) -> int | None:
    """The address that could not be accessed, by the processor's report or by what the instruction touches."""
    access = failed_access(crash)
    if access is not None and access.address != MASK64:
        return access.address
    code = code_at_fault(crash)
    return code.access_address if code and code.access_value is None else None


def flip_of_address(crash: Crash, address: int) -> Flip | None:
    """A live pointer that the address, or the address it is the page table entry of, resembles."""
    return find_flip(_mapped(crash, address), live_pointers(crash)) if address >> 47 == KERNEL else None


def flip_of_base(crash: Crash, address: int) -> tuple[str, Flip] | None:
    """A register of the faulting instruction's memory operand that resembles a live pointer."""
    code, context = code_at_fault(crash), fault_registers(crash)
    operand = _OPERAND.search(code.text) if code is not None else None
    if operand is None or context is None or address >> 47 != KERNEL:
        return None
    pointers = live_pointers(crash)
    for name in dict.fromkeys(_REGISTER.findall(operand[1])):
        value = context.registers.get(name, 0)
        flip = find_flip(value, pointers) if value >> 47 == KERNEL else None
        if flip is not None:
            return name, flip
    return None


def flip_of_region(crash: Crash, address: int) -> Flip | None:
    """Memory in use that is one bit beside an address far from everything else, where kinds of memory are scattered."""
    build = crash.dump.kernel.build & 0xFFFF if crash.dump.kernel else 0
    if address >> 47 != KERNEL or build < FIRST_SCATTERED_BUILD:
        return None
    return find_region_flip(_mapped(crash, address), live_pointers(crash))


def flip_of_code(crash: Crash) -> tuple[int, int, str] | None:
    """The instruction pointer in no module, the bit that would put it into one, and the place there, in words."""
    address = crash.faulting_address
    if address is None or address >> 47 != KERNEL or crash.modules.at(address):
        return None
    for bit in range(32, 47):
        if crash.modules.at(address ^ 1 << bit) is not None:
            return address, bit, crash.modules.resolve(address ^ 1 << bit) or ""
    return None


def _mapped(crash: Crash, address: int) -> int:
    """The address whose page table entry this one is, else the address itself."""
    found = entry_of(address, live_pointers(crash)) if crash.machine.architecture is Architecture.X64 else None
    return found or address
