"""Loaded modules → a triage dump's driver list and string pool.

Source: entry sizes 0x90 (64-bit) and 0x4C (32-bit) and their members from rizin dmp_specs.h, agreeing with real dumps;
strings (character count, UTF-16, terminator, padding to 8 bytes) read from real dumps.

Folklore: the loader entry here is an old one: TimeDateStamp stands at +0x80 even when the kernel's own has it at +0x9C.
"""

from dataclasses import dataclass

from bugcheck.synth.images import TEXT_RVA
from bugcheck.synth.kernel_layouts import kernel_layout
from bugcheck.synth.record import Record, padded
from bugcheck.synth.truth import MachineTruth, ModuleTruth


@dataclass(frozen=True, slots=True)
class DriverList:
    """The bytes, and `drivers` (offset, count), `strings` (offset, size), `broken` (offset, size) in the file."""

    data: bytes
    offsets: dict[str, tuple[int, int]]


def build_driver_list(truth: MachineTruth, at: int, full_paths: bool) -> DriverList:
    """Build the list for file offset `at` (8-byte aligned)."""
    machine = truth.description
    wide = machine.architecture.is_64bit
    entry_size = 0x90 if wide else 0x4C
    pool_at = at + len(padded(bytes(entry_size * len(truth.modules)), 8))
    entries, pool = bytearray(), bytearray()
    for module in truth.modules:
        entry = Record(entry_size)
        entry.u32(0, pool_at + len(pool))
        entry.put(8 if wide else 4, _loader_entry(truth, module, full_paths))
        entries += entry.done()
        pool += dump_string(module.module.path if full_paths else module.module.name)
    broken = (0, 0)
    if machine.broken_driver:
        broken = (pool_at + len(pool), len(dump_string(machine.broken_driver)))
        pool += dump_string(machine.broken_driver)
    offsets = {"drivers": (at, len(truth.modules)), "strings": (pool_at, len(pool)), "broken": broken}
    return DriverList(padded(bytes(entries), 8) + bytes(pool), offsets)


def dump_string(text: str) -> bytes:
    """DUMP_STRING: count of UTF-16 units, the units, a terminator, padded to 8 bytes."""
    encoded = text.encode("utf-16-le")
    return padded((len(encoded) // 2).to_bytes(4, "little") + encoded + b"\0\0", 8)


def _loader_entry(truth: MachineTruth, module: ModuleTruth, full_paths: bool) -> bytes:
    """The old KLDR_DATA_TABLE_ENTRY: bare in layout A, a copy of the kernel's with a moved time stamp in layout B."""
    wide = truth.description.architecture.is_64bit
    record = Record(0x88 if wide else 0x48)
    if not full_paths:
        size = min(len(record), kernel_layout(truth.description.layout)["ldr"]["size"])
        record.put(0, truth.read(module.entry, size) or b"")
        record.uint(0x38 if wide else 0x1C, module.module.base + TEXT_RVA, 8 if wide else 4)
    record.uint(0x30 if wide else 0x18, module.module.base, 8 if wide else 4)
    record.u32(0x40 if wide else 0x20, module.module.size)
    record.u32(0x78 if wide else 0x40, module.module.checksum)
    record.u32(0x80 if wide else 0x44, module.module.timestamp)
    return record.done()
