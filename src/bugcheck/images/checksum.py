"""A PE file → the checksum its bytes have, against the one its header claims.

Source: "PE Format" (Microsoft documentation), CheckSum, for the field and when Windows verifies it (drivers, DLLs
loaded at boot). The page leaves the sum to ImageHlp; measured on signed images and against pefile it is: the file's
16-bit words without the CheckSum field, added with end-around carry, plus the file's length in bytes.

Folklore:
    0 means that the linker did not fill it in (no /RELEASE), not that the file is damaged.
    A driver whose sum is wrong was patched or has rotted on disk; Windows refuses to load it
    (STATUS_IMAGE_CHECKSUM_MISMATCH, 0xC0000221).
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.images.pe_header import FileImage
from bugcheck.records import dataclass

CHUNK_SIZE = 0x10000
"""Bytes that are summed at a time; even, so that words do not straddle chunks."""

_FIELD_FROM_NT = 24 + 64


@dataclass(frozen=True, slots=True)
class Checksum:
    """The checksum in the header and the one computed from the file."""

    stored: int
    computed: int

    @property
    def matches(self) -> bool | None:
        """Tell whether they agree; None when the header holds none."""
        return self.stored == self.computed if self.stored else None


def read_checksum(image: FileImage) -> Checksum:
    """Compute the checksum of an opened file and set it beside the header's."""
    header = image.header
    return Checksum(header.checksum, compute_checksum(image.view, header.nt_offset + _FIELD_FROM_NT))


def compute_checksum(view: BinaryView, field_offset: int) -> int:
    """Sum up a file whose 4-byte CheckSum field lies at `field_offset`. Raises TruncatedDump when it does not."""
    # End-around carry is addition modulo 0xFFFF, in which a whole chunk, read as one number, is worth its words' sum.
    field = view.u32(field_offset) << 8 * (field_offset % 2)
    total = -field
    for offset in range(0, view.size, CHUNK_SIZE):
        total += int.from_bytes(view.read_up_to(offset, CHUNK_SIZE), "little") % 0xFFFF
    # Carries never bring a sum back to 0, so the residue 0 stands for 0xFFFF.
    return (total % 0xFFFF or 0xFFFF) + view.size & 0xFFFF_FFFF
