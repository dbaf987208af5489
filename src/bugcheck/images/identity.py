"""CodeView record, PE header fields → the identity under which an image or its PDB is found.

Source: "SSQP Key Conventions" (dotnet/symstore, docs/specs), for the two keys; SYMSRV_INDEX_INFO (dbghelp.h, Microsoft
documentation) for GUID and age against the older 32-bit signature; the RSDS and NB10 records as pefile and
llvm-readobj show them.

Folklore:
    A TimeDateStamp below 0x10000000 keeps its leading zero in the key: without it the symbol server answers 404
    (microsoft/perfview#2417). SizeOfImage and age have no leading zeros.
    SSQP writes GUIDs in lower case, stores made by Microsoft's tools have upper case, and a Linux file system tells
    them apart. bugcheck writes upper case.
    The age in the image's record may be lower than the one in the PDB after incremental links; the record's counts.
"""

from __future__ import annotations

import struct

from bugcheck.records import dataclass, field

PATH_LIMIT = 0x1000
"""Longest PDB path, in bytes, that is followed."""

_GUID = struct.Struct("<IHH8s")
_RSDS = struct.Struct("<4s16sI")
_NB10 = struct.Struct("<4sIII")


@dataclass(frozen=True, slots=True)
class ImageId:
    """Identity of an image: base name, TimeDateStamp as the header has it, SizeOfImage in bytes."""

    name: str
    time_date_stamp: int
    size_of_image: int

    @property
    def key(self) -> str:
        """The symbol server's key: 8 upper-case digits of TimeDateStamp, SizeOfImage in lower case."""
        return f"{self.time_date_stamp:08X}{self.size_of_image:x}"


@dataclass(frozen=True, slots=True)
class PdbId:
    """Identity of a PDB.

    Attributes:
        name: last component of the path ("ntkrnlmp.pdb"), as the record spells it; "" when it has none. It comes from
            the file: check it before making a path of it.
        guid: upper case with dashes; 8 digits without dashes when the record is NB10, which has a 32-bit signature.
        age: how often the PDB was written to, as the image's record says.
        path: the whole path in the record; no part of the identity.
    """

    name: str
    guid: str
    age: int
    path: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """The symbol server's key: GUID (or signature) without dashes, then the age in hexadecimal."""
        return f"{self.guid.replace('-', '')}{self.age:x}"


def format_guid(raw: bytes) -> str:
    """Format the 16 bytes of a GUID as in memory: upper case, dashes, no braces.

    Raises struct.error for any other size.
    """
    first, second, third, rest = _GUID.unpack(raw)
    return f"{first:08X}-{second:04X}-{third:04X}-{rest[:2].hex().upper()}-{rest[2:].hex().upper()}"


def parse_codeview(data: bytes) -> PdbId | None:
    """Read a CodeView debug record (RSDS or NB10); None when it is another kind or too short to name a PDB."""
    if data[:4] == b"RSDS" and len(data) >= _RSDS.size:
        _, guid, age = _RSDS.unpack_from(data)
        return _named(format_guid(guid), age, data[_RSDS.size :])
    if data[:4] == b"NB10" and len(data) >= _NB10.size:
        _, _, signature, age = _NB10.unpack_from(data)
        return _named(f"{signature:08X}", age, data[_NB10.size :])
    return None


def _named(guid: str, age: int, raw: bytes) -> PdbId:
    path = raw[:PATH_LIMIT].split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return PdbId(base_name(path), guid, age, path)


def base_name(path: str) -> str:
    """Cut a Windows path down to its last component; both kinds of slash separate."""
    return path.replace("/", "\\").rpartition("\\")[2]
