"""The lists inside a small memory dump → modules, unloaded drivers, blocks of memory.

Source: DUMP_DRIVER_ENTRY32/64 (name offset, then an LDR_DATA_TABLE_ENTRY), DUMP_UNLOADED_DRIVERS32/64 and
TRIAGE_DATA_BLOCK as Ghidra `LoadedDriver`, `UnloadedDriver`, `TriageDataBlock` name them.

Folklore: a 32-bit dump's data blocks carry 64-bit sign-extended addresses (16 bytes an entry, seen on a real ARM32 dump
and on the story's), though two public readers take 4 bytes.  Strings are counted in characters and lie in a pool; the
unloaded drivers' names are cut at 12 characters.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.binary import BinaryView, decode_utf16
from bugcheck.dump.dump import Dump, RawModule, RawUnloadedModule, VirtualRun
from bugcheck.dump.kernel_header import is_64_bit

MAX_DRIVERS = 4096
MAX_UNLOADED = 1024
MAX_DATA_BLOCKS = 1 << 16
"""The most seen in a real dump is 4,910."""
MAX_NAME = 1024
_DATA_BLOCK = Struct("<QII")
# name offset, image base, SizeOfImage, signature (64-bit), CheckSum, TimeDateStamp: the fields worth keeping
_DRIVER32 = Struct("<I24xI4xI28xII")
_DRIVER64 = Struct("<I4x48xQ8xI4x38xH8xI4xI4x")
_UNLOADED32 = Struct("<H6x24sII")
_UNLOADED64 = Struct("<H14x24sQQ")


def read_dump_string(view: BinaryView, offset: int) -> str:
    """Read a DUMP_STRING: a 32-bit count of characters, then UTF-16LE; "" when it lies outside the file."""
    if offset <= 0 or offset + 4 > view.size:
        return ""
    return view.utf16(offset + 4, 2 * min(view.u32(offset), MAX_NAME))


def read_driver_list(dump: Dump, offset: int, count: int) -> list[RawModule]:
    """Read the loaded modules, in load order; entries beyond the file's end become a gap."""
    view = dump.file
    entry = _DRIVER64 if is_64_bit(view) else _DRIVER32
    kept = _entries_in_file(dump, "loaded modules", offset, count, entry.size, MAX_DRIVERS)
    modules: list[RawModule] = []
    unnamed = 0
    for index in range(kept):
        name_offset, base, size, *signature, checksum, stamp = entry.unpack_from(view.data, offset + index * entry.size)
        path = read_dump_string(view, name_offset)
        unnamed += not path
        modules.append(RawModule(path, base, size, stamp, checksum, signature=signature[0] if signature else 0))
    if unnamed:
        dump.damage("names of modules", f"{unnamed} module names lie outside the file", offset)
    return modules


def read_unloaded_drivers(dump: Dump, offset: int) -> list[RawUnloadedModule]:
    """Read the list of unloaded drivers: a count, then fixed-size entries, latest first."""
    view = dump.file
    wide = is_64_bit(view)
    head, entry = (8, _UNLOADED64) if wide else (4, _UNLOADED32)
    if not offset or offset + head > view.size:
        return []
    count = _entries_in_file(dump, "unloaded modules", offset + head, view.u32(offset), entry.size, MAX_UNLOADED)
    found: list[RawUnloadedModule] = []
    for index in range(count):
        length, name, start, end = entry.unpack_from(view.data, offset + head + index * entry.size)
        text = decode_utf16(name[: min(length, 24)])
        if text or start:
            found.append(RawUnloadedModule(text, start, end))
    return found


def read_data_blocks(dump: Dump, offset: int, count: int) -> list[VirtualRun]:
    """Read the blocks of virtual memory; those that lie outside the file are left out and told as a gap."""
    view = dump.file
    kept = _entries_in_file(dump, "data blocks", offset, count, _DATA_BLOCK.size, MAX_DATA_BLOCKS)
    mask = 0xFFFF_FFFF_FFFF_FFFF if is_64_bit(view) else 0xFFFF_FFFF
    raw = view.read_up_to(offset, kept * _DATA_BLOCK.size)
    blocks = [
        VirtualRun(address & mask, size, place, "data block")
        for address, place, size in _DATA_BLOCK.iter_unpack(raw)
        if size and place < view.size
    ]
    cut = sum(1 for block in blocks if block.file_offset + block.size > view.size)
    if (cut or len(blocks) < kept) and dump.truncated_at is None:
        dump.damage("memory blocks", f"{cut + kept - len(blocks)} of {count} blocks lie outside the file", offset)
    return blocks


def _entries_in_file(dump: Dump, what: str, offset: int, count: int, size: int, limit: int) -> int:
    if not count:
        return 0
    room = max(0, dump.file.size - offset) // size if offset else 0
    kept = min(count, room, limit)
    if kept < count:
        dump.damage(what, f"the list claims {count} entries, {kept} can be read", offset)
    return kept
