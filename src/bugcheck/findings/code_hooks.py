"""The kernel's service tables and the beginnings of its functions → calls that were led elsewhere, and where to.

Source: KSERVICE_TABLE_DESCRIPTOR (Base, Count, Limit, Number; ReactOS ketypes.h); table entries are addresses on x86,
on x64 since Vista distances from the table shifted left by four (the low bits count arguments on the stack), before
that with the low bits cleared; jumps as Intel SDM volume 2 encodes them and as detour libraries write them.

Folklore: personal firewalls and virus scanners of the 32-bit years took the table over as a matter of course;
PatchGuard stops an x64 system for it.  A table entry in another module is a hook, whatever it is for; a jump counts
only where it leads out of Windows, because the kernel forwards to its own extensions by jumps as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.dump.dump import Architecture
from bugcheck.findings.findings import Crash
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass

MOST_SERVICES = 2048
MOST_FUNCTIONS = 4096
VISTA = 6000
_LONGEST = 12
_TABLES = (
    ("KeServiceDescriptorTable", 0, ("nt",), "system service"),
    ("KeServiceDescriptorTableShadow", 1, ("win32k", "nt"), "window manager service"),
)
"""Symbol, which descriptor behind it, beginnings of module names that may stand there, and whose services they are."""
SHADOW = 0x1000
"""Added to the numbers of the second table's services, as system calls carry them."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A call led elsewhere. `what`: the service or function; `place`: where that stands; `target`: where it leads."""

    what: str
    place: int
    target: int


def service_hooks(crash: Crash) -> Iterator[Hook]:
    """Find entries of the service tables that lead out of the modules they belong to; needs the tables in the dump."""
    if crash.machine.architecture not in (Architecture.X86, Architecture.X86_PAE, Architecture.X64):
        return
    for symbol, index, owners, services in _TABLES:
        descriptor = kernel_address(crash, symbol)
        if descriptor is not None:
            at = descriptor + index * 4 * crash.memory.pointer_size
            yield from table_hooks(crash, at, owners, services, index * SHADOW)


def kernel_address(crash: Crash, name: str) -> int | None:
    """Virtual address of a symbol of nt; None where no symbols have it."""
    kernel = crash.modules.named("nt")
    symbols = crash.machine.symbolizer.symbols_of(kernel) if kernel and crash.machine.symbolizer else None
    symbol = symbols.find(name) if symbols else None
    return kernel.base + symbol.rva if kernel is not None and symbol is not None else None


def table_hooks(crash: Crash, descriptor: int, owners: tuple[str, ...], services: str, first: int) -> Iterator[Hook]:
    """Go through the table of one descriptor.

    Args:
        owners: beginnings of names of modules that may stand in it. services: what its entries are called.
        first: number of the first service.
    """
    width = crash.memory.pointer_size
    base, limit = crash.memory.try_pointer(descriptor), crash.memory.try_u32(descriptor + 2 * width)
    if not base or not limit or limit > MOST_SERVICES:
        return
    data = crash.memory.read_up_to(base, 4 * limit)
    for number in range(len(data) // 4):
        raw = data[4 * number : 4 * number + 4]
        target = _target(crash, base, raw)
        module = crash.modules.at(target)
        if target and (module is None or not module.name.lower().startswith(owners)):
            yield Hook(f"{services} {first + number:#x}", base + 4 * number, target)


def _target(crash: Crash, base: int, raw: bytes) -> int:
    if crash.memory.pointer_size == 4:
        return int.from_bytes(raw, "little")
    entry = int.from_bytes(raw, "little", signed=True)
    build = crash.dump.kernel.build & 0xFFFF if crash.dump.kernel else VISTA
    return base + (entry >> 4 if build >= VISTA else entry & ~0xF)


def function_hooks(crash: Crash) -> Iterator[Hook]:
    """Find exported functions of nt that begin with a jump out of Windows; needs the kernel's image in the dump."""
    kernel = crash.modules.named("nt")
    if kernel is None or crash.dump.physical is None or not crash.machine.architecture.value.startswith("x"):
        return
    from bugcheck.errors import CorruptDump
    from bugcheck.images.exports import read_exports
    from bugcheck.images.pe_header import try_read_pe_header

    try:
        header = try_read_pe_header(crash.memory, kernel.base, kernel.name)
    except CorruptDump:
        return
    for export in read_exports(crash.memory, header).functions[:MOST_FUNCTIONS] if header else ():
        place = kernel.base + export.rva
        target = jump_target(crash, place)
        if target is not None and target not in kernel and is_outside_windows(crash, target):
            yield Hook(f"nt!{export.name}" if export.name else f"nt ordinal {export.ordinal}", place, target)


def is_outside_windows(crash: Crash, target: int) -> bool:
    """Tell whether an address is in no module, or in one that is not part of Windows."""
    module = crash.modules.at(target)
    return module is None or standing_of(module, crash) in (Standing.THIRD_PARTY, Standing.UNKNOWN)


def jump_target(crash: Crash, place: int) -> int | None:
    """Where the code at `place` jumps at once; None when it begins with anything else, or is not in the dump."""
    data = crash.memory.read_up_to(place, _LONGEST)
    bits = crash.machine.architecture.bits
    mask = (1 << bits) - 1
    if data[:1] == b"\xe9" and len(data) >= 5:
        return place + 5 + int.from_bytes(data[1:5], "little", signed=True) & mask
    if data[:2] == b"\xff\x25" and len(data) >= 6:
        shift = int.from_bytes(data[2:6], "little", signed=bits == 64)
        return crash.memory.try_pointer(place + 6 + shift & mask if bits == 64 else shift)
    if bits == 64 and data[:2] == b"\x48\xb8" and data[10:12] == b"\xff\xe0":
        return int.from_bytes(data[2:10], "little")
    if bits == 32 and data[:1] == b"\x68" and data[5:6] == b"\xc3":
        return int.from_bytes(data[1:5], "little")
    return None


def owner_in_words(crash: Crash, target: int) -> tuple[Module | None, str]:
    """The module a hook leads to, and its name for a sentence."""
    module = crash.modules.at(target)
    return module, module.image if module else "code of no module"
