"""An address that failed and the pointers around it → the pointer it was, had one or two of its bits not changed.

Reasoning: a fault address is compared with the distinct pointers on the stack and in the registers, about 100 of them.
Only bits 32 and up may differ, so the low 32 bits must agree within `REACH` either way, which a pair of unrelated
64-bit pointers does once in 2**32 / 2**10 = 4 million; for 100 pointers that is a chance of 1 in 40,000, before asking
that the high halves differ in one bit.  Counted on the corpus (25 x64 and ARM64 dumps of 6 machines; 2,725 kernel words
of their stacks and registers whose low half is a pointer's, see `is_telling`; 192,507 pairs within a dump): the two
pairs of the one known flip differ in one or two such bits, no other pair does.

Where no single pointer is near, whole regions are compared: kernel memory of one kind lies together, so a dump's
pointers fall into some 10 spans of 4 GiB, which Windows 10 1607 and later put at places of chance.  A garbage address
lies one bit (35 to 46) beside one of them with a chance of 10 spans times 12 bits in 2**15, 0.4 %.  Counted on the 12
such dumps of the corpus, 520 pairs of spans: the two pairs one bit apart are the known flip of 50_1 and, with bit 37,
50_0 of the same machine, whose other dumps prove that bit.

Folklore: bits below 32 are left alone, and 32-bit machines with them.  Allocations are aligned to powers of two, so
that objects of one kind often lie exactly 2 or 4 MiB apart (24 such pairs in the corpus, of processor blocks and
stacks).  A 64-bit word whose low half is zero or small is usually two 32-bit numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import unpack_from

from bugcheck.findings.fault_registers import fault_registers
from bugcheck.findings.findings import Crash
from bugcheck.records import dataclass

REACH = 0x200
"""Bytes between a pointer and the member behind it that was touched."""
STACK_BYTES = 0x8000
"""Bytes of the stack that are looked through."""
OWN = 0x1_0000
"""Bytes around a bad address within which pointers were made from it."""
HALF = 0x1_0000_0000
LOWEST_REGION_BIT = 35
"""Below, a region of memory that grows past 4 GiB differs from itself."""
LOWEST_BIT, HIGHEST_BIT = 32, 46
"""Bit 47 and above say kernel or user; a change there makes an address non-canonical, which is told apart."""
_KERNEL_TOP = 0x1_FFFF


@dataclass(frozen=True, slots=True)
class Flip:
    """An address explained as another one with changed bits.

    Attributes:
        address: that failed. bits: the ones that differ, ascending. pointer: the live value it resembles.
        where: which register or stack word holds `pointer`.
    """

    address: int
    bits: tuple[int, ...]
    pointer: int
    where: str

    @property
    def original(self) -> int:
        """The address with the bits turned back."""
        return self.address ^ sum(1 << bit for bit in self.bits)


def stack_words(crash: Crash) -> tuple[int, tuple[int, ...]]:
    """Read the stack of the processor that stopped: its lowest address and its words, as far as the dump has them."""
    context = crash.machine.processor_context
    pointer = context.stack_pointer if context else None
    if pointer is None:
        return 0, ()
    width = crash.memory.pointer_size
    pointer &= -width
    known = crash.machine.stack_at(pointer)
    size = min(STACK_BYTES, known[1] - pointer) if known else STACK_BYTES
    data = crash.memory.read_up_to(pointer, size)
    count = len(data) // width
    return pointer, unpack_from(f"<{count}{'Q' if width == 8 else 'I'}", data)


def live_pointers(crash: Crash) -> dict[int, str]:
    """Collect kernel pointers with rich low halves from stack and registers, with the first place each was seen."""
    found: dict[int, str] = {}
    for context in crash.machine.contexts:
        for name, value in context.registers.items():
            if value >> 47 == _KERNEL_TOP and is_telling(value):
                found.setdefault(value, f"{name} ({context.source})")
    start, words = stack_words(crash)
    for index, value in enumerate(words):
        if value >> 47 == _KERNEL_TOP and value not in found and is_telling(value):
            found[value] = f"stack word {start + 8 * index:#x}"
    return found


def is_telling(value: int) -> bool:
    """Tell whether the low half looks like a pointer's: neither small, nor nearly all ones, nor few bits at all."""
    low = value & (HALF - 1)
    return 0x10_0000 <= low < HALF - 0x10_0000 and 4 <= (low >> 12).bit_count() <= 16


