"""x86 registers → the caller's: frame records, trap frames, code around eip, ebp chains, scanning.

Source: the habits of a debugger engine (10.0.15063), found on the story dump by changing single words (`windbg.md` §3.7
of this project's notes) and on two dozen user dumps (corpus `dbgeng_user.jsonl`).  In this order:

1. with symbols and eip at a function's very start or end, the instructions there, see `x86_code.py`;
2. the function's record (FrameData, FPO, trap, task gate, non-FPO), see `x86_records.py`;
3. where eip lies outside all modules, the word at esp: somebody called there;
4. the ebp chain, unless the code before its return address shows that nothing called from there;
5. the first word from ebp (else esp) upward with a call before it;
6. outside all modules and with ebp leading nowhere, the word at esp, three times at most.

Folklore:
    After a scanned return address the caller's ebp is what ebp pointed at, unless that lies below the address found:
    then it is the word under it.
    A stack's end is a return address of 0; the level is still printed, with what ebp held.
    Exports alone are no unwind data: the warning comes as for a module without symbols.
    Between function entry and `mov ebp,esp`, and in an epilogue, records don't tell where the return address is; with
    symbols the instructions themselves do.  Without symbols nobody can know: the engine takes ebp's frame, one too far.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.stack.exactness import UNWINDING_WARNING, is_exact
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.x86_code import LONGEST_EPILOGUE, LONGEST_PROLOGUE, follow_epilogue, follow_prologue
from bugcheck.stack.x86_frame import Below, FrameContext, WayOut, X86Frame, end_at, leave_by
from bugcheck.stack.x86_records import NON_FPO, TRAP, TSS, last_frame_address, leave_by_record
from bugcheck.stack.x86_returns import LOWEST_CODE, SCAN_WORDS, StackWords, Standing
from bugcheck.symbols.symbols import FpoRecord, FrameData

NO_MODULE = "WARNING: Frame IP not in any known module. Following frames may be wrong."
MAX_ASTRAY = 3
"""Frames in a row outside all modules that are taken from the word at esp."""
LARGEST_FRAME = 0x10_0000
"""Farthest ebp may lie above esp, in bytes, where the stack's bounds are not known."""


class X86Unwinder:
    """Finds callers on x86. Keeps the images of the modules it met for the source it was last asked about."""

    def __init__(self) -> None:
        self._images = ModuleImages()
        self._words: StackWords | None = None

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        """Find the caller of the frame with these registers; None when there are no registers to go by.

        At the stack's end the caller's eip is 0, so that the last level's frame address and arguments are told.
        """
        frame = self._frame(context, is_exact(trust), source)
        if frame is None or not frame.eip:
            return None
        way = (
            _by_code(frame)
            or leave_by_record(frame)
            or _called_nowhere(frame)
            or _by_frame_pointer(frame)
            or _by_scan(frame)
            or _astray(frame)
            or end_at(frame, last_frame_address(frame))
        )
        return way.step(frame, "" if frame.below.warned else _warning(frame))

    def _frame(self, context: Context, exact: bool, source: StackSource) -> X86Frame | None:
        eip, esp = context.registers.get("eip"), context.registers.get("esp")
        if eip is None or esp is None:
            return None
        image = self._images.at(eip if exact else eip - 1, source)
        symbols = source.symbols.symbols_of(image.module) if image else None
        rule = None
        if image is not None and symbols is not None:
            rule = symbols.frame_rule(eip - image.module.base - (0 if exact else 1))
        below = context.below if isinstance(context, FrameContext) else Below()
        architecture = Architecture.X86_PAE if context.architecture is Architecture.X86_PAE else Architecture.X86
        if self._words is None or self._words.source is not source or self._words.architecture is not architecture:
            self._words = StackWords(source, self._images, architecture)
        ebp = context.registers.get("ebp", 0)
        return X86Frame(context, eip, esp, ebp, exact, image, symbols, rule, below, self._words)


def _warning(frame: X86Frame) -> str:
    if frame.image is None:
        return NO_MODULE
    return "" if frame.knows_functions else UNWINDING_WARNING


def _by_code(frame: X86Frame) -> WayOut | None:
    """Leave a function that has hardly begun or is about to return by following its instructions."""
    image, rule = frame.image, frame.rule
    if not frame.exact or image is None or not frame.knows_functions:
        return None
    if isinstance(rule, FpoRecord) and rule.frame_type in (TRAP, TSS):
        return None
    return _by_epilogue(frame, image) or (None if isinstance(rule, FrameData) else _by_prologue(frame, image))


