"""A .gz → the file in it.

Source: RFC 1952.  Several streams one after the other are one file (2.2); other bytes after them are ignored, as gunzip
does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from bugcheck.archives.packed import Member, Unpacking, container, shown_name, unpacking_errors, unwrapped_name
from bugcheck.archives.spool import decompressed
from bugcheck.binary import BinaryView

_MAGIC = b"\x1f\x8b\x08"


class _Gunzip:
    """zlib's decompressor with the interface of those in `bz2` and `lzma`."""

    def __init__(self) -> None:
        import zlib

        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        chunk = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self._full = len(chunk) == max_length  # more may wait in zlib's window
        return chunk


def _probe(head: bytes) -> bool:
    return head.startswith(_MAGIC)


@container("gzip", probe=_probe, what="gzip-compressed file", single=True)
def gzip_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List the one file in it."""
    name = unwrapped_name(view.name, {".tgz": ".tar", ".gz": ""})
    yield Member(shown_name(name, unpacking.limits.name_length), view.size, chunks=lambda: _chunks(view))


def _chunks(view: BinaryView) -> Generator[bytes]:
    import zlib

    with unpacking_errors(view.name, zlib.error):
        yield from decompressed(view, _Gunzip, _MAGIC)
