"""Words of a stack → a return address, where nothing describes the frame: a search that prefers stopping to guessing.

Source: tried on real small dumps (corpus, `expected/nt_expected_symbols.jsonl`) and executed fixtures (tests/stack);
"x64 prolog and epilog" and "ARM64 ABI conventions" (Microsoft C++ documentation) for what a frame may look like.

A word is taken only with evidence, the best kind first:

| evidence | what it takes |
|---|---|
| BY_NAME | symbols name a function that is known to call the frame's function (known_callers.py) |
| DIRECT_CALL | a direct call before the address goes to the frame's function |
| TRAP | a trap frame begins right above the word, so the word returns into a trap handler |
| INDIRECT_CALL | a call through a register, memory or a thunk, near the frame, the only copy of its word |
| FRAME_CHAIN | no code bytes, but the word below begins a chain of saved frame pointers |

Folklore:
    Most code addresses on a stack are left over from earlier calls: on one real x64 dump 34 of the 38 that a scan
    without checks believed.  Words that appear more than once are copies in exception records and contexts.
    Without symbols or tables a function starts where some call goes: the nearest such place below the frame's address
    counts, if the code between shows no end of a function, or, where it is not captured, if the distance is so small
    beside the module that no stray call would hit it.
    Calls through Control Flow Guard are direct calls to `_guard_dispatch_icall` and say nothing of where they end.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault
from bugcheck.machine.context import Context
from bugcheck.records import dataclass
from bugcheck.stack.call_sites import CallSite, calls_before
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.function_extent import may_reach
from bugcheck.stack.known_callers import KNOWN_CALLERS
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.pointers import strip_pointer
from bugcheck.stack.unwind_info_x64 import find_function
from bugcheck.stack.x64_trap import read_trap_frame

if TYPE_CHECKING:
    from bugcheck.symbols.symbols import Symbol

NEAR_WORDS = 64
"""Pointer-sized words from the last good frame in which an indirect call or a frame chain counts."""
FAR_WORDS = 128
"""… a direct call to the frame's function or a trap frame counts."""
NAMED_WORDS = 512
"""… a caller known by name counts."""
LIST_LIMIT = 0x4000
"""Words that the listing of candidates looks at: 128 KiB of a 64-bit stack."""
FUNCTION_SPAN = 0x4000
"""Largest distance in bytes from a call's target to an address that may be in the called function without symbols."""
CHANCE = 64
"""A module's size is this many times the distance at which a call's target counts though not all code between is there:
the smaller the module, the likelier a call hits the neighbourhood by chance."""
SYMBOL_SPAN = 0x10000
"""Largest distance in bytes at which a symbol still names code."""
NO_FUNCTION = 0
"""Start of no function: the headers lie at RVA 0."""
_JUNK_NAMES = ("??_C@", "__real@", "__xmm@", "_xmm", "__imp_", "??_7", "??_R")
_THUNKS = ("_guard_", "__guard_", "guard_", "__retpoline", "_retpoline", "__chkstk")


