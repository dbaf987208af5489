"""Mappings → page tables in physical memory, one root per process.

Source: as paging.py; the self-map slots are those of nt (0xC0000000 on x86, slot 0x1ED on x64 before randomisation).

Folklore: Windows on ARM64 keeps both halves in one root page (TTBR1 points at its second half), so the root is indexed
by address bits 47-39 like x64's.
"""

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.paging import PagingScheme, Rights, page_entry, table_entry
from bugcheck.synth.physical import PAGE_SIZE, FrameUse, PhysicalMemory


class PageTables:
    """The tables under one root frame."""

    def __init__(self, scheme: PagingScheme, physical: PhysicalMemory, root: int | None = None) -> None:
        """Build on `root`, or on a new frame."""
        self.scheme = scheme
        self.physical = physical
        self.root = physical.allocate(FrameUse.PAGE_TABLE) if root is None else root

    def set_entry(self, address: int, entry: int, leaf_shift: int = 12) -> None:
        """Store a leaf `entry` for `address` at the level whose shift is `leaf_shift`, making tables on the way."""
        table = self.root
        for level, (shift, bits) in enumerate(self.scheme.levels):
            slot = table * PAGE_SIZE + (address >> shift & ((1 << bits) - 1)) * self.scheme.entry_size
            if shift == leaf_shift:
                self._store(slot, entry)
                return
            table = self._next_table(slot, level)
        raise ValueError(f"no level of this paging scheme has shift {leaf_shift}")

    def map_page(self, address: int, frame: int, rights: Rights) -> None:
        """Map one 4 KiB page."""
        self.set_entry(address, page_entry(self.scheme, frame, rights))

    def map_large(self, address: int, size: int, frame: int, rights: Rights) -> None:
        """Map one large or huge page of `size` bytes."""
        shift = size.bit_length() - 1
        self.set_entry(address, page_entry(self.scheme, frame, rights, large=True), leaf_shift=shift)

    def fork(self, root: int) -> "PageTables":
        """Tables under the frame `root` that share this one's kernel half as it is now; the user half is empty."""
        child = PageTables(self.scheme, self.physical, root)
        data = self.physical.pages[self.root]
        size = self._root_bytes()
        self.physical.write(child.root * PAGE_SIZE + size // 2, bytes(data[size // 2 : size]))
        if self.scheme.architecture is Architecture.X86_PAE:
            child._copy_last_directory()
        child.map_self()
        return child

    def map_self(self) -> None:
        """Add the entries through which Windows sees its own page tables; ARM32 has none here."""
        if self.scheme.architecture is Architecture.X86:
            self._store(self.root * PAGE_SIZE + 0x300 * 4, self.root << 12 | 0x63)
        elif self.scheme.architecture is Architecture.X64:
            self._store(self.root * PAGE_SIZE + 0x1ED * 8, self.root << 12 | 1 << 63 | 0x63)
        elif self.scheme.architecture is Architecture.X86_PAE:
            self._map_pae_directories()

    def _map_pae_directories(self) -> None:
        """Point the first four entries of the last directory at the four directories."""
        for index in range(4):
            self._next_table(self.root * PAGE_SIZE + index * 8, 0)
        directories = [self._load(self.root * PAGE_SIZE + index * 8) >> 12 for index in range(4)]
        for index, frame in enumerate(directories):
            self._store(directories[3] * PAGE_SIZE + index * 8, frame << 12 | 0x63)

    def _copy_last_directory(self) -> None:
        """Give this root its own fourth directory: it holds the per-process self-map."""
        slot = self.root * PAGE_SIZE + 3 * 8
        shared = self._load(slot) >> 12
        frame = self.physical.allocate(FrameUse.PAGE_TABLE)
        self.physical.write(frame * PAGE_SIZE, self.physical.page(shared))
        self._store(slot, table_entry(self.scheme, frame, 0))

    def _root_bytes(self) -> int:
        return (1 << self.scheme.levels[0][1]) * self.scheme.entry_size

    def _next_table(self, slot: int, level: int) -> int:
        """The frame of the table that the entry at physical `slot` points at, made when empty."""
        entry = self._load(slot)
        if not entry & 1:
            frame = self.physical.allocate(FrameUse.PAGE_TABLE)
            entry = table_entry(self.scheme, frame, level)
            self._store(slot, entry)
        return entry >> 12 & 0xFFFFFFFFF

    def _load(self, slot: int) -> int:
        frame, offset = divmod(slot, PAGE_SIZE)
        return int.from_bytes(self.physical.pages[frame][offset : offset + self.scheme.entry_size], "little")

    def _store(self, slot: int, entry: int) -> None:
        self.physical.write(slot, entry.to_bytes(self.scheme.entry_size, "little"))
