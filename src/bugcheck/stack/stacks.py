"""A Machine → the stacks a person asks for: of the processor that stopped, of the fault, of any processor or thread.

Folklore: a kernel dump has two stacks worth reading.  The processor's shows how the stop was handled (nt!KeBugCheckEx
on top, what `kb` prints on opening); the fault's, from the trap frame or context record, is the one that explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bugcheck.addresses import parse_address
from bugcheck.dump.dump import Architecture, RawThread
from bugcheck.errors import UsageError
from bugcheck.images.pe_header import ByteReader
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module
from bugcheck.machine.processors import Processor
from bugcheck.stack.frame import Frame, StackSource, Unwinder
from bugcheck.stack.walk import FRAME_LIMIT, starting_trust, walk
from bugcheck.stack.wow64 import wow64_context

if TYPE_CHECKING:
    from bugcheck.symbols.symbols import Symbols


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
    machine: Machine, context: Context, title: str, *, scan: bool = True, limit: int = FRAME_LIMIT
) -> NamedStack:
    """Walk the stack from any registers of the machine."""
    symbols = machine.symbolizer or NoSymbols()
    source = StackSource(machine.memory, machine.modules, symbols, _stack_range(machine, context), scan)
    stack = walk(context, unwinder_for(context.architecture), source, trust=starting_trust(context), limit=limit)
    return NamedStack(title, context, stack.frames, stack.ending)


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