class Evidence(IntEnum):
    """Why a word is believed to be a return address, worst first."""

    NONE = 0
    CONTRADICTED = 1
    NO_CODE = 2
    FRAME_CHAIN = 3
    INDIRECT_CALL = 4
    TRAP = 5
    DIRECT_CALL = 6
    BY_NAME = 7


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word of a stack that points into a module's code.

    Attributes:
        slot: its address. address: its value, without pointer authentication bits.
        image: the module it points into.
        calls: call instructions that may end before it; None when the code bytes are missing.
        evidence: the best there is.
        name: function it lies in, or "".
    """

    slot: int
    address: int
    image: ModuleImage
    calls: tuple[CallSite, ...] | None
    evidence: Evidence
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Callee:
    """The frame whose caller is looked for: its address (0 when unknown), module, and where its function starts."""

    ip: int
    image: ModuleImage | None
    start: int | None


class _Scanner:
    """One search; keeps what all its words share."""

    def __init__(self, context: Context, exact: bool, images: ModuleImages, source: StackSource) -> None:
        self.architecture = context.architecture
        self.width = context.architecture.pointer_size
        self.images = images
        self.source = source
        self.exact = exact
        ip = context.instruction_pointer or 0
        image = images.at(ip if exact else ip - 1, source)
        rva = ip - image.module.base - (not exact) if image is not None else 0
        symbol = _symbol_at(image, rva, source) if image is not None else None
        start = symbol.rva if symbol is not None else _function_start(image, rva, context.architecture)
        self.callee = _Callee(ip, image, start + image.module.base if image is not None and start else None)
        self.callers = KNOWN_CALLERS.get(symbol.name, ()) if symbol is not None else ()
        self.nearest_start = 0

    def candidates(self, start: int, words: int) -> Iterator[Candidate]:
        """Judge every word from `start` on that points into code, up to the first hole."""
        seen: dict[int, int] = {}
        values = self._values(start, words)
        self.nearest_start = self._nearest_start(values)
        for value in values:
            seen[value] = seen.get(value, 0) + 1
        for index, value in enumerate(values):
            seen[value] -= 1
            candidate = self._judge(start + index * self.width, value, seen[value] > 0)
            if candidate is not None:
                yield candidate

    def _values(self, start: int, words: int) -> list[int]:
        if self.source.stack_range is not None and self.source.stack_range[0] <= start < self.source.stack_range[1]:
            words = min(words, (self.source.stack_range[1] - start) // self.width)
        data = self.source.memory.read_up_to(start, words * self.width)
        whole = range(0, len(data) // self.width * self.width, self.width)
        values = (int.from_bytes(data[at : at + self.width], "little") for at in whole)
        return [strip_pointer(value, self.architecture) for value in values]

    def _nearest_start(self, values: list[int]) -> int:
        """Find the nearest address below the frame's that some call before a word of the stack goes to: 0 for none.

        Functions start where calls go, so a call to a lower address does not enter the frame's function.
        """
        nearest = 0
        for value in values if self.callee.start is None else ():
            image = self.images.at(value - 1, self.source) if value else None
            rva = value - image.module.base if image is not None else 0
            calls = calls_before(image, rva, self.architecture) if image is not None else None
            targets = (call.target for call in calls or () if image is not None and call.target is not None)
            below = (image.module.base + target for target in targets if image is not None)
            nearest = max([nearest, *(target for target in below if target <= self.callee.ip)])
        return nearest

    def _judge(self, slot: int, address: int, repeated: bool) -> Candidate | None:
        image = self.images.at(address - 1, self.source) if address else None
        if image is None or image.is_executable(address - 1 - image.module.base) is False:
            return None
        if self.exact and address == self.callee.ip:  # pushed by the call that captured these registers
            return None
        rva = address - image.module.base
        symbol = _symbol_at(image, rva - 1, self.source)
        if symbol is not None and not _may_return_into(symbol, rva):
            return None
        if _function_start(image, rva - 1, self.architecture) == NO_FUNCTION:
            return None
        name = symbol.name if symbol is not None else ""
        calls = calls_before(image, rva, self.architecture)
        evidence = self._evidence(slot, image, name, calls, repeated)
        return Candidate(slot, address, image, calls, evidence, name) if evidence else None

    def _evidence(
        self, slot: int, image: ModuleImage, name: str, calls: tuple[CallSite, ...] | None, repeated: bool
    ) -> Evidence:
        if calls == ():
            return Evidence.NONE
        if name in self.callers:
            return Evidence.BY_NAME
        if calls is not None:
            found = max(self._call_evidence(image, call) for call in calls)
            if found is not Evidence.INDIRECT_CALL or not repeated:
                return found
            return Evidence.CONTRADICTED
        if self._returns_into_handler(slot, image):
            return Evidence.TRAP
        chained = not repeated and self._has_frame_chain(slot)
        return Evidence.FRAME_CHAIN if chained else Evidence.NO_CODE

    def _call_evidence(self, image: ModuleImage, call: CallSite) -> Evidence:
        callee = self.callee
        if call.target is None or callee.image is None:
            return Evidence.INDIRECT_CALL
        target = image.module.base + call.target
        if target not in image.module:
            return Evidence.CONTRADICTED
        if image is callee.image and self._is_in_callee(target):
            return Evidence.DIRECT_CALL
        return Evidence.INDIRECT_CALL if self._is_thunk(image, call.target) else Evidence.CONTRADICTED

    def _is_in_callee(self, target: int) -> bool:
        """Tell whether a call to `target` enters the frame's function."""
        callee = self.callee
        if callee.start is not None:
            return target == callee.start
        if callee.image is None or target != self.nearest_start or callee.ip - target >= FUNCTION_SPAN:
            return False
        base, last = callee.image.module.base, callee.ip - (not self.exact)
        is_whole = callee.image.try_read(target - base, max(1, last - target)) is not None
        if not is_whole and last - target > callee.image.module.size // CHANCE:
            return False
        return may_reach(callee.image, target - base, last - base, self.architecture)

    def _is_thunk(self, image: ModuleImage, rva: int) -> bool:
        """Tell whether code at `rva` only jumps elsewhere."""
        symbol = _symbol_at(image, rva, self.source)
        if symbol is not None and symbol.rva == rva and symbol.name.startswith(_THUNKS):
            return True
        code = image.read_up_to(rva, 4)
        if self.architecture is Architecture.ARM64:
            return len(code) == 4 and int.from_bytes(code, "little") >> 26 == 0x05
        return code[:1] in (b"\xe9", b"\xeb") or code[:2] in (b"\xff\x25", b"\xff\xe0") or code[:3] == b"\x48\xff\x25"

    def _returns_into_handler(self, slot: int, image: ModuleImage) -> bool:
        is_kernel = self.architecture is Architecture.X64 and image.module.name == "nt"
        return is_kernel and read_trap_frame(slot + self.width, self.source) is not None

    def _has_frame_chain(self, slot: int) -> bool:
        """Tell whether the word below `slot` is a saved frame pointer that leads to two further frames."""
        memory, at = self.source.memory, slot - self.width
        for _ in range(3):
            following = memory.try_pointer(at)
            above = memory.try_pointer(following + self.width) if following else None
            if not following or above is None or not self.width <= following - at < 0x4000:
                return False
            if self.images.at(strip_pointer(above, self.architecture), self.source) is None:
                return False
            at = following
        return True


