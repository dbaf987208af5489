"""An x86 frame while it is being left: registers, what is known of its function and of the one below, and the way out.

Source: StackWalk64 of DbgHelp and its terms (AddrFrame, AddrReturn, Params; Microsoft "dbghelp.h"); which of them a
debugger prints for which kind of frame was found on the story dump.
"""

from __future__ import annotations

from collections.abc import Mapping

from bugcheck.machine.context import Context
from bugcheck.records import dataclass, field
from bugcheck.stack.frame import Step, Trust
from bugcheck.stack.module_image import ModuleImage
from bugcheck.stack.x86_returns import StackWords
from bugcheck.symbols.symbols import FpoRecord, FrameData, Symbols

MASK32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Below:
    """What the frame below (the callee) leaves to its caller's.

    Attributes:
        frame_address: its ChildEBP. arguments: the words printed for it.
        parameters_size: bytes of arguments its record tells of, which may still be on the stack.
        warned: True once the walk has shown a warning.
        astray: frames in a row that were taken from outside all modules.
    """

    frame_address: int = 0
    arguments: tuple[int, ...] = ()
    parameters_size: int = 0
    warned: bool = False
    astray: int = 0


@dataclass(frozen=True, slots=True)
class FrameContext(Context):
    """Registers of a caller that remember the frame they were found from."""

    below: Below = field(default=Below(), compare=False)


@dataclass(frozen=True, slots=True)
class X86Frame:
    """The frame to be left.

    Attributes:
        context: its registers. eip, esp, ebp: the ones that matter, ebp 0 when unknown.
        exact: True when eip is the next instruction to run, False when it is a return address.
        image, symbols: of the module eip lies in, or None.
        rule: its function's frame record, or None.
        below: the frame it called. words: the stack.
    """

    context: Context
    eip: int
    esp: int
    ebp: int
    exact: bool
    image: ModuleImage | None
    symbols: Symbols | None
    rule: FpoRecord | FrameData | None
    below: Below
    words: StackWords

    @property
    def knows_functions(self) -> bool:
        """True when there are symbols beyond the image's export table."""
        return self.symbols is not None and self.symbols.kind != "export"


@dataclass(frozen=True, slots=True)
class WayOut:
    """How a frame is left.

    Attributes:
        registers: of the caller, eip and esp among them. trust: how they were found.
        frame_address: ChildEBP of the frame that is left.
        arguments: words printed for it; None for the three behind its return address.
        parameters_size: bytes of arguments its record tells of.
        source: of the caller's registers, where they come from a structure.
        astray: frames in a row taken from outside all modules, this one included.
    """

    registers: Mapping[str, int]
    trust: Trust
    frame_address: int
    arguments: tuple[int, ...] | None = None
    parameters_size: int = 0
    source: str = ""
    astray: int = 0

    def step(self, frame: X86Frame, warning: str) -> Step:
        """Make the Step out of `frame`."""
        arguments = self.arguments
        if arguments is None:
            arguments = frame.words.arguments(self.frame_address)
        below = Below(
            self.frame_address,
            arguments,
            self.parameters_size,
            frame.below.warned or bool(warning),
            self.astray,
        )
        source = self.source or f"caller of {frame.eip:#x}"
        caller = FrameContext(frame.context.architecture, source, dict(self.registers), below)
        return Step(caller, self.trust, self.frame_address, arguments, warning)


def leave_by(slot: int, ebp: int | None, trust: Trust, frame: X86Frame, parameters_size: int = 0) -> WayOut | None:
    """Leave a frame whose return address lies at `slot`; `ebp` is the caller's.

    None when the slot is missing or below the stack pointer.  Registers nobody tells of are not the caller's.
    """
    eip = frame.words.word(slot)
    if eip is None or slot < frame.esp:
        return None
    registers = {"eip": eip, "esp": slot + 4 & MASK32}
    if ebp is not None:
        registers["ebp"] = ebp & MASK32
    for name in ("cs", "ss", "ds", "es", "fs", "gs"):
        if name in frame.context.registers:
            registers[name] = frame.context.registers[name]
    return WayOut(registers, trust, slot - 4 & MASK32, parameters_size=parameters_size)


def end_at(frame: X86Frame, frame_address: int) -> WayOut:
    """End the stack at a frame: its return address is 0."""
    return WayOut({"eip": 0, "esp": frame.esp, "ebp": 0}, Trust.SCAN, frame_address & MASK32)
