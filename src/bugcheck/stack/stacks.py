"""A Machine → the stacks a person asks for: of the processor that stopped, of the fault, of any processor or thread.

Folklore: a kernel dump has two stacks worth reading.  The processor's shows how the stop was handled (nt!KeBugCheckEx
on top, what `kb` prints on opening); the fault's, from the trap frame or context record, is the one that explains.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bugcheck.addresses import parse_address
from bugcheck.dump.dump import Architecture, RawThread
from bugcheck.errors import UsageError
from bugcheck.images.pe_header import ByteReader
from bugcheck.machine.context import Context
from bugcheck.machine.machine import MAX_KERNEL_STACK, Machine
from bugcheck.machine.modules import Module
from bugcheck.machine.objects import Thread, read_process, read_thread
from bugcheck.machine.processors import Processor
from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame, StackSource, Unwinder
from bugcheck.stack.frame_sizes import STACK_LIMIT, FrameSizes
from bugcheck.stack.walk import FRAME_LIMIT, starting_trust, walk
from bugcheck.stack.wow64 import wow64_context

if TYPE_CHECKING:
    from bugcheck.symbols.symbols import Symbols


EVERY_THREAD = "all"
THREAD_LIMIT = 20_000
"""Threads of a kernel dump whose stacks are shown at once."""


@dataclass(frozen=True, slots=True)
class NamedStack:
    """A walked stack.

    Attributes:
        title: whose it is ("processor 0", "thread 4660", "fault"). context: the registers it starts from.
        frames: innermost first. ending: why there are no more.
    """

    title: str
    context: Context
    frames: tuple[Frame, ...]
    ending: str


class NoSymbols:
    """Stands in where no symbols were asked for."""

    def symbols_of(self, module: Module) -> Symbols | None:  # noqa: ARG002
        """Never any."""
        return None

    def image_of(self, module: Module) -> ByteReader | None:  # noqa: ARG002
        """Never any."""
        return None


def unwinder_for(architecture: Architecture) -> Unwinder:
    """Make the unwinder of an architecture; imported when it is needed."""
    if architecture.is_x86:
        from bugcheck.stack.x86 import X86Unwinder

        return X86Unwinder()
    if architecture is Architecture.X64:
        from bugcheck.stack.x64 import X64Unwinder

        return X64Unwinder()
    if architecture is Architecture.ARM64:
        from bugcheck.stack.arm64 import Arm64Unwinder

        return Arm64Unwinder()
    from bugcheck.stack.arm32 import Arm32Unwinder

    return Arm32Unwinder()


def stack_from(
    machine: Machine,
    context: Context,
    title: str,
    *,
    scan: bool = True,
    limit: int = FRAME_LIMIT,
    thread: Thread | None = None,
) -> NamedStack:
    """Walk the stack from any registers of the machine; `thread` is whose, when it is not the current one's."""
    symbols = machine.symbolizer or NoSymbols()
    memory, modules, limits = machine.memory, machine.modules_with_user, _stack_range(machine, context)
    if thread is not None:
        memory = machine.memory_of(thread)
        modules = modules if memory is machine.memory else machine.modules
        low, high = thread.stack_limit or 0, thread.stack_base or 0
        limits = (low, high) if low <= (context.stack_pointer or 0) < high <= low + MAX_KERNEL_STACK else limits
    full_names = machine.symbolizer is not None and machine.symbolizer.full_names
    source = StackSource(memory, modules, symbols, limits, scan, full_names, _frame_sizes(machine), machine.executable)
    stack = walk(context, unwinder_for(context.architecture), source, trust=starting_trust(context), limit=limit)
    return NamedStack(title, context, stack.frames, stack.ending)


_SIZES: WeakKeyDictionary[Machine, FrameSizes] = WeakKeyDictionary()
"""What the stacks of a machine tell, kept as long as the machine."""


def _frame_sizes(machine: Machine) -> FrameSizes | None:
    """What the stacks of an x64 program's threads agree on; None for other dumps."""
    if machine.dump.is_kernel or machine.architecture is not Architecture.X64:
        return None
    if machine not in _SIZES:
        stacks: list[tuple[int, int]] = []
        for thread in machine.dump.threads[:STACK_LIMIT]:
            context, end = machine.thread_context(thread), thread.stack_start + thread.stack_size
            sp = context.stack_pointer if context is not None else None
            if sp is not None and thread.stack_start <= sp < end:
                stacks.append((sp, end))
        _SIZES[machine] = FrameSizes(machine.memory, machine.modules, stacks)
    return _SIZES[machine]


def _log_stack(machine: Machine, *, fault: bool) -> NamedStack | None:
    """The stack a debugger's log shows, where the dump is one."""
    from bugcheck.stack.log_stack import ENDING, FAULT, STOPPED, log_frames

    shown = log_frames(machine, machine.dump.log, fault=fault) if machine.dump.log else None
    return NamedStack(FAULT if fault else STOPPED, *shown, ENDING) if shown else None


def stopped_stack(machine: Machine, *, scan: bool = True) -> NamedStack | None:
    """The stack a debugger shows on opening: of the processor that stopped, or of the thread of the exception."""
    if machine.dump.log is not None:
        return _log_stack(machine, fault=False)
    context = machine.processor_context
    return stack_from(machine, context, context.source, scan=scan) if context else None


