"""x64 trap handler's frame → the interrupted code's registers, where no unwind information is to be had.

Source: KTRAP_FRAME of public symbols (0x190 bytes: Rbp at 0x158, ErrorCode at 0x160, then what the processor pushes:
Rip, SegCs, EFlags, Rsp, SegSs); "x64 exception handling", UWOP_PUSH_MACHFRAME. Intel SDM volume 3, 6.14: the processor
aligns the stack to 16 bytes before it pushes.

Folklore:
    Handlers keep rbp at trap frame + 0x80, and call from a stack pointer that is the trap frame itself; system service
    entry points move the stack pointer further for arguments, so there rbp alone tells.
    What a handler pushed has a shape nothing else has: code address, code segment, flags, stack pointer, stack segment.
    A trap frame below a scanned return address into a handler is found by it.
    An earlier interrupt's trap frame stays in memory below the live part of the stack and looks the same.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.addresses import is_canonical
from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import TRAP_FRAME_SIZES, Context, decode_trap_frame
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImage

NONVOLATILE = ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")
MACHINE_FRAME_SIZE = 40
"""Bytes the processor pushes, without an error code."""
TRAP_FRAME_SIZE = TRAP_FRAME_SIZES[Architecture.X64]
TRAP_FRAME_RIP = 0x168
RBP_DISTANCE = 0x80
"""From a trap frame to where its handler keeps rbp."""
SEGMENTS = {0x10: (0x18, 0x00), 0x33: (0x2B, 0x23), 0x23: (0x2B, 0x23)}
"""Code segment → stack segments it goes with, kernel and user."""
_FLAGS_ALWAYS, _FLAGS_NEVER = 0x2, 0xFFC0_8028
"""Bits of EFLAGS that are always 1 and always 0."""
_SYSTEM_SERVICES = ("KiSystemService", "KiSystemCall")
_HANDLERS = ("Fault", "Trap", "Abort", "Interrupt", "Dispatch", "DebugServiceRequest", "Shadow", "Raise", "Assertion")
_NOT_HANDLERS = ("KiBugCheckDispatch", "KiExceptionDispatch", "KiFastFailDispatch", "KiDispatchInterrupt")
_WORDS = Struct("<5Q")


def is_trap_handler(name: str) -> bool:
    """Tell by its name whether a function of nt runs on a trap frame of its own, as KiPageFault does."""
    if name.startswith(_SYSTEM_SERVICES):
        return True
    is_ki = name.startswith("Ki") and name not in _NOT_HANDLERS and not name.startswith("KiDispatch")
    return is_ki and any(word in name for word in _HANDLERS)


def step_over_trap(context: Context, image: ModuleImage | None, exact: bool, source: StackSource) -> Step | None:
    """Find the code a trap handler of nt interrupted by the layout of its frame; None when this is no handler.

    Without symbols a trap frame right at the stack pointer shows that it is one: handlers call from there.
    """
    if image is None or image.module.name != "nt" or exact:
        return None
    symbols = source.symbols.symbols_of(image.module)
    symbol = symbols.nearest(max(0, context.registers["rip"] - image.module.base - 1)) if symbols else None
    if symbol is not None and not is_trap_handler(symbol.name):
        return None
    places = [context.registers["rsp"]]
    if "rbp" in context.registers and symbol is not None:
        places.insert(0, context.registers["rbp"] - RBP_DISTANCE)
    for place in places:
        trapped = read_trap_frame(place, source)
        if trapped is not None:
            return _trap_step(trapped, context)
    return None


def _trap_step(trapped: Context, handler: Context) -> Step:
    """Make the step from a handler to the code it interrupted.

    Registers that calls preserve are still those of the handler, save rbp, which the trap frame holds.
    """
    kept = {name: handler.registers[name] for name in NONVOLATILE if name in handler.registers and name != "rbp"}
    caller = Context(Architecture.X64, trapped.source, {**trapped.registers, **kept})
    return Step(caller, Trust.TRAP_FRAME, handler.registers["rsp"])


def read_trap_frame(address: int, source: StackSource) -> Context | None:
    """Read the KTRAP_FRAME at `address` if the bytes there can be nothing else."""
    if address <= 0 or address & 7:
        return None
    data = source.memory.try_read(address, TRAP_FRAME_SIZE)
    if data is None or not is_machine_frame(data[TRAP_FRAME_RIP:], address + TRAP_FRAME_RIP, source):
        return None
    return decode_trap_frame(data, address, Architecture.X64)


def is_machine_frame(data: bytes, address: int, source: StackSource) -> bool:
    """Tell whether 40 bytes that lie at `address` are what the processor pushed on a trap."""
    if len(data) < MACHINE_FRAME_SIZE or address + MACHINE_FRAME_SIZE & 15:
        return False
    rip, cs, flags, rsp, ss = _WORDS.unpack_from(data)
    if ss not in SEGMENTS.get(cs, ()) or flags & _FLAGS_NEVER or not flags & _FLAGS_ALWAYS or flags >> 32:
        return False
    if cs != 0x10:
        return rip < 1 << 47 and rsp < 1 << 47
    return source.modules.at(rip) is not None and rsp >= address + MACHINE_FRAME_SIZE and is_canonical(rsp, 57)


def trap_frame_around(machine_frame: int, child_sp: int, memory: AddressSpace) -> Context | None:
    """Read the KTRAP_FRAME whose saved RIP lies at `machine_frame`; None when the handler's frame has no room."""
    address = machine_frame - TRAP_FRAME_RIP
    data = memory.try_read(address, TRAP_FRAME_SIZE) if address >= child_sp else None
    return decode_trap_frame(data, address, Architecture.X64) if data is not None else None
