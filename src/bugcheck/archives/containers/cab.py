"""A .cab → its members, as windows on its unpacked folders.

Source: [MS-CAB] "Cabinet File Format", 2.3 (CFFILE).

Folklore: WinDbg's `.dump /ba` makes a cabinet of one .dmp; Windows Error Reporting's hold the dump among XML files.  A
file of a cabinet is at most 2 GiB.  Files that cross cabinets of a set cannot be had from one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.archives.cabinet import Cabinet, CabinetFile, read_cabinet, unpack_folder
from bugcheck.archives.packed import Member, Unpacking, container, shown_name
from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError, LimitExceeded

_FROM_PREVIOUS, _TO_NEXT, _BOTH = 0xFFFD, 0xFFFE, 0xFFFF
"""Folder numbers of files that cross cabinets."""


def _probe(head: bytes) -> bool:
    return head.startswith(b"MSCF\0\0\0\0")


@container("cab", probe=_probe, what="Windows cabinet (stored, MSZIP, LZX, Quantum)")
def cab_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List a cabinet's files. Raises TruncatedDump, CorruptDump for headers that cannot be read."""
    cabinet = read_cabinet(view)
    # a folder begun in another cabinet cannot be unpacked from its middle
    severed = {0} if any(file.folder in (_FROM_PREVIOUS, _BOTH) for file in cabinet.files) else set[int]()
    unpacked: dict[int, tuple[BinaryView, str]] = {}
    for file in cabinet.files:
        name = shown_name(file.name, unpacking.limits.name_length)
        if file.folder >= _FROM_PREVIOUS or file.folder in severed:
            yield Member(name, reason="part of it lies in another cabinet of the set: unpack the set first")
        elif file.folder >= len(cabinet.folders):
            yield Member(name, reason=f"its folder {file.folder} does not exist")
        else:
            if file.folder not in unpacked:
                unpacked[file.folder] = _unpack(view, cabinet, file.folder, unpacking)
            yield _member(file, name, view, *unpacked[file.folder])


def _unpack(view: BinaryView, cabinet: Cabinet, folder: int, unpacking: Unpacking) -> tuple[BinaryView, str]:
    """Unpack a folder; a failure is told by each of its members, and the other folders go on."""
    try:
        return unpack_folder(view, cabinet, folder, unpacking)
    except LimitExceeded:
        raise
    except DumpError as error:
        return BinaryView(b"", error.file), error.reason


def _member(file: CabinetFile, name: str, view: BinaryView, folder: BinaryView, damage: str) -> Member:
    part = BinaryView(memoryview(folder.data)[file.start : file.start + file.size], f"{view.name}/{name}")
    if part.size == file.size:
        return Member(name, view=part)
    damage = f"{damage or 'the cabinet is damaged'}, {file.size - part.size:#x} bytes are missing"
    return Member(name, view=part, damage=damage) if part.size else Member(name, reason=damage)
