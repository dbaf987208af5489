"""Virtual writes → mapped frames, with a record of what each page maps to.

Source: none; this is the builder's own book-keeping, and the ground truth tests compare a reader with.
"""

from dataclasses import dataclass
from enum import Enum

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.page_tables import PageTables
from bugcheck.synth.paging import Rights, paged_out_entry, prototype_entry, transition_entry
from bugcheck.synth.physical import PAGE_SIZE, FrameUse, PhysicalMemory


class PageState(Enum):
    """In what way a virtual page is there, or is not."""

    VALID = "valid"
    LARGE = "large"
    TRANSITION = "transition"
    PROTOTYPE = "prototype"
    PAGED_OUT = "paged out"


@dataclass(frozen=True, slots=True)
class PageTruth:
    """What is true of one mapping: its physical byte address (None when paged out), size, state and rights."""

    virtual_address: int
    physical_address: int | None
    size: int
    state: PageState
    rights: Rights


class AddressSpace:
    """One address space under construction."""

    def __init__(self, tables: PageTables, physical: PhysicalMemory, use: FrameUse) -> None:
        """Map through `tables`, taking frames of `physical` for `use`."""
        self.tables = tables
        self.mappings: dict[int, PageTruth] = {}
        self._physical = physical
        self._use = use

    def map(self, address: int, rights: Rights) -> None:
        """Map the 4 KiB page at `address` unless it is mapped already."""
        page = address & ~(PAGE_SIZE - 1)
        if page not in self.mappings:
            frame = self._physical.allocate(self._use)
            self.tables.map_page(page, frame, rights)
            self._note(page, frame, PAGE_SIZE, PageState.VALID, rights)

    def write(self, address: int, data: bytes, rights: Rights) -> None:
        """Write bytes, mapping pages with `rights` where nothing is mapped yet."""
        offset = 0
        while offset < len(data):
            here = address + offset
            count = min(PAGE_SIZE - here % PAGE_SIZE, len(data) - offset)
            self.map(here, rights)
            physical = self.mappings[here & ~(PAGE_SIZE - 1)].physical_address
            if physical is None:
                raise ValueError(f"page {here:#x} is paged out; it cannot be written")
            self._physical.write(physical + here % PAGE_SIZE, data[offset : offset + count])
            offset += count

    def map_shared(self, address: int, frame: int, rights: Rights) -> None:
        """Map a page over a frame that something else already uses."""
        self.tables.map_page(address, frame, rights)
        self._note(address, frame, PAGE_SIZE, PageState.VALID, rights)

    def map_large(self, address: int, size: int, frame: int, rights: Rights) -> None:
        """Map a large page over frames the caller has claimed."""
        self.tables.map_large(address, size, frame, rights)
        self._note(address, frame, size, PageState.LARGE, rights)

    def map_transition(self, address: int, data: bytes) -> None:
        """Put `data` in a frame that only a transition entry names."""
        frame = self._filled(data)
        self.tables.set_entry(address, transition_entry(self.tables.scheme, frame))
        self._note(address, frame, PAGE_SIZE, PageState.TRANSITION, Rights())

    def map_prototype(self, address: int, prototype: int, data: bytes, in_transition: bool) -> None:
        """Put `data` in a frame named by a prototype entry written at virtual address `prototype`."""
        scheme = self.tables.scheme
        frame = self._filled(data)
        # A valid prototype entry has the form of a hardware entry of the same scheme.
        entry = transition_entry(scheme, frame) if in_transition else frame << 12 | 0x63
        if scheme.architecture is Architecture.ARM64 and not in_transition:
            entry = frame << 12 | 0x403
        self.write(prototype, entry.to_bytes(scheme.entry_size, "little"), Rights())
        self.tables.set_entry(address, prototype_entry(scheme, prototype))
        self._note(address, frame, PAGE_SIZE, PageState.PROTOTYPE, Rights())

    def map_paged_out(self, address: int, file: int, offset: int) -> None:
        """Leave a page in a paging file."""
        self.tables.set_entry(address, paged_out_entry(self.tables.scheme, file, offset))
        self.mappings[address] = PageTruth(address, None, PAGE_SIZE, PageState.PAGED_OUT, Rights())

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes at a virtual address, or None when one of them is not resident."""
        out = bytearray()
        while len(out) < size:
            physical = self.translate(address + len(out))
            if physical is None or not self._physical.exists(physical // PAGE_SIZE):
                return None
            offset = physical % PAGE_SIZE
            out += self._physical.page(physical // PAGE_SIZE)[offset : offset + size - len(out)]
        return bytes(out)

    def translate(self, address: int) -> int | None:
        """The physical address behind a virtual one, or None."""
        truth = self.mappings.get(address & ~(PAGE_SIZE - 1)) or self._large(address)
        if truth is None or truth.physical_address is None:
            return None
        return truth.physical_address + address - truth.virtual_address

    def _large(self, address: int) -> PageTruth | None:
        for truth in self.mappings.values():
            if truth.virtual_address <= address < truth.virtual_address + truth.size:
                return truth
        return None

    def _filled(self, data: bytes) -> int:
        frame = self._physical.allocate(self._use)
        self._physical.write(frame * PAGE_SIZE, data[:PAGE_SIZE])
        return frame

    def _note(self, address: int, frame: int, size: int, state: PageState, rights: Rights) -> None:
        self.mappings[address] = PageTruth(address, frame * PAGE_SIZE, size, state, rights)
