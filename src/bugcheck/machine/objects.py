"""EPROCESS and ETHREAD bytes → Process and Thread: identities of what ran.

Source: offsets from KernelLayout; the chain KPRCB.CurrentThread → KTHREAD.ApcState.Process → EPROCESS is the kernel's
own.

Folklore: ImageFileName holds 15 characters, so long names arrive cut.  The thread's process may differ from the one
whose address space is loaded (an attached thread).  A process is where the crash happened, hardly ever why.
"""

from __future__ import annotations

from bugcheck.binary import decode_ascii
from bugcheck.dump.dump import Dump
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.machine.modules import walk_list
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

MAX_PROCESSES = 65536
MAX_THREADS = 65536
"""Threads of one process that are listed."""
IMAGE_NAME_SIZE = 15
THREAD_STATES = (
    "initialized",
    "ready",
    "running",
    "standby",
    "terminated",
    "waiting",
    "in transition",
    "deferred ready",
    "waiting at a gate",
    "waiting for its process to be swapped in",
)
"""KTHREAD_STATE (Microsoft's `ntdef`/`wdm` enumeration as public symbols have it)."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a kernel dump; members the dump does not tell are None or "".

    Attributes:
        address: of the EPROCESS. id: process id. parent_id: of the process that made it.
        directory_table_base: physical address of its page tables.
        create_time: FILETIME.
    """

    address: int
    name: str
    id: int | None
    parent_id: int | None = None
    directory_table_base: int | None = None
    create_time: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a kernel dump.

    Attributes:
        address: of the ETHREAD. id, process_id: client id.
        process: address of the EPROCESS it runs in, or None.
        stack_base, stack_limit: kernel stack, highest and lowest address; initial_stack: where it began.
        trap_frame: address KTHREAD.TrapFrame holds, 0 or None when there is none.
        kernel_stack: where its stack pointer was when it was last switched away from. state: KTHREAD.State.
    """

    address: int
    id: int | None
    process_id: int | None
    process: int | None = None
    stack_base: int | None = None
    stack_limit: int | None = None
    initial_stack: int | None = None
    trap_frame: int | None = None
    kernel_stack: int | None = None
    state: int | None = None

    @property
    def state_name(self) -> str:
        """Its state in words, "" when that is not known."""
        return THREAD_STATES[self.state] if self.state is not None and self.state < len(THREAD_STATES) else ""


def read_process(address: int, memory: AddressSpace, layout: KernelLayout) -> Process | None:
    """Read an EPROCESS; None when neither its name nor its id can be read."""

    def pointer(member: str) -> int | None:
        at = layout.offset(member)
        return None if at is None else memory.try_pointer(address + at)

    name_at = layout.offset("EPROCESS.ImageFileName")
    raw = memory.try_read(address + name_at, IMAGE_NAME_SIZE) if name_at else None
    name = decode_ascii(raw) if raw else ""
    identifier = pointer("EPROCESS.UniqueProcessId")
    if not name.isprintable() or (not name and identifier is None):
        return None
    time_at = layout.offset("EPROCESS.CreateTime")
    return Process(
        address=address,
        name=name,
        id=_client_id(identifier),
        parent_id=_client_id(pointer("EPROCESS.InheritedFromUniqueProcessId")),
        directory_table_base=pointer("EPROCESS.DirectoryTableBase"),
        create_time=memory.try_u64(address + time_at) if time_at else None,
    )


def read_thread(address: int, memory: AddressSpace, layout: KernelLayout) -> Thread | None:
    """Read an ETHREAD; None when nothing of it is in the dump."""

    def pointer(member: str) -> int | None:
        at = layout.offset(member)
        return None if at is None else memory.try_pointer(address + at)

    if not memory.is_readable(address):
        return None
    state_at = layout.offset("KTHREAD.State")
    return Thread(
        address=address,
        id=_client_id(pointer("ETHREAD.Cid.UniqueThread")),
        process_id=_client_id(pointer("ETHREAD.Cid.UniqueProcess")),
        process=pointer("KTHREAD.ApcState.Process") or None,
        stack_base=pointer("KTHREAD.StackBase"),
        stack_limit=pointer("KTHREAD.StackLimit"),
        initial_stack=pointer("KTHREAD.InitialStack"),
        trap_frame=pointer("KTHREAD.TrapFrame"),
        kernel_stack=pointer("KTHREAD.KernelStack"),
        state=memory.try_u8(address + state_at) if state_at else None,
    )


def read_processes(dump: Dump, memory: AddressSpace, layout: KernelLayout) -> list[Process]:
    """Walk PsActiveProcessHead; empty for dumps without kernel memory."""
    links = layout.offset("EPROCESS.ActiveProcessLinks")
    head = layout.debugger_data["active_process_head"] if layout.debugger_data else None
    head = head or (dump.kernel.active_process_head if dump.kernel else 0)
    if links is None or not memory.is_readable(head):
        return []
    entries = walk_list(memory, head, MAX_PROCESSES, dump)
    processes = (read_process(entry - links, memory, layout) for entry in entries)
    return [process for process in processes if process is not None]


def read_threads(process: int, dump: Dump, memory: AddressSpace, layout: KernelLayout) -> list[Thread]:
    """Walk EPROCESS.ThreadListHead of the process at that address; empty where the list is not to be had."""
    head, links = layout.offset("EPROCESS.ThreadListHead"), layout.offset("ETHREAD.ThreadListEntry")
    if head is None or links is None or not memory.is_readable(process + head):
        return []
    entries = walk_list(memory, process + head, MAX_THREADS, dump)
    threads = (read_thread(entry - links, memory, layout) for entry in entries)
    return [thread for thread in threads if thread is not None]


def _client_id(value: int | None) -> int | None:
    """Process and thread ids are small multiples of four; anything else is not one."""
    return value if value is not None and value < 1 << 31 else None
