"""The loader's list in a process's PEB → the modules of its user half, which name the user part of kernel stacks.

Source: PEB.Ldr, PEB_LDR_DATA.InLoadOrderModuleList and LDR_DATA_TABLE_ENTRY of public symbols; the entry's first
members are those of the kernel's own KLDR_DATA_TABLE_ENTRY.

Folklore: only the process that was current is read, for its user half is what the dump's memory shows.  A 32-bit
process on 64-bit Windows lists its 64-bit modules here (ntdll, wow64.dll …).
"""

from __future__ import annotations

from bugcheck.dump.dump import Dump
from bugcheck.errors import MemoryFault
from bugcheck.machine.modules import Module, debugger_name, file_name, read_loader_entry, walk_list
from bugcheck.memory.address_space import AddressSpace

MAX_USER_MODULES = 2048


def read_user_modules(peb: int, dump: Dump, memory: AddressSpace) -> list[Module]:
    """List the modules of the process whose PEB lies at that address; empty where the list is not to be had."""
    wide = memory.pointer_size == 8
    loader = memory.try_pointer(peb + (0x18 if wide else 0x0C))
    head = loader + (0x10 if wide else 0x0C) if loader else 0
    if not memory.is_readable(head):
        return []
    found: list[Module] = []
    for entry in walk_list(memory, head, MAX_USER_MODULES, dump):
        try:
            raw = read_loader_entry(memory, entry)
        except MemoryFault:  # one that is paged out hides only itself
            continue
        if raw.base and raw.size and not raw.base >> 47:
            image = raw.image or file_name(raw.path)
            name = debugger_name(image, is_kernel=False)
            found.append(Module(name, image, raw.path, raw.base, raw.size, raw.time_date_stamp, 0))
    return found
