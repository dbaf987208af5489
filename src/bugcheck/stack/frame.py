"""What a stack walk yields and what it works on: Frame, Trust, Step, and the sources an unwinder may ask.

The walk is one loop (walk.py); an unwinder per architecture answers one question: given the registers of a frame, what
are the registers of its caller, and how do we know?
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from bugcheck.images.pe_header import ByteReader
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass, field

if TYPE_CHECKING:
    from bugcheck.machine.executable_memory import ExecutableMemory
    from bugcheck.stack.frame_sizes import FrameSizes
    from bugcheck.symbols.symbols import SourceLine, Symbols


class Trust(Enum):
    """How a frame was found, best first."""

    CONTEXT = "context"
    TRAP_FRAME = "trap_frame"
    SHADOW_STACK = "shadow_stack"
    UNWIND_INFO = "unwind_info"
    FPO = "fpo"
    FRAME_POINTER = "frame_pointer"
    SCAN = "scan"
    INLINE = "inline"
    LOG = "log"


class SymbolSource(Protocol):
    """Where an unwinder gets symbols and image bytes of a module; either may be None."""

    def symbols_of(self, module: Module) -> Symbols | None:
        """Symbols of a module, or None."""
        ...

    def image_of(self, module: Module) -> ByteReader | None:
        """The module's image file mapped at RVA 0, or None; used where memory lacks code or unwind data."""
        ...


@dataclass(frozen=True, slots=True)
class StackSource:
    """All that a walk may read.

    Attributes:
        memory: virtual memory of the machine or process.
        modules: loaded modules.
        symbols: names, frame rules and image files per module.
        stack_range: lowest and first-beyond-highest address of the current stack, or None when unknown.
        scan: whether frames may be found by scanning.
        full_names: C++ names with return type and parameters.
        frame_sizes: what the stacks of a program's threads agree on, or None.
        executable: where code can run, or None.
    """

    memory: AddressSpace
    modules: ModuleList
    symbols: SymbolSource
    stack_range: tuple[int, int] | None = None
    scan: bool = True
    full_names: bool = False
    frame_sizes: FrameSizes | None = None
    executable: ExecutableMemory | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of unwinding: the caller's registers and how they were found.

    Attributes:
        caller: registers of the calling frame; its instruction pointer is the return address.
        trust: how the step was found.
        frame_address: of the frame that was left: ChildEBP on x86, Child-SP elsewhere.
        arguments: the three words a debugger prints for the frame that was left, as far as readable.
        warning: text the walk must show before this frame ("Stack unwind information not available…"), or "".
    """

    caller: Context
    trust: Trust
    frame_address: int
    arguments: tuple[int, ...] = ()
    warning: str = ""


class Unwinder(Protocol):
    """One way (architecture) of finding callers."""

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        """Find the caller of the frame with these registers; None at the end of the stack."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of a stack.

    Attributes:
        index: 0 is the innermost. ip: instruction pointer of this level.
        return_address: where it returns to, 0 at the end.
        frame_address: ChildEBP (x86) or Child-SP of this level.
        arguments: three words as `kb` prints them, fewer where unreadable.
        module: the module ip lies in. symbol: function name. offset: from the symbol, or from the module's base.
        trust: how the level was found.
        line: source line. inline: True for an inlined function expanded from the level below it.
        warning: printed before this level, or "".
        context: its registers as far as known.
    """

    index: int
    ip: int
    return_address: int
    frame_address: int
    arguments: tuple[int, ...]
    module: Module | None
    symbol: str | None
    offset: int
    trust: Trust
    line: SourceLine | None = None
    inline: bool = False
    warning: str = ""
    context: Context | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """As a debugger prints it: `nt!KeBugCheckEx+0x1b`, `RapDrv+0x9785`, `0x7c95ed54`."""
        if self.module is None:
            return f"{self.ip:#x}"
        base = f"{self.module.name}!{self.symbol}" if self.symbol else self.module.name
        return f"{base}+{self.offset:#x}" if self.offset or not self.symbol else base
