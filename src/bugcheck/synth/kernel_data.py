"""Variables of nt → the bytes of its data section and the address of each symbol.

Source: symbol names and meanings from nt's public symbols; MmUnloadedDrivers' entry as Volatility 3's
unloadedmodules-x64.json and -x86.json have it.
"""

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import UnloadedDriver
from bugcheck.synth.record import Record, align_up

MAX_UNLOADED_DRIVERS = 50


class KernelData:
    """nt's `.data`: reserve a variable to learn its address, fill it later."""

    def __init__(self, base: int, architecture: Architecture) -> None:
        """Start an empty section at virtual address `base`."""
        self.base = base
        self.symbols: dict[str, int] = {}
        self._architecture = architecture
        self._data = bytearray()

    def reserve(self, name: str, size: int, alignment: int = 16) -> int:
        """Make room for a variable and return its address."""
        start = align_up(len(self._data), alignment)
        self._data += bytes(start + size - len(self._data))
        self.symbols[name] = self.base + start
        return self.base + start

    def fill(self, name: str, contents: bytes) -> None:
        """Set a reserved variable's first bytes."""
        start = self.symbols[name] - self.base
        self._data[start : start + len(contents)] = contents

    def set_pointer(self, name: str, value: int) -> None:
        """Set a reserved variable to one pointer-sized value."""
        self.fill(name, pointer_bytes(self._architecture, value))

    def pointer(self, name: str, value: int) -> int:
        """Reserve a pointer-sized variable with a value and return its address."""
        address = self.reserve(name, 8, 8)
        self.set_pointer(name, value)
        return address

    def done(self) -> bytes:
        """The section's bytes."""
        return bytes(self._data)


class Pool:
    """A region of kernel addresses handed out upwards."""

    def __init__(self, base: int) -> None:
        """Start at virtual address `base`."""
        self._next = base

    def take(self, size: int, alignment: int = 16) -> int:
        """Reserve `size` bytes; 0x10 bytes stay free below each block, where a pool header would be."""
        address = align_up(self._next + 0x10, alignment)
        self._next = address + size
        return address


def pointer_bytes(architecture: Architecture, *values: int) -> bytes:
    """Pointers of the architecture's width, one behind the other."""
    return b"".join(
        (value & architecture.pointer_mask).to_bytes(architecture.pointer_size, "little") for value in values
    )


def ring(head: int, entries: list[int]) -> dict[int, tuple[int, int]]:
    """A doubly linked list: address of each LIST_ENTRY → its Flink and Blink, the head included."""
    nodes = [head, *entries]
    count = len(nodes)
    return {node: (nodes[(i + 1) % count], nodes[i - 1]) for i, node in enumerate(nodes)}


def unicode_string(architecture: Architecture, text: str, buffer: int) -> bytes:
    """UNICODE_STRING for `text` stored at `buffer`, with room for its terminator: 8 or 16 bytes."""
    record = Record(2 * architecture.pointer_size)
    length = 2 * len(text)
    record.u16(0, length)
    record.u16(2, length + 2 if text else 0)
    record.uint(architecture.pointer_size, buffer if text else 0, architecture.pointer_size)
    return record.done()


def unloaded_driver_entry(architecture: Architecture, driver: UnloadedDriver, buffer: int) -> bytes:
    """One entry of MmUnloadedDrivers: name, start, end, time; 0x28 bytes on 64-bit, 0x18 on 32-bit."""
    wide = architecture.is_64bit
    record = Record(0x28 if wide else 0x18)
    record.put(0, unicode_string(architecture, driver.name, buffer))
    record.uint(0x10 if wide else 0x08, driver.start, architecture.pointer_size)
    record.uint(0x18 if wide else 0x0C, driver.end, architecture.pointer_size)
    record.u64(0x20 if wide else 0x10, driver.time)
    return record.done()