def fault_stack(machine: Machine, *, scan: bool = True) -> NamedStack | None:
    """The stack from the registers at the fault; None where they are those of the stopped processor itself."""
    if machine.dump.log is not None:
        return _log_stack(machine, fault=True)
    context = machine.fault_context
    if context is None or context is machine.processor_context:
        return None
    return stack_from(machine, context, "fault", scan=scan)


def processor_stacks(machine: Machine, *, scan: bool = True) -> list[NamedStack]:
    """The stack of every processor whose registers the dump holds, by number."""

    def number(processor: Processor) -> int:
        return processor.number

    return [
        stack_from(machine, processor.context, f"processor {processor.number}", scan=scan)
        for processor in sorted(machine.processors, key=number)
        if processor.context is not None
    ]


def thread_stacks(machine: Machine, thread: RawThread, *, scan: bool = True) -> list[NamedStack]:
    """The stacks of a user dump's thread: its own and, in a 64-bit dump of a 32-bit process, the 32-bit one.

    The exception's registers are used where it happened on that thread.
    """
    context = machine.thread_context(thread)
    if machine.exception is not None and machine.exception.thread_id == thread.id and machine.fault_context:
        context = machine.fault_context
    if context is None:
        return []
    stacks = [stack_from(machine, context, f"thread {thread.id}", scan=scan)]
    narrow = wow64_context(context, thread.teb, machine.memory) if _is_wow64(machine) else None
    if narrow is not None:
        stacks.append(stack_from(machine, narrow, f"thread {thread.id}, 32-bit", scan=scan))
    return stacks


def kernel_thread_stack(machine: Machine, thread: Thread, *, scan: bool = True) -> NamedStack:
    """The stack of any thread of a kernel dump. Raises UsageError when its registers are not to be had."""
    process = read_process(thread.process, machine.memory, machine.layout) if thread.process else None
    title = f"thread {thread.id} at {thread.address:#x}" if thread.id is not None else f"thread {thread.address:#x}"
    title += f" of {process.name} ({process.id})" if process else ""
    title += f", {thread.state_name}" if thread.state_name else ""
    context = machine.registers_of(thread)
    if context is None:
        raise UsageError(f"{title}: the dump does not hold what it was switched away with")
    return stack_from(machine, context, title, scan=scan, thread=thread)


def threads_named(machine: Machine, name: str, *, scan: bool = True) -> list[NamedStack]:
    """The stacks of a thread given by its id or (kernel dumps) its ETHREAD's address, or of `all` threads.

    With `all`, threads whose stacks are not in the dump are left out.

    Raises:
        UsageError: there is no such thread, or its registers are not to be had.
    """
    if name == EVERY_THREAD:
        return _every_thread(machine, scan)
    number = _thread_number(name)
    if machine.dump.is_kernel:
        found = [kernel_thread_stack(machine, thread, scan=scan) for thread in machine.find_threads(number)]
    else:
        threads = (thread for thread in machine.dump.threads if thread.id == number)
        found = [stack for thread in threads for stack in thread_stacks(machine, thread, scan=scan)]
    if not found:
        raise UsageError(f"no thread {name} in this dump")
    return found


def _every_thread(machine: Machine, scan: bool) -> list[NamedStack]:
    if not machine.dump.is_kernel:
        return [stack for each in machine.dump.threads for stack in thread_stacks(machine, each, scan=scan)]
    running = (each.current_thread for each in machine.processors if each.current_thread)
    ran = (read_thread(each, machine.memory, machine.layout) for each in running)
    listed = (thread for process in machine.processes for thread in machine.threads_of(process))
    threads = {thread.address: thread for thread in (*ran, *islice(listed, THREAD_LIMIT)) if thread is not None}
    return [
        kernel_thread_stack(machine, thread, scan=scan) for thread in threads.values() if machine.registers_of(thread)
    ]


def _thread_number(text: str) -> int:
    """Read a thread's id, decimal as reports write it or 0x…, or an ETHREAD's address. Raises UsageError."""
    if text.isascii() and text.isdigit() and len(text) < 8:
        return int(text)
    return parse_address(text)


def _is_wow64(machine: Machine) -> bool:
    return machine.architecture is Architecture.X64 and machine.modules.named("wow64") is not None


def stack_at(machine: Machine, *, trap_frame: str | None, context_record: str | None, scan: bool = True) -> NamedStack:
    """Walk from a trap frame or a context record at an address, as `.trap` and `.cxr` do. Raises UsageError."""
    address = parse_address(trap_frame or context_record or "")
    kind = "trap frame" if trap_frame else "context record"
    context = machine.trap_frame(address) if trap_frame else machine.context_record(address, f"{kind} {address:#x}")
    if context is None:
        raise UsageError(f"no {kind} can be read at {address:#x}")
    return stack_from(machine, context, context.source, scan=scan)


def _stack_range(machine: Machine, context: Context) -> tuple[int, int] | None:
    pointer = context.stack_pointer
    return machine.stack_at(pointer) if pointer is not None else None
