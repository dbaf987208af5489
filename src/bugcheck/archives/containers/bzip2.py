"""A .bz2 → the file in it.

Source: the bzip2 manual and Python's `bz2`.  Several streams one after the other are one file.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from bugcheck.archives.packed import Member, Unpacking, container, shown_name, unpacking_errors, unwrapped_name
from bugcheck.archives.spool import decompressed
from bugcheck.binary import BinaryView

_BLOCK = b"1AY&SY"
_EMPTY = b"\x17rE8P\x90"


def _probe(head: bytes) -> bool:
    return head.startswith(b"BZh") and head[4:10] in (_BLOCK, _EMPTY)


@container("bzip2", probe=_probe, what="bzip2-compressed file", single=True)
def bzip2_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List the one file in it."""
    name = unwrapped_name(view.name, {".tbz2": ".tar", ".tbz": ".tar", ".bz2": ""})
    yield Member(shown_name(name, unpacking.limits.name_length), view.size, chunks=lambda: _chunks(view))


def _chunks(view: BinaryView) -> Generator[bytes]:
    import bz2

    with unpacking_errors(view.name):
        yield from decompressed(view, bz2.BZ2Decompressor, b"BZh")
