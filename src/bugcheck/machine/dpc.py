"""A processor's KPRCB → the deferred procedure calls that wait in its queue.

Source: KDPC in wdm.h (Type 0x13, threaded 0x1A; DpcListEntry, DeferredRoutine, DeferredContext); KDPC_DATA starts with
the list's head (offset KPRCB.DpcData from KernelLayout).

Folklore: until Windows 7 the list is double and its head a member of it, since Windows 8 it is single and ends in 0.
DeferredRoutine lies at the same offset in both.  A running DPC has left the queue already.
"""

from __future__ import annotations

from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

QUEUE_LIMIT = 256
_TYPES = (0x13, 0x1A)


@dataclass(frozen=True, slots=True)
class QueuedDpc:
    """A DPC in a queue: virtual addresses of the KDPC, its routine and its context."""

    address: int
    routine: int
    context: int


def queued_dpcs(prcb: int, memory: AddressSpace, layout: KernelLayout) -> list[QueuedDpc]:
    """List the DPCs that wait on a processor, as far as the dump has them, at most QUEUE_LIMIT, each once."""
    at = layout.offset("KPRCB.DpcData")
    if at is None:
        return []
    head = prcb + at
    found: dict[int, QueuedDpc] = {}
    entry = memory.try_pointer(head)
    while entry and entry != head and entry not in found and len(found) < QUEUE_LIMIT:
        dpc = _read(entry, memory)
        if dpc is None:
            break
        found[entry] = dpc
        entry = memory.try_pointer(entry)
    return list(found.values())


def _read(entry: int, memory: AddressSpace) -> QueuedDpc | None:
    wide = memory.pointer_size == 8
    address = entry - (8 if wide else 4)
    kind = memory.try_u8(address)
    routine = memory.try_pointer(address + (0x18 if wide else 0xC))
    context = memory.try_pointer(address + (0x20 if wide else 0x10))
    if kind not in _TYPES or routine is None or context is None:
        return None
    return QueuedDpc(address, routine, context)
