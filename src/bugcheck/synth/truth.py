"""A built machine → what is true of it, for a test to compare a reader with.

Source: filled by the builder while it writes, never by reading the result back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bugcheck.synth.address_space import AddressSpace, PageTruth
from bugcheck.synth.description import MachineDescription, ModuleDescription
from bugcheck.synth.physical import FrameUse, PhysicalMemory


@dataclass(frozen=True, slots=True)
class ModuleTruth:
    """A module and the virtual address of its loader entry."""

    module: ModuleDescription
    entry: int


@dataclass(frozen=True, slots=True)
class ThreadTruth:
    """A thread's id and the virtual address of its ETHREAD."""

    tid: int
    address: int


@dataclass(frozen=True, slots=True)
class ProcessTruth:
    """A process: id, name, virtual address of its EPROCESS, physical address of its page-table root."""

    pid: int
    name: str
    address: int
    directory_table_base: int
    threads: tuple[ThreadTruth, ...]


@dataclass(frozen=True, slots=True)
class ProcessorTruth:
    """A processor: virtual addresses of its KPCR and KPRCB, its CONTEXT, the current ETHREAD."""

    kpcr: int
    prcb: int
    context: bytes
    current_thread: int


@dataclass(frozen=True, slots=True)
class MachineTruth:
    """Everything a reader should find. Addresses are virtual unless named otherwise."""

    description: MachineDescription
    directory_table_base: int
    """Physical address of the page-table root in the header: the crashing processor's process."""
    symbols: Mapping[str, int]
    kdbg: bytes
    """The KDBG block as it reads after decoding."""
    modules: tuple[ModuleTruth, ...]
    processes: tuple[ProcessTruth, ...]
    processors: tuple[ProcessorTruth, ...]
    physical: PhysicalMemory
    spaces: tuple[AddressSpace, ...]
    """The kernel's address space, then the user half of each process."""

    def mappings(self, process: int | None = None) -> dict[int, PageTruth]:
        """Virtual page → mapping: the kernel's, and with `process` (an index) that process's user half too."""
        out = dict(self.spaces[0].mappings)
        if process is not None:
            out.update(self.spaces[1 + process].mappings)
        return out

    def read(self, address: int, size: int, process: int | None = None) -> bytes | None:
        """Bytes at a virtual address; None when one of them is not resident."""
        if address < self.description.architecture.kernel_start:
            return None if process is None else self.spaces[1 + process].read(address, size)
        return self.spaces[0].read(address, size)

    def kernel_frames(self) -> list[int]:
        """Frames a kernel dump keeps, ascending: kernel pages and page tables."""
        return self.physical.used_frames(FrameUse.KERNEL, FrameUse.PAGE_TABLE)

    def used_frames(self) -> list[int]:
        """Frames a kernel-and-user dump keeps, ascending."""
        return self.physical.used_frames(*FrameUse)

    @property
    def crashing_processor(self) -> ProcessorTruth:
        """The processor whose context stands in the header."""
        return self.processors[self.description.crashing_processor]
