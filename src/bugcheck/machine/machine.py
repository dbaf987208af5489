"""Dump and memory → the stopped Machine: modules, processors, process, thread, system, bug check.

Everything is read when it is asked for and kept; nothing here judges.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture, Dump, RawContext, RawThread
from bugcheck.dump.kernel_header import CONTEXT_SIZES
from bugcheck.knowledge.kernels import KernelFacts
from bugcheck.machine.bugcheck import BugCheck, ValueNames, explain
from bugcheck.machine.context import TRAP_FRAME_SIZES, Context, decode_context, decode_trap_frame
from bugcheck.machine.debugger_data import DebuggerData, read_debugger_data
from bugcheck.machine.exception import ExceptionRecord, read_exception_record
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.machine.modules import Module, ModuleList, UnloadedModule, read_modules, read_unloaded_modules
from bugcheck.machine.objects import Process, Thread, read_process, read_processes, read_thread, read_threads
from bugcheck.machine.processors import Processor, read_processor
from bugcheck.machine.shared_user_data import read_shared_user_data
from bugcheck.machine.switch_frame import switched_out_context
from bugcheck.machine.system import (
    SystemFacts,
    kernel_facts,
    kernel_system,
    read_build_lab,
    read_service_pack,
    user_system,
)
from bugcheck.machine.triage_objects import place_copies
from bugcheck.memory.address_space import AddressSpace
from bugcheck.memory.open import open_memory, open_physical, open_process

if TYPE_CHECKING:
    from bugcheck.images.identity import PdbId
    from bugcheck.machine.executable_memory import ExecutableMemory
    from bugcheck.machine.io_layout import IoLayout
    from bugcheck.machine.module_details import ModuleDetails
    from bugcheck.machine.pool_header import PoolLayout
    from bugcheck.machine.symbolizer import Symbolizer
    from bugcheck.machine.typed_object import TypedObject
    from bugcheck.symbols.locate import SymbolLocator
    from bugcheck.symbols.types import TypeTable

BREAKPOINT = 0x8000_0003
MAX_KERNEL_STACK = 0x18000
"""Bytes of the largest kernel stack Windows makes (a large one on ARM64, with room to spare)."""


class Machine:
    """The stopped computer (kernel dumps) or process (user dumps), read lazily from a dump.

    Attributes:
        dump: where everything comes from.
        locator: where symbols are looked for; None leaves addresses as module+offset.
        memory: virtual memory as the kernel (or the process) saw it.
    """

    def __init__(self, dump: Dump, locator: SymbolLocator | None = None) -> None:
        self.dump = dump
        self._locator = locator
        base = open_memory(dump)
        self.debugger_data: DebuggerData | None = read_debugger_data(dump, base)
        self.layout = KernelLayout(dump, self.debugger_data)
        self.memory: AddressSpace
        self.memory, self._prcbs = place_copies(dump, base, self.layout)
        self.layout.types = self._kernel_types

    @property
    def architecture(self) -> Architecture:
        """The machine's (or process's) architecture."""
        return self.dump.architecture

    @cached_property
    def modules(self) -> ModuleList:
        """Loaded modules, in load order."""
        return read_modules(self.dump, self.memory, self.debugger_data)

    @cached_property
    def unloaded_modules(self) -> tuple[UnloadedModule, ...]:
        """Modules that were unloaded."""
        return read_unloaded_modules(self.dump, self.memory, self.debugger_data)

    @cached_property
    def symbolizer(self) -> Symbolizer | None:
        """Symbols per module; None when no symbol path was given."""
        if self._locator is None:
            return None
        from bugcheck.machine.symbolizer import Symbolizer

        def pdb_of(module: Module) -> PdbId | None:
            return self.details_of(module).pdb

        return Symbolizer(self.modules, self.memory, self._locator, self.debugger_data, pdb_of)

    def details_of(self, module: Module) -> ModuleDetails:
        """What the dump's own pages of a module say: symbol identity, version, maker."""
        from bugcheck.machine.module_details import read_module_details
        from bugcheck.records import replace

        details = read_module_details(module, self.memory)
        if details.pdb is None and module.base in self._loose_pdbs:
            return replace(details, pdb=self._loose_pdbs[module.base])
        return details

    @cached_property
    def _loose_pdbs(self) -> dict[int, PdbId]:
        from bugcheck.machine.loose_pdb import loose_pdbs

        return loose_pdbs(self.dump, self.modules)

    def describe(self, address: int, *, is_return_address: bool = False) -> str | None:
        """Write an address as `module!symbol+0x10` or `module+0x10`; None outside all modules."""
        if self.dump.log is not None and address in self.dump.log.names:
            return self.dump.log.names[address]
        if self.symbolizer is not None:
            return self.symbolizer.describe(address, is_return_address=is_return_address)
        return self.modules.resolve(address)

    def object(self, type_name: str, address: int) -> TypedObject:
        """Take the bytes at a virtual address as a structure of the symbols: `machine.object("nt!_EPROCESS", address)`.

        Raises:
            MissingType: the module is not loaded, has no symbols with types, or none of this name.
        """
        from bugcheck.machine.member_path import MissingType, split_type_name
        from bugcheck.machine.typed_object import object_at

        module = self.modules.named(split_type_name(type_name)[0] or "nt")
        types = self.types_of(module) if module else None
        if types is None:
            raise MissingType(type_name)
        return object_at(type_name, address, self.memory, types)

    def types_of(self, module: Module) -> TypeTable | None:
        """Structure layouts of a module, or None when its symbols have none."""
        symbols = self.symbolizer.symbols_of(module) if self.symbolizer else None
        return symbols.types if symbols else None

    def _kernel_types(self) -> TypeTable | None:
        kernel = self.modules.named("nt") if self._locator is not None else None
        return self.types_of(kernel) if kernel else None

    @cached_property
    def io_layout(self) -> IoLayout:
        """Layouts of IRP, DEVICE_OBJECT, DRIVER_OBJECT: the kernel's own types first, then the shipped table."""
        from bugcheck.machine.io_layout import IoLayout

        kernel = self.modules.named("nt")
        return IoLayout(self.memory.pointer_size, self.types_of(kernel) if kernel else None)

    @cached_property
    def pool_layout(self) -> PoolLayout:
        """Layout of POOL_HEADER: by the kernel's own types where there are any, else as it always was."""
        from bugcheck.machine.pool_header import pool_layout

        return pool_layout(self._kernel_types(), self.memory.pointer_size)

    @cached_property
    def kernel(self) -> KernelFacts | None:
        """The kernel image, when it is one of the released ones bugcheck knows."""
        return kernel_facts(self.modules) if self.dump.is_kernel else None

    @cached_property
    def processors(self) -> tuple[Processor, ...]:
        """The processors whose KPRCB the dump holds, the one that stopped the system first where that is known."""
        if self.kernel is not None:
            self.layout.revision = self.kernel.revision
        found = (read_processor(number, prcb, self.memory, self.layout) for number, prcb in self._prcbs.items())
        return _crashing_first([processor for processor in found if processor], self.header_context)

    @cached_property
    def header_context(self) -> Context | None:
        """The CONTEXT in the header (kernel) or of the exception (user)."""
        return decode_context(self.dump.context, self.architecture) if self.dump.context else None

    @cached_property
    def processor_context(self) -> Context | None:
        """Registers of the processor (or thread) that stopped, as a debugger shows them on opening.

        A processor's own saved context comes before the header's copy, which full dumps leave stale.
        """
        own = self.processors[0].context if self.processors else None
        return own or self.header_context

    @cached_property
    def thread(self) -> Thread | None:
        """The thread that was running on the processor that stopped (kernel dumps)."""
        address = self.processors[0].current_thread if self.processors else None
        return read_thread(address, self.memory, self.layout) if address else None

    @cached_property
    def process(self) -> Process | None:
        """The process that thread ran in (kernel dumps)."""
        if self.dump.log is not None:
            from bugcheck.machine.log_system import log_process

            return log_process(self.dump.log) if self.dump.is_kernel else None
        address = self.thread.process if self.thread else None
        return read_process(address, self.memory, self.layout) if address else None

    @cached_property
    def processes(self) -> list[Process]:
        """All processes, where the dump holds their list."""
        return read_processes(self.dump, self.memory, self.layout)

    def threads_of(self, process: Process) -> list[Thread]:
        """The threads of a process, where the dump holds their list (kernel dumps)."""
        return read_threads(process.address, self.dump, self.memory, self.layout)

    def find_threads(self, address_or_id: int) -> list[Thread]:
        """The threads with an ETHREAD's address or a thread's id; several processors may run threads of id 0.

        The threads that processors ran come first; the others are looked for in the processes' lists.
        """
        running = dict.fromkeys(processor.current_thread for processor in self.processors if processor.current_thread)
        ran = [thread for each in running if (thread := read_thread(each, self.memory, self.layout))]
        if address_or_id >> 31:
            known = [thread for thread in ran if thread.address == address_or_id]
            found = None if known else read_thread(address_or_id, self.memory, self.layout)
            return known or ([found] if found is not None else [])
        listed = (thread for process in self.processes for thread in self.threads_of(process))
        every = {thread.address: thread for thread in (*ran, *listed) if thread.id == address_or_id}
        return list(every.values())

    def memory_of(self, thread: Thread) -> AddressSpace:
        """Virtual memory as a thread saw it: with its own process's user half, where the dump has physical memory."""
        mine = self.process.address if self.process else None
        if thread.process in (None, mine) or self.dump.physical is None or self.dump.kernel is None:
            return self.memory
        process = read_process(thread.process, self.memory, self.layout)
        root = process.directory_table_base if process else None
        physical = open_physical(self.dump) if root and self.architecture is not Architecture.ARM32 else None
        return open_process(self.dump, physical, root) if root and physical else self.memory

    @cached_property
    def modules_with_user(self) -> ModuleList:
        """The loaded modules, with those of the current process's user half where a kernel dump holds it."""
        at = self.layout.offset("EPROCESS.Peb") if self.dump.physical is not None and self.process else None
        peb = self.memory.try_pointer(self.process.address + at) if at and self.process else None
        if not peb:
            return self.modules
        from bugcheck.machine.user_modules import read_user_modules

        return ModuleList((*self.modules, *read_user_modules(peb, self.dump, self.memory)))

    @cached_property
    def executable(self) -> ExecutableMemory | None:
        """Where code can run in a process, as its dump maps it; None where it does not."""
        from bugcheck.machine.executable_memory import executable_memory

        return executable_memory(self.dump) if self.dump.user is not None else None

    def registers_of(self, thread: Thread) -> Context | None:
        """Registers of a kernel dump's thread: its processor's while it ran, else those it was switched away with."""
        for processor in self.processors:
            if processor.current_thread == thread.address and processor.context is not None:
                return processor.context
        return switched_out_context(thread, self.architecture, self.memory, self.modules)

    @cached_property
    def irql(self) -> int | None:
        """IRQL of the processor that stopped, before it was raised for the dump."""
        if self.dump.log is not None:
            return self.dump.log.irql
        return self.processors[0].irql if self.processors else None

    @cached_property
    def system(self) -> SystemFacts | None:
        """Which Windows this is, on what, and when it stopped."""
        if self.dump.log is not None:
            from bugcheck.machine.log_system import log_system

            return log_system(self.dump, self.dump.log, read_shared_user_data(self.memory, self.architecture))
        if self.dump.kernel is None:
            return user_system(self.dump) if self.dump.user else None
        from bugcheck.machine.secondary_data import processor_name

        return kernel_system(
            self.dump,
            read_build_lab(self.memory, self.debugger_data),
            read_service_pack(self.dump, self.memory, self.debugger_data),
            self.kernel,
            self.processors,
            read_shared_user_data(self.memory, self.architecture),
            processor_name(self.dump),
        )

    @cached_property
    def names(self) -> ValueNames:
        """What puts addresses into words."""
        objects: dict[int, str] = {}
        if self.process is not None and self.process.address:
            objects[self.process.address] = f"the current process, {self.process.name or self.process.id}"
        if self.thread is not None:
            objects[self.thread.address] = "the current thread"
        return ValueNames(self.architecture, self.modules, self.unloaded_modules, objects)

    @cached_property
    def bugcheck(self) -> BugCheck | None:
        """The bug check, explained; None for user dumps, and for a debugger's log that does not tell it."""
        if self.dump.kernel is None or (self.dump.log is not None and not self.dump.log.is_code_known):
            return None
        return explain(self.dump.kernel.bugcheck_code, self.dump.kernel.bugcheck_parameters, self.names)

    @cached_property
    def exception(self) -> ExceptionRecord | None:
        """The exception behind the stop: from a parameter that points at its record, else the dump's own.

        The breakpoint that kernel headers hold for plain bug checks is the debugger's convention and no exception.
        """
        parameter = self.bugcheck.parameter("exception_record") if self.bugcheck else None
        if parameter is not None:
            found = read_exception_record(parameter.value, self.memory)
            if found is not None:
                return found
        raw = self.dump.exception
        if raw is None or (self.dump.is_kernel and raw.code == BREAKPOINT):
            return self._parameter_exception()
        return ExceptionRecord.from_raw(raw, "dump header" if self.dump.is_kernel else "exception stream")

    def _parameter_exception(self) -> ExceptionRecord | None:
        """The exception as far as the parameters tell it: its code and the instruction that raised it."""
        code = self.bugcheck.parameter("exception_code") if self.bugcheck else None
        place = self.bugcheck.parameter("instruction") if self.bugcheck else None
        if code is None or place is None or not place.value:
            return None
        return ExceptionRecord(code.value & 0xFFFF_FFFF, 0, place.value, (), "bug check parameters")

    @cached_property
    def fault_context(self) -> Context | None:
        """Registers at the fault: of the trap frame or context record a parameter points at, else the processor's."""
        if self.dump.log is not None:
            from bugcheck.machine.log_system import log_context

            return log_context(self.dump, self.dump.log)
        return self._parameter_context() or self._exception_context() or self.processor_context

    def _parameter_context(self) -> Context | None:
        if self.bugcheck is None:
            return None
        for index, parameter in enumerate(self.bugcheck.parameters, 1):
            value = parameter.value & (MASK64 if self.architecture.bits == 64 else 0xFFFF_FFFF)
            context = None
            if parameter.role == "trap_frame":
                context = self.trap_frame(value)
            elif parameter.role == "context_record":
                context = self.context_record(value, f"context record parameter {index}")
            if context is not None:
                return context
        return None

    def _exception_context(self) -> Context | None:
        """A small dump of a `_M` bug check holds the exception's registers in its header."""
        header, exception = self.header_context, self.exception
        if header is not None and exception is not None and header.instruction_pointer == exception.address:
            return header
        return None

    def trap_frame(self, address: int) -> Context | None:
        """Read a KTRAP_FRAME at a virtual address; None when it is not in the dump or makes no sense."""
        size = TRAP_FRAME_SIZES.get(self.architecture)
        data = self.memory.try_read(address, size) if size and address else None
        return decode_trap_frame(data, address, self.architecture) if data else None

    def context_record(self, address: int, source: str) -> Context | None:
        """Read a CONTEXT at a virtual address; None when it is not in the dump or makes no sense."""
        data = self.memory.try_read(address, CONTEXT_SIZES[self.architecture]) if address else None
        return decode_context(RawContext(source, data), self.architecture) if data else None

    def stack_at(self, address: int) -> tuple[int, int] | None:
        """Lowest and first-beyond-highest address of the known stack that holds an address; None when none does."""
        index = bisect_right(self._stacks, (address, MASK64)) - 1
        if index < 0 or address >= self._stacks[index][1]:
            return None
        return self._stacks[index]

    @cached_property
    def _stacks(self) -> list[tuple[int, int]]:
        ranges = [(each.stack_start, each.stack_start + each.stack_size) for each in self.dump.threads]
        thread = self.thread
        low, high = (thread.stack_limit or 0, thread.stack_base or 0) if thread else (0, 0)
        if 0 < high - low <= MAX_KERNEL_STACK:
            ranges.append((low, high))
        return sorted(ranges)

    def thread_context(self, thread: RawThread) -> Context | None:
        """Registers of a user dump's thread."""
        return decode_context(thread.context, self.architecture)

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """Every set of registers the dump tells, the one at the fault first, none twice."""
        found: dict[str, Context] = {}
        candidates = [self.fault_context, self.header_context, *(p.context for p in self.processors)]
        for context in candidates:
            if context is not None:
                found.setdefault(context.source, context)
        return tuple(found.values())


def _crashing_first(processors: list[Processor], header: Context | None) -> tuple[Processor, ...]:
    """Move the processor to the front whose stack the header's context is on.

    The header's context is written by the processor that stopped the system; where registers agree exactly it is that
    one, otherwise the one whose stack pointer lies nearest, within a kernel stack.
    """
    stack = header.stack_pointer if header else None
    if stack is None:
        return tuple(processors)

    def distance(processor: Processor) -> int:
        pointer = processor.context.stack_pointer if processor.context else None
        return abs(pointer - stack) if pointer is not None else 1 << 65

    nearest = min(processors, key=distance, default=None)
    if nearest is None or distance(nearest) > 0x6000:
        return tuple(processors)
    return (nearest, *(processor for processor in processors if processor is not nearest))
