"""x64 registers → the caller's: unwinding by .pdata, through epilogues, machine frames and trap frames.

Source: "x64 exception handling", section "Unwind procedure" (Microsoft C++ documentation); KTRAP_FRAME of public
symbols.

Folklore:
    A return address may lie behind its function's last byte (a call that does not return); it is looked up by the byte
    before it, while a faulting address and one taken from a trap frame are looked up as they are.
    Functions that a trap enters (KiPageFault, KiSystemServiceCopyEnd …) begin with a machine frame in their unwind
    information: their caller is the interrupted code, user code included.
    Many dumps stop at the first instruction of KeBugCheckEx: nothing was pushed yet, so its caller is on top of the
    stack even where no unwind information is to be had.
"""

from __future__ import annotations

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault
from bugcheck.machine.context import Context
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.exactness import is_exact
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.scan import scan_step
from bugcheck.stack.shadow_stack import follow_shadow_stack
from bugcheck.stack.thread_start import thread_start_step
from bugcheck.stack.unwind_info_x64 import (
    REGISTERS,
    Operation,
    RuntimeFunction,
    UnwindCode,
    UnwindInfo,
    find_function,
    read_unwind_info,
)
from bugcheck.stack.x64_epilogue import LONGEST_EPILOGUE, Epilogue, Exit, decode_epilogue
from bugcheck.stack.x64_likely import LikelyChains
from bugcheck.stack.x64_trap import MACHINE_FRAME_SIZE, NONVOLATILE, step_over_trap, trap_frame_around

CHAIN_LIMIT = 32
"""Chained UNWIND_INFO structures that are followed."""
RSP = 4
BREAKPOINT = b"\xcc"
LOWEST_CODE = 0x1_0000
"""Windows maps nothing below; a number there is no return address, whatever the instruction says."""
FOLLOW_LIMIT = 128
"""Frames in a row that are left by following their code (up to 6 ms each)."""
ARGUMENTS = 4
"""Words of home area that `kb` prints on x64."""
FIRST_INSTRUCTIONS = (b"\x48\x89\x4c\x24\x08", b"\x48\x8b\xc4", b"\x4c\x8b\xdc")
"""mov [rsp+8],rcx; mov rax,rsp; mov r11,rsp: they address the home area or copy the stack pointer of the entry."""


class X64Unwinder:
    """Finds callers on x64. Keeps what it learned of modules for the source it was last asked about."""

    def __init__(self) -> None:
        self._images = ModuleImages()
        self._chains = LikelyChains()
        self._followed = 0

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        """Find the caller of the frame with these registers; None at the end of the stack."""
        ip, sp = context.instruction_pointer, context.stack_pointer
        if ip is None or sp is None:
            return None
        exact = is_exact(trust)
        self._followed = 0 if exact else self._followed
        if trust is Trust.CONTEXT:  # a new walk, perhaps of memory that has changed
            self._chains = LikelyChains()
        image = self._images.at(ip if exact else ip - 1, source)
        try:
            step = self._by_unwind_info(context, image, exact, source)
        except MemoryFault:
            step = None
        step = step or step_over_trap(context, image, exact, source)
        if step is None and exact:
            step = self._by_instruction(context, image, source)
        step = follow_shadow_stack(context, step, source)
        return step or self._by_search(context, exact, source)

    def _by_search(self, context: Context, exact: bool, source: StackSource) -> Step | None:
        """Leave a frame that nothing describes, by the best evidence there is."""
        images = self._images
        return (
            thread_start_step(context, images, source, begun=True)
            or self._by_code(context, exact, source)
            or scan_step(context, exact, images, source)
            or self._chains.step(context, exact, images, source)
            or thread_start_step(context, images, source)
        )

    def _by_code(self, context: Context, exact: bool, source: StackSource) -> Step | None:
        """Follow the code to its return, for the first FOLLOW_LIMIT frames that need it."""
        from bugcheck.stack.x64_forward import step_forward  # with the disassembler, which not every stack needs

        self._followed += 1
        return step_forward(context, exact, self._images, source) if self._followed <= FOLLOW_LIMIT else None

    def _by_instruction(self, context: Context, image: ModuleImage | None, source: StackSource) -> Step | None:
        """Leave a frame without description where the next instruction tells enough: no code, an entry, an exit."""
        if image is None:
            return self._unmoved(context, source, needs_call=True)
        rva = context.registers["rip"] - image.module.base
        if _is_at_entry(image, rva, source):
            return self._unmoved(context, source)
        rest = decode_epilogue(image.read_up_to(rva, LONGEST_EPILOGUE).removeprefix(BREAKPOINT), 0)
        if rest is None or rest.exit is not Exit.RETURN:
            return None
        frame = _Frame(_by_number(context), source.memory)
        try:
            step = _finish(context, frame) if _undo_epilogue(frame, rest) else None
        except MemoryFault:
            return None
        target = step.caller.instruction_pointer if step is not None else None
        return step if target == 0 or (target or 0) >= LOWEST_CODE else None

    def _by_unwind_info(
        self, context: Context, image: ModuleImage | None, exact: bool, source: StackSource
    ) -> Step | None:
        """Undo the frame by the image's own description; None without one. Raises MemoryFault."""
        table = image.function_table if image is not None else None
        if image is None or table is None:
            return None
        rva = context.registers["rip"] - image.module.base
        function = find_function(image, table, rva if exact else rva - 1)
        if function is None:  # a leaf function, which moves nothing and calls nobody
            return self._unmoved(context, source) if exact else None
        frame = _Frame(_by_number(context), source.memory)
        return _finish(context, frame) if _undo(frame, image, function, rva, exact) else None

    def _unmoved(self, context: Context, source: StackSource, needs_call: bool = False) -> Step | None:
        """Take the return address from the top of the stack, where a function is that has not moved it.

        With `needs_call` only one with a call before it will do, otherwise any that is not disproved.
        """
        sp = context.registers["rsp"]
        target = source.memory.try_u64(sp)
        caller = self._images.at(target - 1, source) if target else None
        if target is None or caller is None:
            return None
        verdict = is_call_before(caller, target - caller.module.base, Architecture.X64)
        if verdict is False or (needs_call and verdict is None):
            return None
        return _finish(context, _Frame(_by_number(context), source.memory))


