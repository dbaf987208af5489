"""Physical memory and page tables made by hand, entry by entry; shares nothing with src/bugcheck/synth.

Bit positions are written out from the manuals named beside them, so that the readers are not tested against
themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.memory.translated import TranslatedSpace

PAGE = 4096


class FrameMap:
    """A page map given as {page frame: file offset}."""

    def __init__(self, places: dict[int, int]) -> None:
        self.places = places

    @property
    def page_count(self) -> int:
        return len(self.places)

    def locate(self, page_frame: int) -> int | None:
        return self.places.get(page_frame)

    def runs(self) -> Iterator[tuple[int, int]]:
        return ((frame, 1) for frame in sorted(self.places))


class Machine:
    """Sparse physical memory: 4 KiB frames, made when first written to."""

    def __init__(self, architecture: Architecture, first_free_frame: int = 0x100) -> None:
        self.architecture = architecture
        self.frames: dict[int, bytearray] = {}
        self.next_frame = first_free_frame

    def new_frame(self) -> int:
        """Physical address of a fresh zeroed frame."""
        self.next_frame += 1
        self.frames[self.next_frame] = bytearray(PAGE)
        return self.next_frame * PAGE

    def write(self, physical: int, data: bytes) -> None:
        while data:
            frame, within = divmod(physical, PAGE)
            part = data[: PAGE - within]
            self.frames.setdefault(frame, bytearray(PAGE))[within : within + len(part)] = part
            physical, data = physical + len(part), data[len(part) :]

    def put(self, physical: int, value: int, size: int) -> None:
        self.write(physical, value.to_bytes(size, "little"))

    def get(self, physical: int, size: int) -> int:
        frame, within = divmod(physical, PAGE)
        return int.from_bytes(self.frames[frame][within : within + size], "little")

    def dump(self, omit: tuple[int, ...] = (), cut: int = 0) -> Dump:
        """A dump of the frames but those in `omit`, with `cut` bytes missing at the end of the file."""
        kept = [frame for frame in sorted(self.frames) if frame not in omit]
        data = b"HEAD" * 1024 + b"".join(self.frames[frame] for frame in kept)
        places = {frame: PAGE * (index + 1) for index, frame in enumerate(kept)}
        view = BinaryView(data[: len(data) - cut], "hand-made.dmp")
        return Dump("kernel_full", self.architecture, view, physical=FrameMap(places))

    def space(self, base: int, levels: int = 4, *, omit: tuple[int, ...] = (), **more: int) -> TranslatedSpace:
        physical = PhysicalMemory(self.dump(omit))
        return TranslatedSpace(physical, self.architecture, base, levels, **more)


def entry_place(machine: Machine, base: int, address: int, shifts: list[int], size: int, link: int) -> int:
    """Physical address of the entry for `address` in the table indexed by the last of `shifts`, making tables."""
    table = base
    for shift in shifts[:-1]:
        place = table + (address >> shift) % (PAGE // size) * size
        if not machine.get(place, size):
            machine.put(place, machine.new_frame() | link, size)
        table = machine.get(place, size) & 0x000F_FFFF_FFFF_F000
    return table + (address >> shifts[-1]) % (PAGE // size) * size


def map_x64(machine: Machine, base: int, address: int, entry: int, level: int = 1, levels: int = 4) -> None:
    """Write `entry` for `address`. Intel SDM 3A figure 4-8: 9 bits per level from bit 12; link entries P, R/W, U/S."""
    shifts = [48, 39, 30, 21, 12][5 - levels : 6 - level]
    machine.put(entry_place(machine, base, address, shifts, 8, 0b111), entry, 8)


def map_pae(machine: Machine, base: int, address: int, entry: int, level: int = 1) -> None:
    """Write `entry` for `address`. Intel SDM 3A figure 4-5: PDPTE by bits 30-31 (P only), then 9 bits each."""
    place = base + (address >> 30) * 8
    if not machine.get(place, 8):
        machine.put(place, machine.new_frame() | 0b1, 8)
    directory = machine.get(place, 8) & 0x000F_FFFF_FFFF_F000
    machine.put(entry_place(machine, directory, address, [21, 12][: 3 - level], 8, 0b111), entry, 8)


def map_x86(machine: Machine, base: int, address: int, entry: int, level: int = 1) -> None:
    """Write `entry` for `address`. Intel SDM 3A figure 4-2: 10 bits for the directory, 10 for the table."""
    machine.put(entry_place(machine, base, address, [22, 12][: 3 - level], 4, 0b111), entry, 4)


def map_arm64(machine: Machine, base: int, address: int, entry: int, level: int = 1) -> None:
    """Write `entry` for `address`. Arm ARM D8.3: table descriptors are 0b11; level 1 here is Arm's level 3."""
    machine.put(entry_place(machine, base, address, [39, 30, 21, 12][: 5 - level], 8, 0b11), entry, 8)
