"""A module's identity → the pages of its mapped image.

Source: the PE format specification (Microsoft Learn): COFF and optional headers, section table, export directory,
debug directory with an RSDS record; VS_VERSIONINFO layout from the version-information reference.

Folklore: the section order .text, .data, .rdata, .rsrc is nobody's default, but it lets nt's data have addresses
before its export table is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import PdbDescription
from bugcheck.synth.record import Record, align_up
from bugcheck.synth.version_resource import build_version_resource

TEXT_RVA = 0x1000
_PAGE = 0x1000
_READ_EXECUTE = 0x68000020  # CODE | EXECUTE | READ | NOT_PAGED
_READ_WRITE = 0xC8000040
_READ_ONLY = 0x40000040


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What an image file says of itself. `exports` maps names to RVAs; sizes and RVAs are bytes."""

    architecture: Architecture
    name: str
    base: int
    size_of_image: int
    timestamp: int
    checksum: int
    code: bytes = b"\xcc" * 16
    data: bytes = b""
    exports: Mapping[str, int] = field(default_factory=dict[str, int])
    pdb: PdbDescription | None = None
    version: tuple[int, int, int, int] | None = None
    native: bool = True
    """True for a driver (subsystem 1), False for a user-mode DLL."""
    debug_timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One section as mapped: name, RVA, contents, characteristics."""

    name: str
    rva: int
    contents: bytes
    characteristics: int

    @property
    def writable(self) -> bool:
        """True when IMAGE_SCN_MEM_WRITE is set."""
        return bool(self.characteristics & 0x80000000)

    @property
    def executable(self) -> bool:
        """True when IMAGE_SCN_MEM_EXECUTE is set."""
        return bool(self.characteristics & 0x20000000)


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """A mapped image: the header page and the sections."""

    headers: bytes
    sections: tuple[Section, ...]


def data_rva(code: bytes) -> int:
    """The RVA at which `.data` will lie behind this code."""
    return TEXT_RVA + align_up(max(len(code), 1), _PAGE)


def build_image(spec: ImageSpec) -> BuiltImage:
    """Lay out and write an image; raises ValueError when it does not fit in `size_of_image`."""
    sections = [Section(".text", TEXT_RVA, spec.code, _READ_EXECUTE)]
    rva = data_rva(spec.code)
    if spec.data:
        sections.append(Section(".data", rva, spec.data, _READ_WRITE))
        rva += align_up(len(spec.data), _PAGE)
    directories: dict[int, tuple[int, int]] = {}
    rdata = _read_only_data(spec, rva, directories)
    if rdata:
        sections.append(Section(".rdata", rva, rdata, _READ_ONLY))
        rva += align_up(len(rdata), _PAGE)
    if spec.version is not None:
        resource = build_version_resource(rva, spec.version, spec.name)
        sections.append(Section(".rsrc", rva, resource, _READ_ONLY))
        directories[2] = (rva, len(resource))
        rva += align_up(len(resource), _PAGE)
    if rva > spec.size_of_image:
        raise ValueError(f"{spec.name} needs {rva:#x} bytes, SizeOfImage is {spec.size_of_image:#x}")
    return BuiltImage(_headers(spec, sections, directories), tuple(sections))


def image_file(image: BuiltImage) -> bytes:
    """The image as a flat block from its base on, holes zeroed, as a reader of virtual memory would see it."""
    end = max(section.rva + len(section.contents) for section in image.sections)
    record = Record(align_up(end, _PAGE))
    record.put(0, image.headers)
    for section in image.sections:
        record.put(section.rva, section.contents)
    return record.done()


def _read_only_data(spec: ImageSpec, rva: int, directories: dict[int, tuple[int, int]]) -> bytes:
    """The debug directory with its RSDS record, then the export directory; notes both in `directories`."""
    out = b""
    if spec.pdb is not None:
        record = b"RSDS" + spec.pdb.guid + spec.pdb.age.to_bytes(4, "little") + spec.pdb.name.encode() + b"\0"
        entry = Record(0x1C)
        entry.u32(0x04, spec.timestamp if spec.debug_timestamp is None else spec.debug_timestamp)
        entry.u32(0x0C, 2)  # IMAGE_DEBUG_TYPE_CODEVIEW
        entry.u32(0x10, len(record))
        entry.u32(0x14, rva + 0x1C)
        entry.u32(0x18, rva + 0x1C)  # file offset: file and section alignment agree
        directories[6] = (rva, 0x1C)
        out = entry.done() + record
    if spec.exports:
        out += bytes(align_up(len(out), 16) - len(out))
        exports = _export_directory(spec, rva + len(out))
        directories[0] = (rva + len(out), len(exports))
        out += exports
    return out


def _export_directory(spec: ImageSpec, rva: int) -> bytes:
    """IMAGE_EXPORT_DIRECTORY, its three tables and the names; names are sorted as the loader requires."""
    names = sorted(spec.exports)
    count = len(names)
    addresses, pointers, ordinals = 0x28, 0x28 + 4 * count, 0x28 + 8 * count
    strings = 0x28 + 10 * count
    text = spec.name.encode() + b"\0"
    record = Record(strings + len(text) + sum(len(name) + 1 for name in names))
    record.u32(0x04, spec.timestamp)
    record.u32(0x0C, rva + strings)
    record.u32(0x10, 1)  # Base
    for offset, value in ((0x14, count), (0x18, count), (0x1C, rva + addresses), (0x20, rva + pointers)):
        record.u32(offset, value)
    record.u32(0x24, rva + ordinals)
    record.put(strings, text)
    at = strings + len(text)
    for index, name in enumerate(names):
        record.u32(addresses + 4 * index, spec.exports[name])
        record.u32(pointers + 4 * index, rva + at)
        record.u16(ordinals + 2 * index, index)
        record.put(at, name.encode() + b"\0")
        at += len(name) + 1
    return record.done()


def _headers(spec: ImageSpec, sections: list[Section], directories: dict[int, tuple[int, int]]) -> bytes:
    """DOS stub, COFF header, optional header and section table in one page."""
    wide = spec.architecture.is_64bit
    optional_size = 0xF0 if wide else 0xE0
    record = Record(_PAGE)
    record.put(0, b"MZ")
    record.u32(0x3C, 0x80)  # e_lfanew
    record.put(0x80, b"PE\0\0")
    record.u16(0x84, spec.architecture.machine)
    record.u16(0x86, len(sections))
    record.u32(0x88, spec.timestamp)
    record.u16(0x94, optional_size)
    record.u16(0x96, 0x0022 if wide else 0x0102)  # EXECUTABLE_IMAGE with LARGE_ADDRESS_AWARE or 32BIT_MACHINE
    _optional_header(record, spec, directories)
    for index, section in enumerate(sections):
        at = 0x98 + optional_size + 0x28 * index
        record.put(at, section.name.encode())
        record.u32(at + 0x08, len(section.contents))
        record.u32(at + 0x0C, section.rva)
        record.u32(at + 0x10, align_up(len(section.contents), _PAGE))
        record.u32(at + 0x14, section.rva)
        record.u32(at + 0x24, section.characteristics)
    return record.done()


def _optional_header(record: Record, spec: ImageSpec, directories: dict[int, tuple[int, int]]) -> None:
    """Write PE32 or PE32+ at 0x98."""
    at, wide = 0x98, spec.architecture.is_64bit
    record.u16(at, 0x20B if wide else 0x10B)
    record.u32(at + 0x04, align_up(len(spec.code), _PAGE))  # SizeOfCode
    record.u32(at + 0x10, TEXT_RVA)  # AddressOfEntryPoint
    record.u32(at + 0x14, TEXT_RVA)  # BaseOfCode
    record.uint(at + 0x18 if wide else at + 0x1C, spec.base, 8 if wide else 4)
    record.u32(at + 0x20, _PAGE)  # SectionAlignment
    record.u32(at + 0x24, _PAGE)  # FileAlignment
    record.u16(at + 0x28, 6)  # MajorOperatingSystemVersion
    record.u16(at + 0x30, 6)  # MajorSubsystemVersion
    record.u32(at + 0x38, spec.size_of_image)
    record.u32(at + 0x3C, _PAGE)  # SizeOfHeaders
    record.u32(at + 0x40, spec.checksum)
    record.u16(at + 0x44, 1 if spec.native else 2)
    record.u32(at + (0x6C if wide else 0x5C), 16)  # NumberOfRvaAndSizes
    for index, (rva, size) in directories.items():
        record.u32(at + (0x70 if wide else 0x60) + 8 * index, rva)
        record.u32(at + (0x74 if wide else 0x64) + 8 * index, size)
