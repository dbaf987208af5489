"""A Dump → its memory: virtual through page tables where the dump has pages, else the runs it lists.

Source: the dump's own description (`Dump.physical`, `Dump.virtual`, the header's directory table base).

Folklore: the header's DirectoryTableBase belongs to the process that was current at the crash; user addresses are
therefore that process's.  The page tables of 32-bit ARM are not known here: such a full dump opens with the runs it
lists, if any, and a Gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.dump.dump import Architecture, Dump
from bugcheck.errors import UsageError
from bugcheck.gaps import Gap
from bugcheck.memory.address_space import AddressSpace
from bugcheck.memory.layers import LayeredSpace
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.memory.virtual_runs import VirtualRuns

if TYPE_CHECKING:
    from bugcheck.memory.translated import TranslatedSpace


def open_physical(dump: Dump) -> PhysicalMemory | None:
    """Open a dump's physical memory, or None when it has none."""
    return None if dump.physical is None else PhysicalMemory(dump)


def open_memory(dump: Dump) -> AddressSpace:
    """Open a dump's virtual memory: the kernel's and current process's, or the user process's.

    A dump that keeps both pages and runs (a full dump with appended blocks) is read through its pages first.
    A full dump whose page tables cannot be followed leaves a Gap in `dump.gaps`.
    """
    file = dump.file if dump.log is None else dump.log.memory
    runs = VirtualRuns(dump.virtual, file, dump.architecture.pointer_size)
    physical = open_physical(dump)
    if physical is None or dump.kernel is None:
        return runs
    if dump.architecture is Architecture.ARM32:
        dump.gaps.append(Gap("virtual memory", "knowledge of the page tables of 32-bit ARM"))
        return runs
    translated = open_process(dump, physical, dump.kernel.directory_table_base)
    return LayeredSpace([translated, runs]) if dump.virtual else translated


def open_process(dump: Dump, physical: PhysicalMemory, directory_table_base: int) -> TranslatedSpace:
    """Open the virtual memory of one process of a kernel dump.

    Raises:
        UsageError: the dump is no kernel dump, or its architecture's page tables are not known.
    """
    from bugcheck.memory.translated import TranslatedSpace, detect_levels  # 5 ms that small dumps need not spend

    if dump.kernel is None:
        raise UsageError(f"{dump.file.name} is not a kernel dump")
    header = dump.kernel
    levels = 4
    if dump.architecture is Architecture.X64:
        landmarks = (header.loaded_module_list, header.active_process_head, header.debugger_data_block)
        levels = detect_levels(physical, directory_table_base, landmarks)
    return TranslatedSpace(physical, dump.architecture, directory_table_base, levels, build=header.build)
