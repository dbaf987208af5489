"""A .xz or .lzma → the file in it.

Source: "The .xz File Format" 1.2.0 and lzma-file-format.txt (tukaani.org).

Folklore: .lzma has no magic; its first byte is 5D and the dictionary's size a power of two in practically every file,
and the unpacked size is either unknown (eight FF) or sensible.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from bugcheck.archives.packed import Member, Unpacking, container, shown_name, unpacking_errors, unwrapped_name
from bugcheck.archives.spool import Decoder, decompressed
from bugcheck.binary import BinaryView

_XZ = b"\xfd7zXZ\0"
_MEMORY_LIMIT = 512 << 20
"""Bytes the decoder may take; `xz -9` takes 65 MiB."""
_SIZE_LIMIT = 1 << 40


def _probe(head: bytes) -> bool:
    return head.startswith(_XZ) or _is_lzma(head)


def _is_lzma(head: bytes) -> bool:
    if len(head) < 18 or not head.startswith(b"\x5d\0\0"):
        return False
    dictionary = int.from_bytes(head[1:5], "little")
    size = int.from_bytes(head[5:13], "little")
    # the range coder's first byte is always 0
    return dictionary.bit_count() == 1 and (size == (1 << 64) - 1 or size < _SIZE_LIMIT) and head[13] == 0


@container("xz", probe=_probe, what="xz- or lzma-compressed file", single=True)
def xz_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List the one file in it."""
    name = unwrapped_name(view.name, {".txz": ".tar", ".xz": "", ".lzma": ""})
    yield Member(shown_name(name, unpacking.limits.name_length), view.size, chunks=lambda: _chunks(view))


def _chunks(view: BinaryView) -> Generator[bytes]:
    import lzma

    def new() -> Decoder:
        return lzma.LZMADecompressor(memlimit=_MEMORY_LIMIT)

    with unpacking_errors(view.name, lzma.LZMAError):
        yield from decompressed(view, new, _XZ)
