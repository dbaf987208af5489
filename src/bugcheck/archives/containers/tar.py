"""A .tar → its members, as windows on the archive itself.

Source: POSIX.1-2017, pax; Python's `tarfile`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, cast

from bugcheck.archives.packed import Member, Unpacking, container, shown_name, unpacking_errors
from bugcheck.archives.spool import ViewReader
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump

if TYPE_CHECKING:
    from tarfile import TarInfo


def _probe(head: bytes) -> bool:
    return head[257:262] == b"ustar"


@container("tar", probe=_probe, what="tar archive")
def tar_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List a tar's regular files. Raises CorruptDump at a header that is none; what stood before it is listed."""
    import tarfile

    reader = cast("IO[bytes]", ViewReader(view))
    with unpacking_errors(view.name, tarfile.TarError), tarfile.open(fileobj=reader, mode="r:") as archive:
        for info in archive:
            if info.isreg():
                yield _member(info, view, unpacking)
            else:
                unpacking.count_member(view.name)
        # tarfile ends without a word at a header that is none
        if any(view.read_up_to(archive.offset, 512)):
            raise CorruptDump(view.name, "no tar header where the next member should be", archive.offset)


def _member(info: TarInfo, view: BinaryView, unpacking: Unpacking) -> Member:
    name = shown_name(info.name, unpacking.limits.name_length)
    if info.issparse():
        return Member(name, reason="stored as a sparse file, which is not unpacked here: unpack it first")
    end = info.offset_data + info.size
    part = BinaryView(memoryview(view.data)[info.offset_data : end], f"{view.name}/{name}")
    damage = "" if part.size == info.size else f"the archive is cut off, {info.size - part.size:#x} bytes are missing"
    return Member(name, info.size, view=part, damage=damage)
