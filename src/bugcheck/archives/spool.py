"""Packed bytes → a mapped temporary file that vanishes by itself.

Source: Python's `tempfile` and `mmap` documentation.

Folklore: a dump of an idle machine, like a bomb, is mostly zeros.  Zeros are not written but skipped, which leaves a
sparse file, so that neither fills the disk.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Callable, Generator, Iterable
from typing import Protocol

from bugcheck.archives.packed import CHUNK, Unpacking
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded, TruncatedDump

READ_CEILING = 4 << 20
STREAM_LIMIT = 1_000_000
_ZEROS = bytes(CHUNK)


def system_words(error: OSError) -> str:
    """Put an operating system's error as a clause: "permission denied"."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


class ViewReader(io.RawIOBase):
    """A BinaryView as the seekable file the standard library asks for.

    A single read above `ceiling` bytes raises LimitExceeded: the library reads an archive's directory or header at
    once, of whatever size the file says, and keeps it in memory.
    """

    def __init__(self, view: BinaryView, ceiling: int = READ_CEILING) -> None:
        super().__init__()
        self._view = view
        self._ceiling = ceiling
        self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can seek."""
        return True

    def tell(self) -> int:
        """Return the offset in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset from the start, from here (1) or from the end (2). Raises OSError below 0."""
        at = offset + (0, self._at, self._view.size)[whence]
        if at < 0:
            raise OSError("a negative offset")  # as files do, which zipfile relies on
        self._at = at
        return at

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes; all that is left for -1."""
        size = max(0, self._view.size - self._at) if size < 0 else size
        if size > self._ceiling:
            raise LimitExceeded(self._view.name, f"a directory or header of {size:#x} bytes (limit {self._ceiling:#x})")
        data = self._view.read_up_to(self._at, size)
        self._at += len(data)
        return data


class Decoder(Protocol):
    """What the decompressors of `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool:
        """Tell whether the stream's end has been reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing more comes out without more input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Bytes after the stream's end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Decompress to at most `max_length` bytes."""
        ...


def decompressed(view: BinaryView, new: Callable[[], Decoder], magic: bytes) -> Generator[bytes]:
    """Decompress a file of one or more streams that begin with `magic`; other bytes after a stream are ignored.

    Raises TruncatedDump when the file ends within a stream, LimitExceeded beyond STREAM_LIMIT streams.
    """
    offset = 0
    for _ in range(STREAM_LIMIT):
        decoder = new()
        while not decoder.eof:
            piece = view.read_up_to(offset, CHUNK) if decoder.needs_input else b""
            offset += len(piece)
            if decoder.needs_input and not piece:
                raise TruncatedDump(view.name, "the compressed stream is cut off", offset)
            if chunk := decoder.decompress(piece, CHUNK):
                yield chunk
        offset = _skip_zeros(view, offset - len(decoder.unused_data))
        if view.read_up_to(offset, len(magic)) != magic:
            return
    raise LimitExceeded(view.name, f"more than {STREAM_LIMIT} compressed streams (the limit)", offset)


def _skip_zeros(view: BinaryView, offset: int) -> int:
    while piece := view.read_up_to(offset, CHUNK):
        if rest := piece.lstrip(b"\0"):
            return offset + len(piece) - len(rest)
        offset += len(piece)
    return offset


def spool(chunks: Iterable[bytes], name: str, packed_size: int, unpacking: Unpacking) -> tuple[BinaryView, str]:
    """Write pieces to a temporary file without a name and map it; also say what damage cut them short, or "".

    On POSIX the file has no name in any folder, on Windows it is deleted on close: it is gone when the process is.

    Raises:
        LimitExceeded: the pieces grow beyond the limits.
        CorruptDump: nothing at all came out.
        DumpError: the disk is full, or the temporary folder cannot be written to.
    """
    import tempfile  # 10 ms: only for what is packed

    try:
        with tempfile.TemporaryFile(dir=unpacking.folder) as file:
            size, damage = _write(chunks, file, name, packed_size, unpacking)
            file.truncate(size)
            return mapped(file.fileno(), size, name), damage
    except OSError as error:
        raise DumpError(name, f"cannot be unpacked to a temporary file: {system_words(error)}") from error


def _write(
    chunks: Iterable[bytes], file: io.BufferedIOBase, name: str, packed_size: int, unpacking: Unpacking
) -> tuple[int, str]:
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            unpacking.check_size(name, size, packed_size)
            unpacking.spend(name, len(chunk))
            if _ZEROS.startswith(chunk):
                file.seek(len(chunk), io.SEEK_CUR)
            else:
                file.write(chunk)
    except CorruptDump as error:
        if not size:
            raise
        return size, error.reason
    return size, ""


def mapped(descriptor: int, size: int, name: str) -> BinaryView:
    """Map an open file of `size` bytes read-only. Raises OSError, and ValueError where it exceeds the address space."""
    return BinaryView(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else b"", name)