_REACH = (
    (Evidence.BY_NAME, NAMED_WORDS),
    (Evidence.DIRECT_CALL, FAR_WORDS),
    (Evidence.TRAP, FAR_WORDS),
    (Evidence.INDIRECT_CALL, NEAR_WORDS),
    (Evidence.FRAME_CHAIN, NEAR_WORDS),
)


def scan_step(context: Context, exact: bool, images: ModuleImages, source: StackSource) -> Step | None:
    """Find the caller by searching the stack above the frame; None when no word carries enough evidence.

    `exact` tells that the context's instruction pointer is no return address.
    """
    sp = context.stack_pointer
    if not source.scan or sp is None or sp % context.architecture.pointer_size:
        return None
    scanner = _Scanner(context, exact, images, source)
    reach = NAMED_WORDS if scanner.callers else FAR_WORDS
    found = _choose(list(scanner.candidates(sp, reach)), sp, scanner.width)
    if found is None:
        return None
    return Step(_caller(context, found), Trust.SCAN, sp, warning=UNWINDING_WARNING)


def _choose(candidates: list[Candidate], sp: int, width: int) -> Candidate | None:
    """Pick the nearest candidate of the best evidence; a nearer one without code bytes casts doubt on weak evidence."""
    for evidence, words in _REACH:
        near = [candidate for candidate in candidates if candidate.slot < sp + words * width]
        for index, candidate in enumerate(near):
            if candidate.evidence is evidence:
                doubts = sum(other.evidence is Evidence.NO_CODE for other in near[:index])
                if evidence > Evidence.INDIRECT_CALL or doubts == 0:
                    return candidate
                break
    return None


def _caller(context: Context, found: Candidate) -> Context:
    """Registers of a scanned caller: only where it is and its stack; all others may have been changed since."""
    ip, sp = {Architecture.X64: ("rip", "rsp")}.get(context.architecture, ("pc", "sp"))
    above = found.slot + context.architecture.pointer_size
    return Context(context.architecture, f"scan at {found.slot:#x}", {ip: found.address, sp: above})


def list_candidates(context: Context, exact: bool, source: StackSource, words: int = LIST_LIMIT) -> list[Candidate]:
    """List all words of the stack that point into code, with the evidence each has for being the frame's caller."""
    sp = context.stack_pointer
    if sp is None:
        return []
    return list(_Scanner(context, exact, ModuleImages(), source).candidates(sp, min(words, LIST_LIMIT)))


def _function_start(image: ModuleImage | None, rva: int, architecture: Architecture) -> int | None:
    """Look up the function an RVA lies in by the image's function table; NO_FUNCTION where it has none there.

    Code that calls has a row in the table. None when there is no table to be read.
    """
    table = image.function_table if image is not None else None
    if image is None or table is None:
        return None
    try:
        if architecture is Architecture.X64:
            found = find_function(image, table, rva)
        elif architecture is Architecture.ARM64:
            from bugcheck.stack.unwind_info_arm64 import find_unwind_info

            found = find_unwind_info(image, table, rva)
        else:
            return None
    except MemoryFault:
        return None
    return NO_FUNCTION if found is None else found.begin


def _symbol_at(image: ModuleImage, rva: int, source: StackSource) -> Symbol | None:
    symbols = source.symbols.symbols_of(image.module) if rva >= 0 else None
    return symbols.nearest(rva) if symbols is not None else None


def _may_return_into(symbol: Symbol, rva: int) -> bool:
    """Tell whether a return address may lie at `rva` with this symbol nearest below it: in code, behind a call."""
    if symbol.kind == "data" or symbol.name.startswith(_JUNK_NAMES):
        return False
    return 2 <= rva - symbol.rva < SYMBOL_SPAN
