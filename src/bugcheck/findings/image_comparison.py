"""A program file beside the dump and the dump's memory → is it the file that was loaded, is its code unchanged there?

Source: `findings/code_differences.py` for which differences loader and kernel make themselves; PE Format for sections.

Folklore: a small dump holds next to nothing of a driver's code, a kernel dump nearly all of it; so the answer always
says how much was compared.  INIT sections are thrown away after start, and their memory used for something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import PAGE_SIZE
from bugcheck.binary import BinaryView
from bugcheck.findings.code_differences import Difference, differences
from bugcheck.findings.findings import Crash
from bugcheck.images.identity import base_name
from bugcheck.images.pe_header import FileImage, Section
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass

COMPARED_LIMIT = 16 << 20
"""Bytes of code that are compared at most."""
DIFFERENCES_LIMIT = 64
EXECUTE, WRITE, DISCARDABLE = 0x2000_0000, 0x8000_0000, 0x0200_0000
_REWRITTEN = ("INIT", "RETPOL", "KVAS", "GFIDS")


@dataclass(frozen=True, slots=True)
class ImageComparison:
    """A file held against a module of the dump.

    Attributes:
        file: its name. module: the dump's module of that name, None when none was loaded.
        unlike: what of the identity differs ("time stamp", "size", "checksum"); empty when it is the same build.
        compared, code_size: bytes of code that were compared, and that the file has.
        changed: (address, difference), those that neither loader nor kernel makes; at most DIFFERENCES_LIMIT.
    """

    file: str
    module: Module | None
    unlike: tuple[str, ...] = ()
    compared: int = 0
    code_size: int = 0
    changed: tuple[tuple[int, Difference], ...] = ()


def compare_image(crash: Crash, view: BinaryView) -> ImageComparison:
    """Compare a PE file with the dump's module of the same name. Raises CorruptDump when it is no PE file."""
    image = FileImage(view)
    name = base_name(view.name)
    module = crash.modules.named(name)
    if module is None:
        return ImageComparison(name, None)
    header = image.header
    pairs = (
        ("time stamp", header.time_date_stamp, module.time_date_stamp),
        ("size", header.size_of_image, module.size),
        ("checksum", header.checksum, module.checksum),
    )
    unlike = tuple([what for what, mine, theirs in pairs if mine and theirs and mine != theirs])
    if unlike:
        return ImageComparison(name, module, unlike)
    sections = [section for section in header.sections if _is_lasting_code(section)]
    compared, changed = 0, list[tuple[int, Difference]]()
    for address, memory in _runs(crash, module, sections):
        file = image.read_up_to(address - module.base, len(memory))
        compared += len(file)
        changed += _changed(crash, module, image, address, file, memory[: len(file)])
        if len(changed) >= DIFFERENCES_LIMIT or compared >= COMPARED_LIMIT:
            break
    size = sum(min(section.extent, module.size) for section in sections)
    return ImageComparison(name, module, (), compared, size, tuple(changed[:DIFFERENCES_LIMIT]))


def _is_lasting_code(section: Section) -> bool:
    flags = section.characteristics
    return bool(flags & EXECUTE) and not flags & (WRITE | DISCARDABLE) and not section.name.startswith(_REWRITTEN)


def _runs(crash: Crash, module: Module, sections: list[Section]) -> Iterator[tuple[int, bytes]]:
    """Yield what is there of the sections' memory, in whole runs, so that no pointer is cut in two."""
    for section in sections:
        at = module.base + section.rva
        end = min(at + min(section.extent, COMPARED_LIMIT), module.base + module.size)
        while at < end:
            memory = crash.memory.read_up_to(at, end - at)
            if memory:
                yield at, memory
            at = (at + len(memory) | PAGE_SIZE - 1) + 1


def _changed(
    crash: Crash, module: Module, image: FileImage, address: int, file: bytes, memory: bytes
) -> Iterator[tuple[int, Difference]]:
    pointer = crash.memory.pointer_size
    for each in differences(file, memory, module.base - image.header.image_base, pointer):
        at_edge = each.offset < pointer - 1 or each.offset + len(each.file) > len(file) - pointer + 1
        if at_edge and len(each.file) < pointer:
            continue  # a moved pointer of which the dump holds one half cannot be told from a change
        yield address + each.offset, each
