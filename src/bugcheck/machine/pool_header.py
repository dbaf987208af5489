"""The bytes before a pool block → its tag, size and type, and the blocks around it.

Source: POOL_HEADER in the kernel's types (dt nt!_POOL_HEADER); meaning of PoolType by Volatility 3 (`is_free_pool`,
`is_paged_pool`) and T. Mandt, "Kernel Pool Exploitation on Windows 7" (2011); the segment heap by C. Bayet and
P. Fariello, "Scoop the Windows 10 pool!" (2020).

| | unit | PreviousSize | PoolIndex | BlockSize | PoolType | tag at |
|---|---|---|---|---|---|---|
| x86, ARM | 8 bytes | bits 0 to 8 | 9 to 15 | 16 to 24 | 25 to 31 | 4 |
| x64, ARM64 | 16 bytes | bits 0 to 7 | 8 to 15 | 16 to 23 | 24 to 31 | 4 |

Folklore:
    Blocks fill their page without gaps: each one's PreviousSize is the size of the one before, the first one's is 0.
    The segment heap (build 18362 and later) keeps the header but not the chain: PreviousSize is 0 or an alignment, and
    BlockSize says what was asked for.  So neighbours are told only where both sides agree.
    PoolType is 0 for a free block; else paged or nonpaged is its lowest bit, the other way round before Vista.
    Blocks of a page or more have no header at all; what lies before them is another page's end.
    An object of the object manager has further headers between pool header and body.
"""

from __future__ import annotations

from bugcheck.addresses import PAGE_SIZE
from bugcheck.machine.member_path import MissingMember, MissingType, find_layout, locate
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.symbols.types import TypeLayout, TypeTable

FIRST_SEGMENT_HEAP_BUILD = 18362
FIRST_VISTA_BUILD = 6000
_QUOTA = 8


@dataclass(frozen=True, slots=True)
class PoolLayout:
    """Where a kernel's POOL_HEADER keeps its numbers: the lowest bit and how many, counted from the header's first.

    Attributes:
        size: of the header in bytes, which is the unit of the two sizes as well.
        previous_size, pool_index, block_size, pool_type: lowest bit and number of bits. tag: the tag's offset in bytes.
    """

    size: int
    previous_size: tuple[int, int]
    pool_index: tuple[int, int]
    block_size: tuple[int, int]
    pool_type: tuple[int, int]
    tag: int


NARROW = PoolLayout(8, (0, 9), (9, 7), (16, 9), (25, 7), 4)
WIDE = PoolLayout(16, (0, 8), (8, 8), (16, 8), (24, 8), 4)


def pool_layout(types: TypeTable | None, pointer_size: int) -> PoolLayout:
    """The layout of a kernel's POOL_HEADER: by its own types where there are any, else as it always was."""
    usual = WIDE if pointer_size == 8 else NARROW
    if types is None:
        return usual
    try:
        header = find_layout(types, "POOL_HEADER")
        found = PoolLayout(
            header.size,
            _bits(types, header, "PreviousSize"),
            _bits(types, header, "PoolIndex"),
            _bits(types, header, "BlockSize"),
            _bits(types, header, "PoolType"),
            locate(types, header, "PoolTag")[0],
        )
    except (MissingType, MissingMember):
        return usual
    numbers = (found.previous_size, found.pool_index, found.block_size, found.pool_type)
    fits = found.size in (8, 16) and found.tag in range(found.size - 3)
    return found if fits and all(0 <= low < low + many <= 8 * found.size for low, many in numbers) else usual


def _bits(types: TypeTable, header: TypeLayout, name: str) -> tuple[int, int]:
    offset, member = locate(types, header, name)
    if member.bit_position is None or member.bit_count is None:
        return 8 * offset, 8 * member.type.size
    return 8 * offset + member.bit_position, member.bit_count


@dataclass(frozen=True, slots=True)
class PoolHeader:
    """A POOL_HEADER.

    Attributes:
        address: of the header. header_size: 8 or 16 bytes; the block's body follows.
        size, previous_size: of this block and the one before, in bytes, headers included.
        pool_index: which pool. pool_type: as stored. tag: 32 bits, the first character in the lowest byte.
    """

    address: int
    header_size: int
    size: int
    previous_size: int
    pool_index: int
    pool_type: int
    tag: int

    @property
    def body(self) -> int:
        """Virtual address of the block's first usable byte."""
        return self.address + self.header_size

    @property
    def end(self) -> int:
        """First address behind the block."""
        return self.address + self.size

    @property
    def tag_text(self) -> str:
        """The tag as four characters; a dot for what is not printable."""
        raw = self.tag.to_bytes(4, "little")
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw)

    @property
    def is_free(self) -> bool:
        """Tell whether the block is free."""
        return self.pool_type == 0

    @property
    def charges_quota(self) -> bool:
        """Tell whether a process is charged for the block."""
        return bool(self.pool_type & _QUOTA)

    def is_paged(self, build: int) -> bool | None:
        """Tell whether the block is of a paged pool; None for a free one. `build`: of the kernel."""
        if self.is_free:
            return None
        return bool(self.pool_type & 1) == (build >= FIRST_VISTA_BUILD)

    @property
    def is_plausible(self) -> bool:
        """Tell whether the block stays in its page and its tag looks like one."""
        in_page = self.address % PAGE_SIZE + self.size <= PAGE_SIZE and self.address % self.header_size == 0
        printable = all(0x20 <= byte < 0x7F for byte in (self.tag & 0x7FFF_FFFF).to_bytes(4, "little"))
        return in_page and self.size >= self.header_size and (printable or self.is_free)


