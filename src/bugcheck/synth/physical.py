"""Runs of page frames → physical memory that hands out frames in a scattered but fixed order.

Source: none needed; a frame is 4 KiB on every architecture here.

Folklore: frames are scattered on purpose. If neighbouring virtual pages were neighbours in the file too, a reader that
forgets to translate the second page of a straddling read would pass every test.
"""

from enum import Enum

PAGE_SIZE = 0x1000


class FrameUse(Enum):
    """Why a frame is in use; kernel dumps leave USER frames out."""

    KERNEL = "kernel"
    USER = "user"
    PAGE_TABLE = "page table"


class PhysicalMemory:
    """The frames of a machine: those of `runs` exist, those written or allocated have contents."""

    def __init__(self, runs: tuple[tuple[int, int], ...], reserved: frozenset[int] = frozenset()) -> None:
        """`runs` are `(first page, pages)`; `reserved` frames exist but are never handed out."""
        self.runs = runs
        self.pages: dict[int, bytearray] = {}
        self.uses: dict[int, FrameUse] = {}
        frames = [page for first, count in runs for page in range(first, first + count) if page not in reserved]
        # Knuth's multiplicative hash: a permutation that is the same on every machine and Python version.
        frames.sort(key=lambda page: (page * 2654435761) & 0xFFFFFFFF, reverse=True)
        self._free = frames

    def allocate(self, use: FrameUse) -> int:
        """Take a free frame, zeroed, and return its number; raises ValueError when none is left."""
        if not self._free:
            raise ValueError("the physical layout has no free page left; add a run to it")
        frame = self._free.pop()
        self.pages[frame] = bytearray(PAGE_SIZE)
        self.uses[frame] = use
        return frame

    def claim(self, frame: int, use: FrameUse) -> None:
        """Use a frame by number, as large pages do; it must be reserved and inside a run."""
        if not self.exists(frame):
            raise ValueError(f"page frame {frame:#x} is in no run of the physical layout")
        self.pages.setdefault(frame, bytearray(PAGE_SIZE))
        self.uses[frame] = use

    def exists(self, frame: int) -> bool:
        """Whether a run contains the frame."""
        return any(first <= frame < first + count for first, count in self.runs)

    def write(self, address: int, data: bytes) -> None:
        """Write bytes at a physical address inside one used frame."""
        frame, offset = divmod(address, PAGE_SIZE)
        self.pages[frame][offset : offset + len(data)] = data

    def page(self, frame: int) -> bytes:
        """A frame's 4096 bytes; zeros when nothing uses it."""
        return bytes(self.pages.get(frame, bytes(PAGE_SIZE)))

    def all_frames(self) -> list[int]:
        """Every existing frame, ascending."""
        return sorted(page for first, count in self.runs for page in range(first, first + count))

    def used_frames(self, *uses: FrameUse) -> list[int]:
        """Frames in one of the given uses, ascending."""
        return sorted(frame for frame, use in self.uses.items() if use in uses)