def _is_at_entry(image: ModuleImage, rva: int, source: StackSource) -> bool:
    """Tell whether an RVA is a function's first instruction, by a symbol that starts there or by what it does."""
    code = image.read_up_to(rva, 5)
    if code.startswith(FIRST_INSTRUCTIONS):
        return True
    symbols = source.symbols.symbols_of(image.module)
    symbol = symbols.nearest(rva) if symbols is not None else None
    return symbol is not None and symbol.rva == rva


@dataclass(slots=True)
class _Frame:
    """Registers while one frame is being undone.

    Attributes:
        values: by number; registers that are not known are absent.
        memory: where the stack lies.
        machine_frame: address of the saved RIP of the machine frame that was undone, or None.
    """

    values: dict[int, int]
    memory: AddressSpace
    machine_frame: int | None = None

    def load(self, address: int) -> int:
        """Read a word of the stack. Raises MemoryFault."""
        return self.memory.u64(address & MASK64)

    def pop(self, number: int) -> None:
        """Restore a register from the top of the stack. Raises MemoryFault."""
        self.values[number] = self.load(self.values[RSP])
        self.move_stack(8)

    def move_stack(self, distance: int) -> None:
        """Add to the stack pointer."""
        self.values[RSP] = self.values[RSP] + distance & MASK64


def _by_number(context: Context) -> dict[int, int]:
    return {number: context.registers[name] for number, name in enumerate(REGISTERS) if name in context.registers}


def _undo(frame: _Frame, image: ModuleImage, function: RuntimeFunction, rva: int, exact: bool) -> bool:
    """Undo a function's frame up to its return address; False when its description is of no use.

    Raises:
        MemoryFault: unwind information or a word of the stack is missing.
    """
    info = read_unwind_info(image, function.unwind)
    offset = rva - function.begin
    if info is None:
        return False
    if exact and (offset >= info.prologue_size or info.parent is not None):
        rest = _rest_of_epilogue(image, function, info, rva)
        if rest is not None:
            return _undo_epilogue(frame, rest)
    for _ in range(CHAIN_LIMIT):
        if not _undo_prologue(frame, info, offset, _is_in_epilogue(info, function, rva, exact)):
            return False
        if info.parent is None or frame.machine_frame is not None:
            return True
        parent = info.parent
        info = read_unwind_info(image, parent.unwind)
        if info is None:
            return False
        offset = 1 << 32  # all of the parent's prologue has run
    return False


def _undo_prologue(frame: _Frame, info: UnwindInfo, offset: int, pops_only: int | None) -> bool:
    """Undo the operations of one prologue that have run; False when a register they need is not known."""
    base = frame.values[RSP]
    if info.frame_register and _frame_is_set(info, offset):
        if info.frame_register not in frame.values:
            return False
        base = frame.values[info.frame_register] - _frame_offset(info)
    for code in info.codes:
        if code.offset > offset or frame.machine_frame is not None:
            continue
        if pops_only is not None:
            pops_only = _undo_epilogue_code(frame, code, pops_only)
        else:
            _undo_code(frame, code, base & MASK64)
    return True


def _undo_code(frame: _Frame, code: UnwindCode, base: int) -> None:
    """Undo one operation. `base` is the frame's lowest address, from which save areas count. Raises MemoryFault."""
    operation = code.operation
    if operation is Operation.PUSH_NONVOL:
        frame.pop(code.info)
    elif operation in (Operation.ALLOC_SMALL, Operation.ALLOC_LARGE):
        frame.move_stack(code.value)
    elif operation in (Operation.SET_FPREG, Operation.SET_FPREG_LARGE):
        frame.values[RSP] = base
    elif operation in (Operation.SAVE_NONVOL, Operation.SAVE_NONVOL_FAR):
        frame.values[code.info] = frame.load(base + code.value)
    elif operation is Operation.PUSH_MACHFRAME:
        frame.machine_frame = frame.values[RSP] + (8 if code.info & 1 else 0) & MASK64


