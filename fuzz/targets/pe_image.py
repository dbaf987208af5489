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

_NT_OFFSET = 0x3C


def one_input(data: bytes) -> None:
    """Put `MZ` right, and `PE` where the header says; read everything the image stage can."""
    image = bytearray(data.ljust(0x40, b"\0"))
    image[:2] = b"MZ"
    at = int.from_bytes(image[_NT_OFFSET : _NT_OFFSET + 4], "little")
    if at + 4 <= len(image):
        image[at : at + 4] = b"PE\0\0"
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
