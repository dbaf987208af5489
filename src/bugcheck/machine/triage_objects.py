"""Copies a small dump keeps of the current thread, process and KPRCB → memory at the addresses they had.

A small dump stores these three by file offset, without their addresses.  The KPRCB names the thread, the thread names
the process, and KiProcessorBlock, where a data block holds it, names the KPRCB; so the copies can be read like all
memory.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, TriageFacts, VirtualRun
from bugcheck.machine.debugger_data import DebuggerData
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.machine.processors import processor_addresses
from bugcheck.memory.address_space import AddressSpace
from bugcheck.memory.layers import LayeredSpace
from bugcheck.memory.virtual_runs import VirtualRuns

UNKNOWN_PRCB = 0x1000
"""Stand-in address for a KPRCB whose own address the dump does not tell; nothing else lies in that page."""


def place_copies(dump: Dump, memory: AddressSpace, layout: KernelLayout) -> tuple[AddressSpace, dict[int, int]]:
    """Lay the copies over the memory.

    Returns:
        the memory with the copies (what the dump holds as memory comes first), and processor number → KPRCB address,
        the current one first.
    """
    addresses = processor_addresses(dump, memory, layout.debugger_data)
    if dump.triage is None:
        return memory, addresses
    number = _number(dump.file, dump.triage, layout)
    prcb = addresses.get(number, UNKNOWN_PRCB)
    runs = [run for run in _copies(dump, dump.triage, layout, prcb) if run.file_offset and run.size > 0 and run.start]
    copies = VirtualRuns(runs, dump.file, memory.pointer_size)
    return LayeredSpace([memory, copies]), {number: prcb, **addresses}


def _number(view: BinaryView, triage: TriageFacts, layout: KernelLayout) -> int:
    at = layout.offset("KPRCB.Number")
    if not triage.prcb_offset or at is None or triage.prcb_offset + at >= view.size:
        return 0
    number = view.u8(triage.prcb_offset + at)
    count = layout.dump.kernel.processor_count if layout.dump.kernel else 1
    return number if number < count else 0


def _copies(dump: Dump, triage: TriageFacts, layout: KernelLayout, prcb: int) -> list[VirtualRun]:
    data = layout.debugger_data
    thread = _pointer(dump, triage.prcb_offset, layout.offset("KPRCB.CurrentThread"))
    process = _pointer(dump, triage.thread_offset, layout.offset("KTHREAD.ApcState.Process"))
    runs = [
        VirtualRun(prcb, _size(data, "KPRCB"), triage.prcb_offset, "current processor"),
        VirtualRun(process, _size(data, "EPROCESS"), triage.process_offset, "current process"),
    ]
    if thread != process:
        runs.append(VirtualRun(thread, _size(data, "ETHREAD"), triage.thread_offset, "current thread"))
    return runs


def _size(data: DebuggerData | None, structure: str) -> int:
    return (data.size(structure) or 0) if data else 0


def _pointer(dump: Dump, base: int, at: int | None) -> int:
    size = dump.architecture.pointer_size
    if not base or at is None:
        return 0
    return int.from_bytes(dump.file.read_up_to(base + at, size).ljust(size, b"\0"), "little")