def _frame_is_set(info: UnwindInfo, offset: int) -> bool:
    """Tell whether the prologue has set its frame register; a fragment's own prologue sets none, its parent's has."""
    if info.parent is not None or offset >= info.prologue_size:
        return True
    settings = (Operation.SET_FPREG, Operation.SET_FPREG_LARGE)
    return any(code.operation in settings and code.offset <= offset for code in info.codes)


def _frame_offset(info: UnwindInfo) -> int:
    large = (code.value for code in info.codes if code.operation is Operation.SET_FPREG_LARGE)
    return next(large, info.frame_offset)


def _rest_of_epilogue(image: ModuleImage, function: RuntimeFunction, info: UnwindInfo, rva: int) -> Epilogue | None:
    """Decode the epilogue the instruction pointer is in; None in a body, or without code bytes."""
    rest = decode_epilogue(image.read_up_to(rva, LONGEST_EPILOGUE), info.frame_register)
    if rest is None or rest.target is None:
        return rest
    target = rva + rest.target
    if function.begin < target < function.end:
        return None
    table = image.function_table
    other = find_function(image, table, target) if table is not None else None
    is_part = other is not None and other != function and _primary(image, other) == _primary(image, function)
    return None if is_part else rest


def _primary(image: ModuleImage, function: RuntimeFunction) -> int:
    """Follow a fragment's chain to the function it belongs to; its start's RVA."""
    for _ in range(CHAIN_LIMIT):
        info = read_unwind_info(image, function.unwind)
        if info is None or info.parent is None:
            break
        function = info.parent
    return function.begin


def _undo_epilogue(frame: _Frame, rest: Epilogue) -> bool:
    if rest.base not in frame.values:
        return False
    frame.values[RSP] = frame.values[rest.base] + rest.adjustment & MASK64
    for number in rest.pops:
        frame.pop(number)
    if rest.exit is Exit.INTERRUPT_RETURN:
        frame.machine_frame = frame.values[RSP]
    return True


def _is_in_epilogue(info: UnwindInfo, function: RuntimeFunction, rva: int, exact: bool) -> int | None:
    """Bytes into an epilogue by the codes of version 2, for where the code itself is not to be had; None outside."""
    if exact:
        for distance in info.epilogues:
            into = rva - (function.end - distance)
            if 0 <= into < info.epilogue_size:
                return into
    return None


def _undo_epilogue_code(frame: _Frame, code: UnwindCode, into: int) -> int:
    """Undo what an epilogue has left of one operation: version 2 epilogues begin with the pops, allocations are gone.

    Returns how many bytes of the epilogue's following instructions have run.
    """
    if code.operation is Operation.PUSH_NONVOL:
        size = 2 if code.info >= 8 else 1
        if into >= size:
            return into - size
        frame.pop(code.info)
    return 0 if code.operation is Operation.PUSH_NONVOL else into


def _finish(context: Context, frame: _Frame) -> Step:
    """Make the step once the stack pointer is at the return address or the machine frame. Raises MemoryFault."""
    child_sp = context.registers["rsp"]
    if frame.machine_frame is not None:
        return _finish_machine_frame(frame, child_sp)
    ip = frame.load(frame.values[RSP])
    frame.move_stack(8)
    registers = {name: frame.values[number] for number, name in enumerate(REGISTERS)
                 if name in NONVOLATILE and number in frame.values}  # fmt: skip
    registers |= {"rip": ip, "rsp": frame.values[RSP]}
    caller = Context(Architecture.X64, f"unwound from {context.registers['rip']:#x}", registers)
    words = (frame.memory.try_u64(registers["rsp"] + 8 * index & MASK64) for index in range(ARGUMENTS))
    return Step(caller, Trust.UNWIND_INFO, child_sp, tuple(word for word in words if word is not None))


def _finish_machine_frame(frame: _Frame, child_sp: int) -> Step:
    at = frame.machine_frame or 0
    words = [frame.load(at + 8 * index) for index in range(MACHINE_FRAME_SIZE // 8)]
    registers = {name: frame.values[number] for number, name in enumerate(REGISTERS)
                 if name in NONVOLATILE and number in frame.values}  # fmt: skip
    trap_frame = trap_frame_around(at, child_sp, frame.memory)
    if trap_frame is not None:
        registers = {**trap_frame.registers, **registers}
    registers |= {"rip": words[0], "cs": words[1] & 0xFFFF, "efl": words[2] & 0xFFFF_FFFF, "rsp": words[3]}
    source = trap_frame.source if trap_frame is not None else f"machine frame {at:#x}"
    return Step(Context(Architecture.X64, source, registers), Trust.TRAP_FRAME, child_sp)