@dataclass(frozen=True, slots=True)
class PoolPage:
    """The blocks of one page of a pool that is kept as a chain.

    Attributes:
        address: of the page. blocks: from the page's beginning, as far as they agree with one another.
        broken_at: address of the first header that does not fit the chain, None when the chain fills the page.
        reason: one clause on it.
    """

    address: int
    blocks: tuple[PoolHeader, ...]
    broken_at: int | None = None
    reason: str = ""


def has_segment_heap(build: int) -> bool:
    """Tell whether pools of a kernel of that build are a segment heap, whose blocks form no chain."""
    return build >= FIRST_SEGMENT_HEAP_BUILD


def read_pool_header(address: int, memory: AddressSpace, layout: PoolLayout | None = None) -> PoolHeader | None:
    """Read the POOL_HEADER at a virtual address, be it one or not; None when it is not in the dump.

    `layout`: of this kernel's types; None for the usual one.
    """
    layout = layout or pool_layout(None, memory.pointer_size)
    raw = memory.try_read(address, layout.size)
    if raw is None:
        return None
    word = int.from_bytes(raw, "little")

    def number(bits: tuple[int, int]) -> int:
        return word >> bits[0] & (1 << bits[1]) - 1

    return PoolHeader(
        address=address,
        header_size=layout.size,
        size=number(layout.block_size) * layout.size,
        previous_size=number(layout.previous_size) * layout.size,
        pool_index=number(layout.pool_index),
        pool_type=number(layout.pool_type),
        tag=int.from_bytes(raw[layout.tag : layout.tag + 4], "little"),
    )


def pool_header_of(body: int, memory: AddressSpace, layout: PoolLayout | None = None) -> PoolHeader | None:
    """Read the header of the block whose body begins at an address; None when there is none or it is implausible."""
    layout = layout or pool_layout(None, memory.pointer_size)
    size = layout.size
    if body % PAGE_SIZE < size:
        return None
    header = read_pool_header(body - size, memory, layout)
    return header if header is not None and header.is_plausible else None


def following_block(header: PoolHeader, memory: AddressSpace, layout: PoolLayout | None = None) -> PoolHeader | None:
    """Find the block behind, in the same page; None when there is none, or it does not name this one's size."""
    if not header.size or header.end % PAGE_SIZE == 0 or header.end // PAGE_SIZE != header.address // PAGE_SIZE:
        return None
    found = read_pool_header(header.end, memory, layout)
    return found if found is not None and found.previous_size == header.size else None


def preceding_block(header: PoolHeader, memory: AddressSpace, layout: PoolLayout | None = None) -> PoolHeader | None:
    """Find the block before, in the same page; None when there is none, or its size is not what this one says."""
    if not header.previous_size or header.previous_size > header.address % PAGE_SIZE:
        return None
    found = read_pool_header(header.address - header.previous_size, memory, layout)
    return found if found is not None and found.size == header.previous_size else None


def read_pool_page(address: int, memory: AddressSpace, layout: PoolLayout | None = None) -> PoolPage:
    """Follow the chain of blocks in the page an address lies in (for kernels without segment heap)."""
    page = address - address % PAGE_SIZE
    blocks: list[PoolHeader] = []
    place, previous = page, 0
    while place < page + PAGE_SIZE:
        block = read_pool_header(place, memory, layout)
        reason = _misfit(block, previous, page + PAGE_SIZE)
        if block is None or reason:
            return PoolPage(page, tuple(blocks), place, reason)
        blocks.append(block)
        place, previous = block.end, block.size
    return PoolPage(page, tuple(blocks))


def _misfit(block: PoolHeader | None, previous: int, end: int) -> str:
    """Say why a block cannot follow one of `previous` bytes in a page that ends at `end`; "" when it can."""
    if block is None:
        return "the header is not in the dump"
    if block.previous_size != previous:
        return f"PreviousSize says {block.previous_size:#x} bytes, the block before has {previous:#x}"
    if not block.size:
        return "BlockSize is 0"
    return f"BlockSize, {block.size:#x} bytes, reaches beyond the page" if block.end > end else ""