def find_flip(address: int, pointers: Mapping[int, str], *, highest: int = HIGHEST_BIT, most: int = 2) -> Flip | None:
    """Find the pointer that an address resembles but for 1 to `most` bits of 32 to `highest`; None where none does.

    Fewer bits come first, then the nearer pointer.
    """
    if not is_telling(address):
        return None
    found: list[tuple[int, int, Flip]] = []
    for pointer, where in pointers.items():
        distance = (address - pointer + REACH) & (HALF - 1)
        if distance >= 2 * REACH or (address ^ pointer) >> 32 == 0:
            continue
        base = address - (distance - REACH)  # the address with the pointer's own low half
        changed = (base ^ pointer) >> LOWEST_BIT
        bits = tuple(bit for bit in range(LOWEST_BIT, highest + 1) if changed >> (bit - LOWEST_BIT) & 1)
        if 1 <= len(bits) <= most and len(bits) == changed.bit_count():
            found.append((len(bits), abs(distance - REACH), Flip(address, bits, pointer, where)))
    return min(found, key=lambda each: each[:2])[2] if found else None


def find_region_flip(address: int, pointers: Mapping[int, str]) -> Flip | None:
    """Find a pointer whose 4 GiB of addresses are those of `address` but for one of bits 35 to 46; None without one.

    The address is judged only where no pointer lies in its own 4 GiB but those derived from it (within OWN bytes).
    Where several pointers lie in the other, the nearest is given.
    """
    high = address >> 32
    near = (pointer for pointer in pointers if pointer >> 32 == high)
    if not is_telling(address) or any(abs(pointer - address) > OWN for pointer in near):
        return None
    found = [
        Flip(address, (bit,), pointer, where)
        for bit in range(LOWEST_REGION_BIT, HIGHEST_BIT + 1)
        for pointer, where in pointers.items()
        if pointer >> 32 == high ^ 1 << bit - 32
    ]
    if len({flip.bits for flip in found}) != 1:
        return None
    return min(found, key=lambda flip: abs(flip.original - flip.pointer))


def entry_of(address: int, pointers: Mapping[int, str]) -> int | None:
    """Find the pointer whose x64 page table entry lies at `address`, which faults when no table holds it; or None.

    The entries are mapped into the upper half at a multiple of 512 GiB, in the order of the addresses they map (Intel
    SDM volume 3, 4-level paging with one entry pointing at the top table itself).  36 bits agree, so none by chance.
    """
    low = address & 0x7F_FFFF_FFFF
    return next((pointer for pointer in pointers if pointer >> 9 & 0x7F_FFFF_FFF8 == low), None)


def small_value_flip(address: int) -> int | None:
    """The one bit (32 to 46) that an address has besides a small offset, as a changed null pointer would; or None."""
    high, low = address >> 12, address & 0xFFF
    bit = address.bit_length() - 1
    return bit if low < 0x1000 and high.bit_count() == 1 and LOWEST_BIT <= bit <= HIGHEST_BIT else None


def was_bare(crash: Crash, bare: int, offset: int) -> bool:
    """Tell whether the offset was added by the code, so that the pointer itself had only the one bit.

    It was where a register still has it, or where the instruction before is `add register,offset`.
    """
    registers = fault_registers(crash)
    if registers is None:
        return False
    before = crash.memory.try_read((registers.instruction_pointer or 4) - 4, 4) or bytes(4)
    adds = before[0] in (0x48, 0x49) and before[1] == 0x83 and before[2] >> 3 == 0x18 and before[3] == offset < 0x80
    return adds or bare in registers.registers.values()


def canonical_flip(address: int) -> int | None:
    """The one bit (48 to 62) that keeps an address from being canonical in 48 bits; None where it is not one bit.

    Bits 47 and 63 are left out: arithmetic beyond either half's end and masks of the sign bit change them in software.
    """
    top = address >> 47
    odd = top if top.bit_count() == 1 else top ^ _KERNEL_TOP
    bit = 46 + odd.bit_length()
    return bit if odd.bit_count() == 1 and 48 <= bit <= 62 else None
