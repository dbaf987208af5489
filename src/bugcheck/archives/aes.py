"""A zip's member under WinZip's AES → its packed bytes in the clear.

Source: WinZip, "AES Encryption Information: Encryption Specification AE-1 and AE-2", which 7-Zip follows: extra field
0x9901; salt, two bytes that tell a wrong password, the data, ten bytes of HMAC-SHA1 over the data as they lie there.

Folklore: AE-2 leaves the CRC at zero, for it would tell what a short file holds.  Which bytes a password with letters
beyond ASCII stands for, the packer's code page decided: several are tried.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple, Protocol

from bugcheck.archives.packed import CHUNK
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError

FIELD, METHOD = 0x9901, 99
STORED, DEFLATE, BZIP2 = 0, 8, 12
_KEY_BYTES = {1: 16, 2: 24, 3: 32}
_ROUNDS = 1000
_VERIFIER, _CODE = 2, 10
_CODE_PAGES = ("cp437", "cp850", "cp1252")
_MISFIT = "encrypted: the password does not fit"


class Encryption(NamedTuple):
    """What the extra field says: which AE (1 or 2), the key's bytes, and how the clear bytes are packed."""

    version: int
    key_bytes: int
    method: int

    @property
    def salt_bytes(self) -> int:
        """Half as long as the key."""
        return self.key_bytes // 2


class _Unpacker(Protocol):
    def __call__(self, data: bytes, limit: int, /) -> bytes: ...


def encryption_of(extra: bytes) -> Encryption | None:
    """Find WinZip's field among a member's extra fields; None when there is none or it says nothing we know."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == FIELD and size >= 7 and at + 11 <= len(extra):
            version, vendor, strength, method = struct.unpack_from("<H2sBH", extra, at + 4)
            known = vendor == b"AE" and strength in _KEY_BYTES
            return Encryption(version, _KEY_BYTES[strength], method) if known else None
        at += 4 + size
    return None


def decrypted(packed: BinaryView, encryption: Encryption, password: bytes) -> Generator[bytes]:
    """Yield the packed bytes in the clear.

    Raises DumpError when the password does not fit, CorruptDump, at the end, when the bytes are not those encrypted.
    """
    overhead = encryption.salt_bytes + _VERIFIER + _CODE
    if packed.size < overhead:
        raise CorruptDump(packed.name, "too short for an encrypted member")
    salt = packed.read_up_to(0, encryption.salt_bytes)
    verifier = packed.read_up_to(len(salt), _VERIFIER)
    clear, code = _opened(packed.name, encryption, salt, verifier, password)
    offset, end = len(salt) + _VERIFIER, packed.size - _CODE
    while offset < end:
        piece = packed.read_up_to(offset, min(CHUNK, end - offset))
        code.update(piece)
        offset += len(piece)
        yield clear(piece)
    if not hmac.compare_digest(code.digest()[:_CODE], packed.read_up_to(end, _CODE)):
        raise CorruptDump(packed.name, "its authentication code does not fit: it is damaged or was changed")


def unpacked(pieces: Iterable[bytes], method: int) -> Generator[bytes]:
    """Unpack clear pieces (stored, Deflate, bzip2) into pieces of at most CHUNK bytes."""
    if method == STORED:
        yield from pieces
        return
    unpack = _deflate() if method == DEFLATE else _bzip2()
    for piece in pieces:
        chunk = unpack(piece, CHUNK)
        while chunk:
            yield chunk
            chunk = unpack(b"", CHUNK)


def _opened(
    name: str, encryption: Encryption, salt: bytes, verifier: bytes, password: bytes
) -> tuple[Callable[[bytes], bytes], hmac.HMAC]:
    from bugcheck.ciphers import little_endian_counter

    size = encryption.key_bytes
    for spelling in _spellings(password):
        keys = hashlib.pbkdf2_hmac("sha1", spelling, salt, _ROUNDS, 2 * size + _VERIFIER)
        if keys[2 * size :] == verifier:
            return little_endian_counter(keys[:size]), hmac.new(keys[size : 2 * size], digestmod="sha1")
    raise DumpError(name, _MISFIT)


def _spellings(password: bytes) -> list[bytes]:
    if password.isascii():
        return [password]
    text = password.decode("utf-8", "replace")
    return list(dict.fromkeys((password, *(text.encode(page, "replace") for page in _CODE_PAGES))))


def _deflate() -> _Unpacker:
    import zlib

    decoder = zlib.decompressobj(-15)

    def unpack(data: bytes, limit: int, /) -> bytes:
        return b"" if decoder.eof else decoder.decompress(decoder.unconsumed_tail + data, limit)

    return unpack


def _bzip2() -> _Unpacker:
    import bz2

    decoder = bz2.BZ2Decompressor()

    def unpack(data: bytes, limit: int, /) -> bytes:
        return b"" if decoder.eof else decoder.decompress(data, limit)

    return unpack
