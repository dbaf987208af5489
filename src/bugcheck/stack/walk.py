"""Context → frames: the one loop that every stack walk is, whatever finds the callers.

Source: this project's house rules (every frame says how it was found, every loop has a limit); the order of inline
frames and the look-up of return addresses by the byte before them follow the debuggers.

Folklore:
    A stack ends where the return address is 0; Windows starts threads that way.
    The stack pointer may go down once: to another stack, when a trap, a DPC or a system call switched stacks.
    A corrupt stack likes to loop; the pair of instruction and stack pointer never repeats in a sound one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.addresses import is_canonical
from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass
from bugcheck.stack.exactness import lookup_address
from bugcheck.stack.frame import Frame, StackSource, Step, Trust, Unwinder

if TYPE_CHECKING:
    from bugcheck.symbols.symbols import SourceLine, Symbols

FRAME_LIMIT = 512
"""Frames of one stack, inline ones not counted."""
INLINE_LIMIT = 64
WIDEST_ADDRESS = 57
"""Bits of the widest virtual address (five-level paging)."""
MAY_SWITCH_STACKS = (Trust.TRAP_FRAME, Trust.UNWIND_INFO)
"""Steps after which the stack pointer may lie on another stack."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A walked stack.

    Attributes:
        frames: innermost first.
        ending: why there are no more: "end of stack", "no caller found", "frame limit", "loop", "no progress", "bad
            address".
    """

    frames: tuple[Frame, ...]
    ending: str


def walk(
    context: Context,
    unwinder: Unwinder,
    source: StackSource,
    *,
    trust: Trust = Trust.CONTEXT,
    limit: int = FRAME_LIMIT,
) -> Stack:
    """Walk the stack from a set of registers. `trust` tells where they come from, `limit` is the most frames."""
    frames: list[Frame] = []
    visited: set[tuple[int | None, int | None]] = set()
    warned = False
    ending = "frame limit"
    for _ in range(limit):
        visited.add((context.instruction_pointer, context.stack_pointer))
        step = unwinder.step(context, trust, source)
        ending = _why_stop(context, step, visited, source) if step is not None else "no caller found"
        returns_to = step.caller.instruction_pointer or 0 if step is not None and ending in ("", "end of stack") else 0
        warning = step.warning if step is not None and not ending and not warned else ""
        warned = warned or bool(warning)
        frames += _frames(context, trust, step, returns_to, warning, source, len(frames))
        if step is None or ending:
            break
        context, trust = step.caller, step.trust
    else:
        ending = "frame limit"
    return Stack(tuple(frames), ending)


def _why_stop(context: Context, step: Step, visited: set[tuple[int | None, int | None]], source: StackSource) -> str:
    """Tell why a step's caller is not followed; "" when it is."""
    ip, sp = step.caller.instruction_pointer, step.caller.stack_pointer
    if not ip:
        return "end of stack"
    if sp is None or not _is_address(ip, context.architecture) or not _is_address(sp, context.architecture):
        return "bad address"
    if (ip, sp) in visited:
        return "loop"
    return "" if _makes_progress(context, step, sp, source) else "no progress"


def _is_address(address: int, architecture: Architecture) -> bool:
    return is_canonical(address, WIDEST_ADDRESS) if architecture.bits == 64 else address >> 32 == 0


def _makes_progress(context: Context, step: Step, sp: int, source: StackSource) -> bool:
    """Tell whether the caller's stack pointer is above the callee's, or on another stack where that may be."""
    before = context.stack_pointer or 0
    if step.trust is Trust.TRAP_FRAME:
        return True
    is_leaf_by_register = sp == before and context.architecture in (Architecture.ARM64, Architecture.ARM32)
    if sp > before:
        inside = source.stack_range
        if inside is None or not inside[0] <= before <= inside[1] or sp <= inside[1]:
            return True
    elif is_leaf_by_register:
        return step.caller.instruction_pointer != context.instruction_pointer
    return step.trust in MAY_SWITCH_STACKS and source.memory.is_readable(sp)


def _frames(
    context: Context,
    trust: Trust,
    step: Step | None,
    returns_to: int,
    warning: str,
    source: StackSource,
    index: int,
) -> list[Frame]:
    """Name one level, with the functions that were inlined there as levels of their own, innermost first."""
    ip = context.instruction_pointer or 0
    at = lookup_address(ip, trust)
    module = source.modules.at(at)
    symbols = source.symbols.symbols_of(module) if module is not None else None
    frame_address = step.frame_address if step is not None else context.stack_pointer or 0
    arguments = step.arguments if step is not None else ()
    names = _names(symbols, module, at, ip, source.full_names)
    return [
        Frame(
            index=index + number,
            ip=ip,
            return_address=returns_to,
            frame_address=frame_address,
            arguments=arguments if number == len(names) - 1 else (),
            module=module,
            symbol=name.symbol,
            offset=name.offset,
            trust=trust if number == len(names) - 1 else Trust.INLINE,
            line=name.line,
            inline=number < len(names) - 1,
            warning=warning if number == 0 else "",
            context=context,
        )
        for number, name in enumerate(names)
    ]


@dataclass(frozen=True, slots=True)
class _Name:
    """Function, offset in bytes from it (or from the module) and source line."""

    symbol: str | None
    offset: int
    line: SourceLine | None = None


def _names(symbols: Symbols | None, module: Module | None, at: int, ip: int, full: bool) -> list[_Name]:
    """Name the functions at an address: those inlined there, innermost first, then the one that has a frame."""
    base = module.base if module is not None else 0
    if symbols is None or module is None:
        return [_Name(None, ip - base)]
    from bugcheck.symbols.symbols import SourceLine

    rva = at - base
    symbol = symbols.nearest(rva)
    line = symbols.line_at(rva)
    names: list[_Name] = []
    for inlined in symbols.inlines_at(rva)[:INLINE_LIMIT]:
        names.append(_Name(inlined.name, 0, line))
        line = SourceLine(inlined.file, inlined.line) if inlined.file else None
    if symbol is None:
        return [*names, _Name(None, ip - base, line)]
    from bugcheck.symbols.undecorate import full_name

    return [*names, _Name(full_name(symbol) if full else symbol.name, ip - base - symbol.rva, line)]


def starting_trust(context: Context) -> Trust:
    """Trust of a stack's first frame: TRAP_FRAME for registers decoded from one, CONTEXT otherwise."""
    return Trust.TRAP_FRAME if context.source.startswith("trap frame") else Trust.CONTEXT
