"""A .zip → its members.

Source: PKWARE's APPNOTE.TXT (4.3 structure, 4.4.5 methods, 5.8 LZMA) and Python's `zipfile`.

Folklore: Windows Explorer packs files above 2 GiB with Deflate64 (method 9), which only a few programs unpack; the
member is named and the rest goes on.  AES-encrypted members carry method 99, and the true one in an extra field.
ZipCrypto's check is one byte: one wrong password in 256 passes it and gives rubbish.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import IO, TYPE_CHECKING, cast

from bugcheck.archives.aes import METHOD, Encryption, decrypted, encryption_of, unpacked
from bugcheck.archives.packed import CHUNK, Member, Unpacking, container, shown_name, unpacking_errors
from bugcheck.archives.spool import ViewReader, decompressed
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_STORED, _DEFLATE, _BZIP2, _LZMA = 0, 8, 12, 14
_REASONS = {
    9: "packed with Deflate64, as Windows Explorer does above 2 GiB, which is not unpacked here: unpack it first",
}
_ENCRYPTED = 1
_DICTIONARY_LIMIT = 256 << 20
_DIRECTORY_BYTES_PER_MEMBER = 512
_END_SEARCH = 0x20000
# zipfile expands all it reads of LZMA at once, at most 7000:1
_LZMA_READ = 0x1000


def _probe(head: bytes) -> bool:
    return head.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08PK\3\4"))


@container("zip", probe=_probe, what="ZIP archive (stored, Deflate, bzip2, LZMA; ZipCrypto, AES)")
def zip_members(view: BinaryView, unpacking: Unpacking) -> Iterator[Member]:
    """List a zip's files. Raises CorruptDump without a directory at its end, LimitExceeded for too large a one."""
    from zipfile import BadZipFile, ZipFile

    ceiling = _END_SEARCH + unpacking.limits.members * _DIRECTORY_BYTES_PER_MEMBER
    with unpacking_errors(view.name, BadZipFile):
        archive = ZipFile(cast("IO[bytes]", ViewReader(view, ceiling)))
    for info in archive.infolist():
        if not info.filename.endswith("/"):  # a folder; ZipInfo.is_dir fails on an empty name
            yield _member(archive, info, view, unpacking)


def _member(archive: ZipFile, info: ZipInfo, view: BinaryView, unpacking: Unpacking) -> Member:
    name = shown_name(info.filename, unpacking.limits.name_length)
    reason = _obstacle(info, view, unpacking.password)
    if reason:
        return Member(name, info.compress_size, reason=reason)
    full_name = f"{view.name}/{name}"
    if (aes := encryption_of(info.extra)) and info.compress_type == METHOD:
        packed = _packed(info, view, full_name)
        return Member(
            name, info.compress_size, chunks=lambda: _aes_chunks(info, packed, aes, unpacking.password or b"")
        )
    if info.compress_type == _BZIP2:
        return Member(name, info.compress_size, chunks=lambda: _bzip2_chunks(info, view, full_name))
    return Member(name, info.compress_size, chunks=lambda: _chunks(archive, info, full_name, unpacking.password))


def _obstacle(info: ZipInfo, view: BinaryView, password: bytes | None) -> str:
    encrypted = bool(info.flag_bits & _ENCRYPTED)
    aes = encryption_of(info.extra) if info.compress_type == METHOD else None
    method = aes.method if aes else info.compress_type
    if method in _REASONS:
        return _REASONS[method]
    if method not in (_STORED, _DEFLATE, _BZIP2, _LZMA):
        return f"packed with method {method}, which is not unpacked here: unpack it first"
    if (encrypted or aes) and password is None:
        return "encrypted: its password is needed"
    if (encrypted and method == _LZMA) or (encrypted and not aes and method == _BZIP2):
        return "encrypted and packed with bzip2 or LZMA, which is not unpacked here: unpack it first"
    if info.compress_type == _LZMA and _lzma_dictionary(info, view) > _DICTIONARY_LIMIT:
        return f"its LZMA dictionary exceeds {_DICTIONARY_LIMIT:#x} bytes (the limit)"
    return ""


def _data_offset(info: ZipInfo, view: BinaryView) -> int:
    """Find a member's packed bytes, after its local header (APPNOTE 4.3.7)."""
    lengths = view.read_up_to(info.header_offset + 26, 4)
    return info.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")


def _lzma_dictionary(info: ZipInfo, view: BinaryView) -> int:
    """Read the dictionary's size from the member's LZMA header (APPNOTE 5.8.8); 0 when the file is too short."""
    return int.from_bytes(view.read_up_to(_data_offset(info, view) + 5, 4), "little")


def _packed(info: ZipInfo, view: BinaryView, name: str) -> BinaryView:
    start = _data_offset(info, view)
    return BinaryView(memoryview(view.data)[start : start + info.compress_size], name)


def _aes_chunks(info: ZipInfo, packed: BinaryView, aes: Encryption, password: bytes) -> Generator[bytes]:
    """Decrypt and unpack a member of WinZip's or 7-Zip's AES; AE-1 has a checksum of the clear bytes, too."""
    import zlib

    checksum = 0
    with unpacking_errors(packed.name, zlib.error):
        for chunk in unpacked(decrypted(packed, aes, password), aes.method):
            checksum = zlib.crc32(chunk, checksum) if aes.version == 1 else 0
            yield chunk
    if aes.version == 1 and checksum != info.CRC:
        raise CorruptDump(packed.name, "its checksum in the zip does not fit")


def _bzip2_chunks(info: ZipInfo, view: BinaryView, name: str) -> Generator[bytes]:
    """Unpack a bzip2 member piece by piece: zipfile would expand up to 10**6:1 in memory at once."""
    import bz2
    import zlib

    checksum = 0
    with unpacking_errors(name):
        for chunk in decompressed(_packed(info, view, name), bz2.BZ2Decompressor, b"BZh"):
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
    if checksum != info.CRC:
        raise CorruptDump(name, "its checksum in the zip does not fit")


def _chunks(archive: ZipFile, info: ZipInfo, name: str, password: bytes | None) -> Generator[bytes]:
    import lzma
    import zlib
    from zipfile import BadZipFile

    size = _LZMA_READ if info.compress_type == _LZMA else CHUNK
    with unpacking_errors(name, BadZipFile, zlib.error, lzma.LZMAError):
        try:
            stream = archive.open(info, pwd=password)
        except RuntimeError as error:
            if isinstance(error, NotImplementedError):
                raise
            # the one-byte check of ZipCrypto failed (APPNOTE 6.1.6)
            raise DumpError(name, "encrypted: the password does not fit") from error
        try:
            with stream:
                while chunk := stream.read(size):
                    yield chunk
        except (BadZipFile, zlib.error) as error:
            if info.flag_bits & _ENCRYPTED:
                raise DumpError(name, "encrypted: the password does not fit, or the member is damaged") from error
            raise
