"""The bytes of a symbol file → what it is, and whether that is what was wanted.

Source: `pdb.identity` and `images.pe_header`; the MODULE record of Breakpad's docs/symbol_files.md.

Only the few bytes that carry the identity are read, so a file of any size is judged at once.

Folklore:
    A server that answers with a web page and status 200 is common behind corporate proxies.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, MemoryFault
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.records import dataclass
from bugcheck.symbols.pdb.identity import PdbIdentity, read_identity

_MSF = b"Microsoft C/C++"


@dataclass(frozen=True, slots=True)
class FoundImage:
    """Identity of an image file: TimeDateStamp and SizeOfImage."""

    time_date_stamp: int
    size_of_image: int


@dataclass(frozen=True, slots=True)
class FoundBreakpad:
    """Identity of a Breakpad file: name and key of its MODULE record."""

    name: str
    key: str


Found = PdbIdentity | FoundImage | FoundBreakpad


def identify(view: BinaryView) -> Found:
    """Read the identity of a symbol file. Raises DumpError when it has none, saying what it looks like."""
    head = view.read_up_to(0, 64)
    if head.startswith(_MSF):
        return read_identity(view)
    if head.startswith(b"MZ"):
        return _identify_image(view)
    if head.startswith(b"MODULE "):
        return _identify_breakpad(view)
    raise CorruptDump(view.name, f"{describe(head)}, no symbol file", 0)


def mismatch(view: BinaryView, identity: PdbId | ImageId | None) -> str:
    """Say how a file differs from what was wanted; "" when it is exactly that.

    An identity of None (not known beforehand) is satisfied by any whole PDB or image.
    """
    try:
        found = identify(view)
    except DumpError as error:
        return error.reason
    if identity is None or _matches(found, identity):
        return ""
    return f"it is {describe_found(found)}, wanted was {describe_identity(identity)}"


def describe_found(found: Found) -> str:
    """Put what a file is in words: "a PDB {GUID} age 1"."""
    if isinstance(found, PdbIdentity):
        return f"a PDB {{{found.guid}}} age {found.linked_age}"
    if isinstance(found, FoundImage):
        return f"an image with TimeDateStamp {found.time_date_stamp:08X}, SizeOfImage {found.size_of_image:x}"
    return f"Breakpad symbols for {found.name} {found.key}"


def describe_identity(identity: PdbId | ImageId) -> str:
    """Put an identity in words: "{GUID} age 1", "TimeDateStamp 5F5E1000, SizeOfImage 4000"."""
    if isinstance(identity, PdbId):
        return f"{{{identity.guid}}} age {identity.age}"
    return f"TimeDateStamp {identity.time_date_stamp:08X}, SizeOfImage {identity.size_of_image:x}"


def describe(head: bytes) -> str:
    """Name what the first bytes of a file look like."""
    if not head:
        return "an empty file"
    if head.startswith(b"BSJB"):
        return "a portable (.NET) PDB"
    if head.startswith((b"MSCF", b"SZDD")):
        return "a compressed file"
    text = head.lstrip()[:16].lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page"
    return "zeros" if not head.strip(b"\0") else f"a file beginning with {head[:8].hex(' ')}"


def _matches(found: Found, identity: PdbId | ImageId) -> bool:
    if isinstance(found, FoundBreakpad):
        return isinstance(identity, PdbId) and found.key.upper() == identity.key.upper()
    if isinstance(found, FoundImage):
        wanted = (identity.time_date_stamp, identity.size_of_image) if isinstance(identity, ImageId) else None
        return wanted == (found.time_date_stamp, found.size_of_image)
    return isinstance(identity, PdbId) and found.matches(identity)


def _identify_image(view: BinaryView) -> FoundImage:
    from bugcheck.images.pe_header import FileImage

    try:
        header = FileImage(view).header
    except MemoryFault as fault:
        raise CorruptDump(view.name, f"an image that is cut off ({fault})") from fault
    end = max((section.raw_offset + section.raw_size for section in header.sections if section.raw_size), default=0)
    if end > view.size:
        raise CorruptDump(view.name, f"an image that is cut off: {end - view.size:#x} bytes are missing", view.size)
    return FoundImage(header.time_date_stamp, header.size_of_image)


def _identify_breakpad(view: BinaryView) -> FoundBreakpad:
    line = view.read_up_to(0, 0x400).splitlines()[0].decode("utf-8", "replace")
    fields = line.split(" ", 4)
    if len(fields) < 5:
        raise CorruptDump(view.name, "a Breakpad file whose MODULE record is too short", 0)
    return FoundBreakpad(fields[4].strip(), fields[3])