def _by_epilogue(frame: X86Frame, image: ModuleImage) -> WayOut | None:
    epilogue = follow_epilogue(image.read_up_to(frame.eip - image.module.base, LONGEST_EPILOGUE))
    if epilogue is None:
        return None
    slot, saved = epilogue.addresses(frame.esp, frame.ebp)
    if frame.words.standing(frame.words.word(slot)) != Standing.CALLED:
        return None
    ebp = frame.ebp if saved is None else frame.words.word(saved)
    return leave_by(slot, ebp, _trust_of_code(frame), frame, _parameters(frame))


def _by_prologue(frame: X86Frame, image: ModuleImage) -> WayOut | None:
    rva = frame.eip - image.module.base
    start = _function_start(frame, rva)
    if start is None or not 0 <= rva - start <= LONGEST_PROLOGUE:
        return None
    code = image.try_read(start, rva - start) if rva > start else b""
    prologue = follow_prologue(code) if code is not None else None
    if prologue is None or prologue.frame_set:
        return None
    slot = frame.esp + prologue.depth
    if frame.words.standing(frame.words.word(slot)) < Standing.POSSIBLE:
        return None
    return leave_by(slot, frame.ebp, _trust_of_code(frame), frame, _parameters(frame))


def _function_start(frame: X86Frame, rva: int) -> int | None:
    if frame.rule is not None:
        return frame.rule.rva
    symbol = frame.symbols.nearest(rva) if frame.symbols is not None else None
    return symbol.rva if symbol is not None else None


def _trust_of_code(frame: X86Frame) -> Trust:
    rule = frame.rule
    if isinstance(rule, FrameData):
        return Trust.UNWIND_INFO
    return Trust.FPO if rule is not None and rule.frame_type != NON_FPO else Trust.FRAME_POINTER


def _parameters(frame: X86Frame) -> int:
    return frame.rule.parameters_size if frame.rule is not None and frame.rule.parameters_size < LARGEST_FRAME else 0


def _called_nowhere(frame: X86Frame) -> WayOut | None:
    """Leave a wild address for whoever called it: its return address is on top of the stack."""
    if not frame.exact or frame.image is not None:
        return None
    word = frame.words.word(frame.esp)
    standing = frame.words.standing(word)
    if standing < Standing.POSSIBLE:
        chained = frame.words.standing(frame.words.word(frame.ebp + 4)) if _is_frame(frame) else Standing.NONE
        if standing == Standing.NONE or chained >= Standing.POSSIBLE:
            return None
    return leave_by(frame.esp, frame.ebp, Trust.FRAME_POINTER if standing == Standing.CALLED else Trust.SCAN, frame)


def _is_frame(frame: X86Frame) -> bool:
    """Tell whether ebp can be the address of a frame on this stack."""
    if not frame.esp <= frame.ebp <= 0xFFFF_FFF8:
        return False
    bounds = frame.words.source.stack_range
    if bounds is not None and bounds[0] <= frame.esp < bounds[1]:
        return frame.ebp < bounds[1]
    return frame.ebp - frame.esp <= LARGEST_FRAME


def _by_frame_pointer(frame: X86Frame) -> WayOut | None:
    if not _is_frame(frame):
        return None
    caller_ebp, word = frame.words.word(frame.ebp), frame.words.word(frame.ebp + 4)
    if caller_ebp is None or word is None:
        return None
    if word == 0:
        return end_at(frame, frame.ebp)
    if frame.words.standing(word) == Standing.NONE:
        return None
    return leave_by(frame.ebp + 4, caller_ebp, Trust.FRAME_POINTER, frame)


def _by_scan(frame: X86Frame) -> WayOut | None:
    if frame.image is None or not frame.words.source.scan:
        return None
    chained = frame.words.word(frame.ebp) if _is_frame(frame) else None
    start = frame.esp if chained is None else frame.ebp
    words = SCAN_WORDS
    bounds = frame.words.source.stack_range
    if bounds is not None and bounds[0] <= start < bounds[1]:
        words = min(words, (bounds[1] - start) // 4)
    slot = frame.words.scan(start, words, Standing.CALLED) or frame.words.scan_links(start, words)
    if slot is None:
        return None
    under = frame.words.word(slot - 4)
    ebp = next((link for link in (chained, under) if link is not None and link > slot), frame.ebp)
    return leave_by(slot, ebp, Trust.SCAN, frame)


def _astray(frame: X86Frame) -> WayOut | None:
    """Go on outside all modules, as the engine does, though seldom to any good."""
    word = frame.words.word(frame.esp)
    if frame.image is not None or not frame.words.source.scan or frame.below.astray >= MAX_ASTRAY:
        return None
    if frame.exact or word is None:
        return None
    if word < LOWEST_CODE:
        return end_at(frame, frame.esp - 4)
    way = leave_by(frame.esp, frame.ebp, Trust.SCAN, frame)
    return way and WayOut(way.registers, way.trust, way.frame_address, astray=frame.below.astray + 1)
