"""Code in memory against the image file, around the levels of the stack → flipped bits, hooks, overwritten code.

Source: `findings/code_differences.py` for what counts; the image file comes from the symbol path and is matched by time
stamp and size.

Folklore: a small dump holds blocks of 256 bytes around the words of the stack, so that much is compared; a file of the
same identity may still differ where a driver patches itself (copy protection does), so only a single changed bit is
near proof of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bugcheck.addresses import format_hex
from bugcheck.errors import CorruptDump
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.images.pe_header import ByteReader, PeHeader, try_read_pe_header
from bugcheck.machine.modules import Module

if TYPE_CHECKING:
    from bugcheck.findings.code_differences import Difference

MAX_PLACES = 24
BEFORE, SIZE = 0x80, 0x100
"""Bytes before an address where comparing begins, and how many are compared."""
EXECUTE, WRITE, DISCARDABLE = 0x2000_0000, 0x8000_0000, 0x0200_0000


@rule
def code_mismatch(crash: Crash) -> Iterator[Finding]:
    """Code that differs from the image file in a way no loader causes."""
    if crash.machine.symbolizer is None:
        return
    done: set[int] = set()
    for address in _places(crash):
        module = crash.modules.at(address)
        image = crash.machine.symbolizer.image_of(module) if module else None
        block = address - BEFORE & ~(SIZE // 2 - 1)
        if module is None or image is None or block in done:
            continue
        done.add(block)
        yield from _compare(crash, module, image, max(block, module.base))


def _places(crash: Crash) -> list[int]:
    stack = crash.telling_stack
    found = [crash.faulting_address or 0, *(frame.ip for frame in (stack.frames if stack else ()))]
    return [address for address in dict.fromkeys(found) if address][:MAX_PLACES]


def _compare(crash: Crash, module: Module, image: ByteReader, start: int) -> Iterator[Finding]:
    from bugcheck.findings.code_differences import differences

    header = _header(image, module.name)
    if header is None or not _is_plain_code(header, start - module.base):
        return
    relocation = module.base - header.image_base
    # A hole may lie before the code that is there: try both halves.
    for address in (start, start + SIZE // 2):
        memory = crash.memory.read_up_to(address, SIZE // 2)
        file = image.read_up_to(address - module.base, len(memory)) if memory else b""
        for each in differences(file, memory, relocation, crash.memory.pointer_size):
            yield _finding(crash, module, address + each.offset, each)


def _header(image: ByteReader, name: str) -> PeHeader | None:
    try:
        return try_read_pe_header(image, 0, name)
    except CorruptDump:
        return None


def _is_plain_code(header: PeHeader, rva: int) -> bool:
    """Leave out sections that are writable, discarded, paged or the kernel's own rewriting ground."""
    section = header.section_of(rva)
    if section is None or section.name.startswith(("PAGE", "INIT", "RETPOL", "KVAS", "GFIDS")):
        return False
    flags = section.characteristics
    return bool(flags & EXECUTE) and not flags & (WRITE | DISCARDABLE)


def _finding(crash: Crash, module: Module, address: int, difference: Difference) -> Finding:
    place = crash.modules.resolve(address) or f"{address:#x}"
    changed = f"{difference.file[:8].hex(' ')} in the file, {difference.memory[:8].hex(' ')} in memory"
    category, weight = Category.CORRUPTION, 0.3
    statement = f"code at {place} differs from {module.image}: {changed}"
    if difference.flipped_bits == 1:
        category, weight = Category.HARDWARE, 0.8
        statement = f"one bit of the code at {place} differs from {module.image}: {changed}"
    elif difference.flipped_bits == 2 and len(difference.memory) == 1:
        category, weight = Category.HARDWARE, 0.45
        statement = f"two bits of one byte of the code at {place} differ from {module.image}: {changed}"
    elif difference.is_hook:
        category, weight = Category.UNKNOWN, 0.0
        statement = f"a jump was written over the code at {place}{_target(crash, address, difference)}: {changed}"
    return Finding(
        "code_mismatch",
        statement,
        weight,
        (
            Citation("memory", place, difference.memory[:8].hex(" ")),
            Citation("module", "base", format_hex(module.base)),
        ),
        category=category,
        refuted_by="another build of the file under the same time stamp and size, or a driver that patches itself",
    )


def _target(crash: Crash, address: int, difference: Difference) -> str:
    if difference.memory[0] != 0xE9 or len(difference.memory) < 5:
        return ""
    target = address + 5 + int.from_bytes(difference.memory[1:5], "little", signed=True)
    return f", to {crash.modules.resolve(target) or f'{target:#x}, in no module'}"
