"""A path or a stream → its bytes, mapped; never read as a whole.

Source: Python's `mmap` documentation.

Folklore: a file that shrinks while it is mapped kills the process (SIGBUS): copy a file that is still being written.
"""

from __future__ import annotations

import mmap
import os
import stat
from typing import BinaryIO

from bugcheck.archives.packed import CHUNK, DEFAULT_LIMITS, Limits, Unpacking
from bugcheck.archives.spool import mapped, spool, system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import LimitExceeded, NotADump, UsageError

HASH_PIECE = 1 << 20


def map_file(path: str, *, limits: Limits = DEFAULT_LIMITS, folder: str | None = None) -> BinaryView:
    """Map a file read-only; a pipe or device is copied to a temporary file in `folder` first.

    Raises:
        UsageError: the path is no path.
        NotADump: there is no such file, it cannot be read, it is a folder or empty.
        LimitExceeded: a pipe or device goes on beyond `limits.member_bytes`.
    """
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116 (pathlib costs 10 ms)
            raise NotADump(path, "it is a folder, not a file")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return spooled(file, path, Unpacking(limits, folder=folder))
            if not status.st_size:
                raise NotADump(path, "the file is empty")
            return mapped(file.fileno(), status.st_size, path)
    except OSError as error:
        raise NotADump(path, system_words(error)) from error
    except OverflowError as error:
        raise LimitExceeded(path, "the file is larger than this process can map") from error
    except ValueError as error:
        raise UsageError(f"{path!r} is no path: {error}") from error


def spooled(stream: BinaryIO, name: str, unpacking: Unpacking) -> BinaryView:
    """Copy a stream that cannot seek to a temporary file and map it. Raises NotADump, LimitExceeded."""
    view, _ = spool(iter(lambda: stream.read(CHUNK), b""), name, 0, unpacking)
    if not view.size:
        raise NotADump(name, "nothing came out of it")
    return view


def sha256_of(view: BinaryView) -> str:
    """Hash a mapped file in pieces; 64 lower-case hexadecimal digits."""
    from hashlib import sha256  # 5 ms: OpenSSL

    digest = sha256()
    with memoryview(view.data) as data:
        for offset in range(0, view.size, HASH_PIECE):
            with data[offset : offset + HASH_PIECE] as piece:
                digest.update(piece)
            release(view, offset, HASH_PIECE)
    return digest.hexdigest()


def release(view: BinaryView, offset: int, size: int) -> None:
    """Give mapped pages back to the system: a file that is read through once must not fill the memory."""
    if isinstance(view.data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        view.data.madvise(mmap.MADV_DONTNEED, offset, min(size, view.size - offset))
