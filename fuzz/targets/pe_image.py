"""Bytes → a PE image: headers, debug directory, exports, version resource, checksum."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError
from bugcheck.images.checksum import read_checksum
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.exports import read_exports
from bugcheck.images.pe_header import FileImage
from bugcheck.images.version_resource import read_version_info
from fuzz.targets.target import fuzz

_NT_OFFSET_AT, _NT_OFFSET = 0x3C, 0x40
_MAGIC_AT = _NT_OFFSET + 24
_SECTIONS_AT, _OPTIONAL_SIZE_AT = _NT_OFFSET + 6, _NT_OFFSET + 20
_KINDS = ((b"\x0b\x01", 0xE0), (b"\x0b\x02", 0xF0))
_MOST_SECTIONS = 8


def one_input(data: bytes) -> None:
    """Put the signatures and the header's shape right; read everything the image stage can."""
    magic, optional_size = _KINDS[len(data) & 1]
    image = bytearray(data.ljust(_NT_OFFSET + 24 + optional_size, b"\0"))
    image[:2] = b"MZ"
    image[_NT_OFFSET_AT : _NT_OFFSET_AT + 4] = _NT_OFFSET.to_bytes(4, "little")
    image[_NT_OFFSET : _NT_OFFSET + 4] = b"PE\0\0"
    image[_SECTIONS_AT : _SECTIONS_AT + 2] = bytes((image[_SECTIONS_AT] % _MOST_SECTIONS, 0))
    image[_OPTIONAL_SIZE_AT : _OPTIONAL_SIZE_AT + 2] = optional_size.to_bytes(2, "little")
    image[_MAGIC_AT : _MAGIC_AT + 2] = magic
    try:
        file = FileImage(BinaryView(bytes(image), "fuzz.sys"))
    except BugcheckError:
        return
    read_debug_directory(file, file.header)
    exports = read_exports(file, file.header)
    exports.nearest(file.header.entry_point)
    read_version_info(file, file.header)
    read_checksum(file)


if __name__ == "__main__":
    fuzz(one_input)
