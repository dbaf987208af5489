"""Addresses that failed → the pointers they would be but for one or two bits, which is what bad memory does to them.

Source: the corpus (dump-formats.md: one high bit different from a live pointer nearby; a null pointer plus 0x68 with
bit 37 set).  How often chance does the same is worked out in `findings/bit_flips.py`: once in tens of thousands of
dumps for a live pointer.  The weights follow what else writes such values:

| found | weight | what else does that |
|---|---|---|
| one high bit from a live pointer | 0.8 | a driver that sets or clears a single bit through a stale pointer |
| two high bits | 0.45 | the same; half a pointer overwritten |
| one bit keeps it from being canonical | 0.5, or 0.75 where the corrected address is in the dump | tagged pointers |
| nothing near, but memory in use one bit beside | 0.5 | bytes of a pointer overwritten |
| instruction pointer, one high bit from a module | 0.45 | modules fill about 2 % of the 4 GiB they lie in |
| small value with one high bit | 0.45, or 0.6 where the code added the small part | two 32-bit numbers as one pointer |
| page table entry, two bits | 0.35 | a driver writing there |

Folklore: 1A with 41792 and a single bit is told by `hardware_reported`; this rule is quiet there, so that one fact
does not count twice.  It speaks once, with its strongest finding.  32-bit machines are left out (see bit_flips).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.dump.dump import Architecture
from bugcheck.findings import bit_flips
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.flip_search import failed_address, flip_of_address, flip_of_base, flip_of_code, flip_of_region

CORRUPT_PAGE_TABLE_ENTRY = 0x41792
REFUTED = "other dumps of the machine with the same driver and no changed bits, or a memory test of several passes"


@rule
def possible_bit_flip(crash: Crash) -> Iterator[Finding]:
    """An address or page table entry that differs by one or two bits from what it should be."""
    if not crash.dump.is_kernel or crash.machine.architecture.bits != 64:
        return
    finding = _page_table_entry(crash) or _address(crash) or _instruction_pointer(crash) or _region(crash)
    if finding is not None:
        yield finding


def _finding(statement: str, weight: float, bits: tuple[int, ...], *citations: Citation) -> Finding:
    cited = (*citations, *(Citation("bit", str(bit), citations[0].value) for bit in bits))
    word = f"a single bit ({bits[0]})" if len(bits) == 1 else f"two bits ({bits[0]} and {bits[1]})"
    clause = f"{word} of {'a page table entry' if 'entry' in statement[:20] else 'an address'} is flipped"
    return Finding("possible_bit_flip", statement, weight, cited, None, Category.HARDWARE, REFUTED, clause)


def _page_table_entry(crash: Crash) -> Finding | None:
    check = crash.bugcheck
    if check is None or check.code != 0x1A or check.parameters[0].value != CORRUPT_PAGE_TABLE_ENTRY:
        return None
    entry = check.parameters[2].value
    if entry.bit_count() != 2:
        return None
    first, second = (bit for bit in range(64) if entry >> bit & 1)
    statement = f"a page table entry that should be zero holds two set bits, {first} and {second}: {entry:#x}"
    return _finding(statement, 0.35, (first, second), Citation("parameter", "parameter 3", format_hex(entry)))


def _address(crash: Crash) -> Finding | None:
    address = failed_address(crash)
    if address is None:
        return None
    cited = Citation("address", "failed address", format_hex(address))
    if address >> 47 not in (0, 0x1_FFFF):
        return _not_canonical(crash, address, cited)
    if bit_flips.small_value_flip(address) is not None:
        return _beside_null(crash, address, cited)
    flip = flip_of_address(crash, address)
    if flip is not None:
        return _beside_pointer(flip, cited, f"the failed address {flip.address:#x}")
    found = flip_of_base(crash, address)
    if found is None:
        return None
    name, flip = found
    base = Citation("register", name, format_hex(flip.address))
    return _beside_pointer(flip, base, f"the pointer {flip.address:#x} in {name}, which was used with an offset,")


def _region(crash: Crash) -> Finding | None:
    """An address far from everything that is one bit beside memory in use."""
    address = failed_address(crash)
    flip = flip_of_region(crash, address) if address is not None else None
    if address is None or flip is None:
        return None
    bit, cited = flip.bits[0], Citation("address", "failed address", format_hex(address))
    statement = (
        f"nothing else in this dump lies near {flip.address:#x}, but turning bit {bit} back makes it "
        f"{flip.original:#x}, among memory that is in use ({flip.pointer:#x}, {flip.where})"
    )
    return _finding(statement, 0.5, flip.bits, cited, Citation("memory", flip.where, format_hex(flip.pointer)))


def _beside_null(crash: Crash, address: int, cited: Citation) -> Finding:
    bit = address.bit_length() - 1
    bare = 1 << bit
    offset = address ^ bare
    added = bit_flips.was_bare(crash, bare, offset)
    halves = f"{0 if added else offset:#x} and {bare >> 32:#x}"
    innocent = f"so would two 32-bit numbers, {halves}, read as one pointer"
    statement = f"{address:#x} is a null pointer plus {offset:#x} but for bit {bit}: one changed bit would look so"
    if added:
        statement = (
            f"the pointer behind {address:#x} was {bare:#x}, in which only bit {bit} is set: a null pointer with one "
            "changed bit would look so, and pass a check for null"
        )
    return _finding(f"{statement}; {innocent}", 0.6 if added else 0.45, (bit,), cited)


def _beside_pointer(flip: bit_flips.Flip, cited: Citation, subject: str) -> Finding:
    bits = " and ".join(str(bit) for bit in flip.bits)
    word = "bit" if len(flip.bits) == 1 else "bits"
    statement = (
        f"{subject} differs in {word} {bits} from {flip.original:#x}, "
        f"which is {_distance(flip)}a pointer in use, {flip.pointer:#x} ({flip.where})"
    )
    weight = 0.8 if len(flip.bits) == 1 else 0.45
    return _finding(statement, weight, flip.bits, cited, Citation("memory", flip.where, format_hex(flip.pointer)))


def _distance(flip: bit_flips.Flip) -> str:
    distance = flip.original - flip.pointer
    return f"{abs(distance):#x} bytes {'behind' if distance > 0 else 'before'} " if distance else ""


def _not_canonical(crash: Crash, address: int, cited: Citation) -> Finding | None:
    bit = bit_flips.canonical_flip(address)
    if bit is None or crash.machine.architecture is not Architecture.X64:
        return None
    corrected = address ^ 1 << bit
    there = crash.memory.is_readable(corrected)
    if not there and not (corrected >> 47 and bit_flips.is_telling(corrected)):
        return None  # packed fields look so
    tail = ", where the dump has memory" if there else ""
    statement = f"{address:#x} is no possible address; turning bit {bit} back makes it {corrected:#x}{tail}"
    return _finding(statement, 0.75 if there else 0.5, (bit,), cited)


def _instruction_pointer(crash: Crash) -> Finding | None:
    found = flip_of_code(crash)
    if found is None:
        return None
    address, bit, there = found
    text = f"the processor was executing at {address:#x}, where no module is; turning bit {bit} back makes it {there}"
    return _finding(text, 0.45, (bit,), Citation("address", "faulting instruction", format_hex(address)))
