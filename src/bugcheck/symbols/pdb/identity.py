"""PDB file → its identity: GUID and age, from a few blocks, without reading the rest.

Source: LLVM's "The MSF File Format" and "The PDB Info Stream" (llvm.org/docs/PDB), microsoft-pdb.

Folklore:
    A PDB has two ages.  The linker writes both alike; pdbstr and other tools that add streams later raise the one in
    the info stream only, and images and symbol servers go by the one in the DBI stream.  Either counts as a match.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded
from bugcheck.images.identity import PdbId, format_guid
from bugcheck.records import dataclass

MSF_MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\x00\x00\x00"
FILE_LIMIT = 2 << 30
"""Largest PDB, in bytes, that is read."""

DIRECTORY_LIMIT = 64 << 20
"""Largest stream directory, in bytes; one for FILE_LIMIT needs a quarter of that."""

_INFO_STREAM = 1
_DBI_STREAM = 3
_VC70 = 20000404
_NIL = 0xFFFF_FFFF
_BLOCK_SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768)


@dataclass(frozen=True, slots=True)
class PdbIdentity:
    """Who a PDB is.

    Attributes:
        guid: upper case with dashes, as in PdbId. signature: the 32-bit one, by which NB10 records name a PDB.
        age: of its info stream. dbi_age: of its DBI stream, None without one.
    """

    guid: str
    signature: int
    age: int
    dbi_age: int | None

    @property
    def linked_age(self) -> int:
        """The age images and symbol servers go by."""
        return self.age if self.dbi_age is None else self.dbi_age

    def matches(self, wanted: PdbId) -> bool:
        """Tell whether this is the PDB an image asks for."""
        guid = self.guid if "-" in wanted.guid else f"{self.signature:08X}"
        return wanted.guid.upper() == guid and wanted.age in (self.age, self.dbi_age)

    def pdb_id(self, name: str) -> PdbId:
        """Make the identity under which a symbol store keeps it."""
        return PdbId(name, self.guid, self.linked_age)


def read_identity(view: BinaryView) -> PdbIdentity:
    """Read the identity of the PDB in `view`.

    Raises:
        DumpError: it is no PDB that bugcheck reads; CorruptDump when it is one and damaged, LimitExceeded when it is
            larger than bugcheck follows.
    """
    directory = _Directory(view)
    offset, size = directory.first_block(_INFO_STREAM)
    version, signature, age = view.unpack("III", offset)
    if size < 28 or version < _VC70:
        raise CorruptDump(view.name, "PDB info stream without a GUID", offset)
    guid = format_guid(view.read(offset + 12, 16))
    dbi_age: int | None = None
    if directory.has(_DBI_STREAM):
        offset, size = directory.first_block(_DBI_STREAM)
        dbi_age = view.u32(offset + 8) if size >= 64 else None
    return PdbIdentity(guid, signature, age, dbi_age)


class _Directory:
    """As much of the stream directory as leads to the first block of a low stream."""

    def __init__(self, view: BinaryView) -> None:
        self._view = view
        _check_magic(view)
        self._block_size, _, blocks, self._size, _, self._map = view.unpack("6I", 32)
        if self._block_size not in _BLOCK_SIZES:
            raise CorruptDump(view.name, f"PDB block size {self._block_size}", 32)
        if blocks * self._block_size > view.size:
            raise CorruptDump(view.name, f"PDB of {blocks} blocks is cut off", 40)
        if self._size > min(DIRECTORY_LIMIT, view.size):
            raise LimitExceeded(view.name, f"PDB stream directory of {self._size:#x} bytes", 44)
        self._count = self._word(0)
        if self._count * 4 > self._size:
            raise CorruptDump(view.name, f"PDB with {self._count} streams")

    def _word(self, index: int) -> int:
        """Read the 32-bit word `index` of the directory."""
        if index * 4 + 4 > self._size:
            raise CorruptDump(self._view.name, "PDB stream directory is cut off")
        block, offset = divmod(index * 4, self._block_size)
        base = self._view.u32(self._map * self._block_size + block * 4)
        return self._view.u32(base * self._block_size + offset)

    def _stream_size(self, stream: int) -> int:
        size = self._word(1 + stream) if stream < self._count else 0
        return 0 if size == _NIL else size

    def has(self, stream: int) -> bool:
        """Tell whether a stream is there and not empty."""
        return self._stream_size(stream) > 0

    def first_block(self, stream: int) -> tuple[int, int]:
        """Find the file offset of the stream's first block, and how many of its bytes lie there."""
        size = self._stream_size(stream)
        if not size:
            raise CorruptDump(self._view.name, f"PDB without stream {stream}")
        before = sum(-(-self._stream_size(low) // self._block_size) for low in range(stream))
        offset = self._word(1 + self._count + before) * self._block_size
        self._view.check(offset, min(size, self._block_size), f"PDB stream {stream}")
        return offset, min(size, self._block_size)


def _check_magic(view: BinaryView) -> None:
    if view.size > FILE_LIMIT:
        raise LimitExceeded(view.name, f"PDB of {view.size:#x} bytes")
    head = view.read_up_to(0, 64)
    if head[:4] == b"BSJB":
        raise DumpError(view.name, "a portable .NET PDB, which has no native symbols")
    if head.startswith(b"Microsoft C/C++ program database 2.00"):
        raise DumpError(view.name, "a PDB of Visual C++ 6 (MSF 2.00), which bugcheck does not read")
    if not head.startswith(MSF_MAGIC):
        raise DumpError(view.name, "no PDB", 0)
