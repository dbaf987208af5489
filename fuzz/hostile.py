"""What chance hardly hits → dumps made by hand so that a small file asks for much work or memory.

Each takes one of the limits to its end: counts, lengths, lists whose every element is honest but shared or overlapping.
Source: minidumpapiset.h and the layouts cited in dump/formats, written out here byte by byte.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache

from bugcheck.synth import DumpKind, build_machine, kernel_dump_of, x64_machine

_BLOCK = 0x2000
"""File offset of TRIAGE_DUMP64."""
_KERNEL = 0xFFFF_F800_0000_0000
_SYSTEM_INFO = struct.pack("<HHHBBIIIIIH", 9, 6, 0, 4, 1, 10, 0, 19041, 2, 0, 0x100).ljust(56, b"\0")
_X64_CONTEXT = bytes(0x30) + struct.pack("<I", 0x0010_000F) + bytes(0x4D0 - 0x34)


def _minidump(streams: Sequence[tuple[int, bytes]], behind: bytes = b"") -> bytes:
    """Write a minidump of the given (kind, content) streams with SystemInfo of an x64 Windows first."""
    streams = [(7, _SYSTEM_INFO), *streams]
    offset = 32 + 12 * len(streams)
    directory = body = b""
    for kind, content in streams:
        directory += struct.pack("<III", kind, len(content), offset + len(body))
        body += content
    header = struct.pack("<4sHHIIIIQ", b"MDMP", 0xA793, 0, len(streams), 32, 0, 0, 0)
    return header + directory + body + behind


def _end_of(*streams: tuple[int, int]) -> int:
    """File offset behind the streams, given as (kind, size): where `behind` will lie."""
    return len(_minidump([(kind, bytes(size)) for kind, size in streams]))


def _string(text: str, stated: int | None = None) -> bytes:
    raw = text.encode("utf-16-le")
    return struct.pack("<I", len(raw) if stated is None else stated) + raw + b"\0\0"


def _module(index: int, name: int) -> bytes:
    return struct.pack("<QIIII", 0x7FF0_0000_0000 + index * 0x1_0000, 0x1000, 0, 0, name).ljust(108, b"\0")


def modules_with_a_long_name(*, all_of_them: bool) -> bytes:
    """4,096 modules; one name, or the one name all share, has 32,768 characters."""
    count = 4096
    long_at = _end_of((4, 4 + 108 * count))
    short_at = long_at + len(_string("é" * 0x8000))
    rows = b"".join(_module(i, long_at if all_of_them or not i else short_at) for i in range(count))
    return _minidump([(4, struct.pack("<I", count) + rows)], _string("é" * 0x8000) + _string("ab"))


def unloaded_modules_with_a_long_name() -> bytes:
    """4,096 unloaded modules share a name of 32,768 characters."""
    count = 4096
    name_at = _end_of((14, 12 + 24 * count))
    rows = b"".join(struct.pack("<QIIII", 0x1000 * index, 0x1000, 0, 0, name_at) for index in range(count))
    return _minidump([(14, struct.pack("<III", 12, 24, count) + rows)], _string("\u4e41" * 0x8000))


def threads_that_share_a_context(count: int, room: int) -> bytes:
    """`count` threads with one context; `room` more bytes in the file allow as many copies of it."""
    context_at = _end_of((3, 4 + 48 * count))
    rows = b"".join(
        struct.pack("<IIIIQQIIII", index, 0, 0, 0, 0, 0x1000 * index, 0, 0, len(_X64_CONTEXT), context_at)
        for index in range(count)
    )
    return _minidump([(3, struct.pack("<I", count) + rows)], _X64_CONTEXT + bytes(room))


def named_threads() -> bytes:
    """16,384 threads share a name of 2,000 characters."""
    count = 0x4000
    name_at = _end_of((3, 4 + 48 * count), (24, 4 + 12 * count))
    threads = b"".join(struct.pack("<IIIIQQIIII", index, *[0] * 9) for index in range(count))
    names = b"".join(struct.pack("<IQ", index, name_at) for index in range(count))
    lists = [(3, struct.pack("<I", count) + threads), (24, struct.pack("<I", count) + names)]
    return _minidump(lists, _string("\u4e41" * 2000) + bytes(1 << 20))


def overlapping_ranges() -> bytes:
    """262,144 ranges of memory, each over the ones before, all in the same bytes of the file."""
    rows = b"".join(struct.pack("<QII", 0x1_0000 + 4 * index, 0x1_0000, 0x20) for index in range(0x4_0000))
    return _minidump([(5, struct.pack("<I", 0x4_0000) + rows)], bytes(0x1_0000))


def many_streams() -> bytes:
    """8,000 streams of an unknown kind that reach beyond the file."""
    count = 8000
    header = struct.pack("<4sHHIIIIQ", b"MDMP", 0xA793, 0, count, 32, 0, 0, 0)
    rows = struct.pack("<III", 0xDEAD, 0xFFFF_FFFF, 32) * (count - 1)
    return header + struct.pack("<III", 7, 56, 32 + 12 * count) + rows + _SYSTEM_INFO


@cache
def _triage() -> bytes:
    return kernel_dump_of(build_machine(x64_machine()), DumpKind.TRIAGE_FULL_PATHS)


def _with_blocks(data: bytearray, blocks: bytes) -> bytes:
    """Put a table of data blocks (64-bit address, 32-bit file offset and size) at the file's end."""
    struct.pack_into("<II", data, _BLOCK + 0x78, len(data), len(blocks) // 16)
    return bytes(data) + blocks


def overlapping_blocks(count: int) -> bytes:
    """`count` data blocks of 64 KiB, each 8 bytes behind the one before."""
    rows = bytearray(16 * count)
    for index in range(count):
        struct.pack_into("<QII", rows, 16 * index, _KERNEL + 8 * index, 0x2000, 0x1_0000)
    return _with_blocks(bytearray(_triage()), bytes(rows))


def drivers_with_an_endless_name() -> bytes:
    """4,096 drivers share a name whose length is 2**32 - 1."""
    data, count = bytearray(_triage()), 4096
    name_at = len(data) + 0x90 * count
    struct.pack_into("<II", data, _BLOCK + 0x30, len(data), count)
    rows = (
        (struct.pack("<II48xQQII", name_at, 0, _KERNEL + 0x1000 * index, 0, 0x1000, 0)).ljust(0x90, b"\0")
        for index in range(count)
    )
    return bytes(data) + b"".join(rows) + _string("\u4e41" * 2000, 0xFFFF_FFFF)


def kernel_list_with_long_names() -> bytes:
    """A loaded-module list of 4,096 entries in memory; all names are one UNICODE_STRING of 65,534 bytes."""
    data, count, size = bytearray(_triage()), 4096, 0x90
    head, text = 0xFFFF_A000_0000_0000, 0xFFFF_B000_0000_0000
    struct.pack_into("<Q", data, 0x20, head)
    struct.pack_into("<II", data, _BLOCK + 0x30, 0, 0)  # no driver list of its own
    struct.pack_into("<II", data, _BLOCK + 0x70, 0, 0)  # no debugger data
    entries = bytearray(size * (count + 1))
    for index in range(count + 1):
        struct.pack_into("<Q", entries, size * index, head + size * ((index + 1) % (count + 1)))
        struct.pack_into("<QQI", entries, size * index + 0x30, _KERNEL + 0x1000 * index, 0, 0x1000)
        for name in (0x48, 0x58):
            struct.pack_into("<HHIQ", entries, size * index + name, 0xFFFE, 0xFFFE, 0, text)
    at = len(data)
    blocks = struct.pack("<QIIQII", head, at, len(entries), text, at + len(entries), 0x1_0000)
    return _with_blocks(data + entries + "\u4e41".encode("utf-16-le") * 0x8000, blocks)


def page_tables_of_one_table() -> bytes:
    """A full dump whose top table's entries all lead to the top table."""
    data = bytearray(kernel_dump_of(build_machine(x64_machine()), DumpKind.FULL))
    table = struct.unpack_from("<Q", data, 0x10)[0]
    first, runs = 0, struct.unpack_from("<I", data, 0x88)[0]
    for index in range(runs):
        start, pages = struct.unpack_from("<QQ", data, 0x98 + 16 * index)
        if start <= table >> 12 < start + pages:
            at = 0x2000 + (first + (table >> 12) - start) * 0x1000
            data[at : at + 0x1000] = struct.pack("<Q", table & ~0xFFF | 0x63) * 512
        first += pages
    return bytes(data)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one long module name": lambda: modules_with_a_long_name(all_of_them=False),
    "long module names": lambda: modules_with_a_long_name(all_of_them=True),
    "long unloaded names": unloaded_modules_with_a_long_name,
    "16,384 threads": lambda: threads_that_share_a_context(0x4000, 0),
    "16,384 threads with contexts": lambda: threads_that_share_a_context(0x4000, 20 << 20),
    "16,384 thread names": named_threads,
    "262,144 overlapping ranges": overlapping_ranges,
    "8,000 streams": many_streams,
    "100,000 overlapping blocks": lambda: overlapping_blocks(100_000),
    "1,048,576 overlapping blocks": lambda: overlapping_blocks(1 << 20),
    "endless driver names": drivers_with_an_endless_name,
    "kernel list with long names": kernel_list_with_long_names,
    "page tables of one table": page_tables_of_one_table,
}
"""Name → maker."""
