"""An x64 user stack without code or tables → the likeliest chain of return addresses on it.

Source: "x64 stack usage" (Microsoft C++ documentation): at a call the stack pointer is a multiple of 16, and every
function that calls keeps at least four words for its callee, so return addresses lie 8 bytes below a multiple of 16
and at least 0x30 bytes apart.  The odds were counted on 278 threads of four crashed programs whose crash reporters
wrote down the true stacks beside the small dumps (benchmarks/HISTORY.md, stacks beside minidump_stackwalk).

Every word that may be a return address has odds, every distance between two has, and the chain of highest total is
followed; what other ways of leaving a frame find, they find first.

Folklore:
    A small dump of an x64 program holds its stacks and hardly anything else: without the images nothing else is known
    between the system call on top and the thread's beginning.
    Pointers to functions and data are aligned, return addresses are not; code comes before data in an image.
    A word that stands on a stack more than once is an argument or a leftover; so is a second one of the same function
    nearby, for functions seldom call themselves.
    A frame has one size, so what lies at one distance on every thread's stack is the caller (frame_sizes.py).
    Code made at run time lies outside all modules, so its frames are only found where the dump maps its memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from math import log
from typing import NamedTuple

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.stack.call_sites import calls_before
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.frame_sizes import FrameSizes
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.thread_start import find_thread_start

WIDTH = 8
WORD_LIMIT = 0x4000
"""Words of a stack that are looked at at once (128 KiB)."""
CANDIDATE_LIMIT = 500
"""Words that may be return addresses which are weighed at once, in a tenth of a second at worst."""
LOOKS = 16
"""How often a stack is looked at: again where the last look ended, or where a trap led elsewhere."""
REACH = 0x2580
"""Bytes of the largest frame that is believed: one in a hundred of the counted ones was larger."""
SMALLEST_FRAME = 0x30
USER_SPACE = 1 << 47
HEADERS = 0x1000
NEARBY_CODE = 0x200
"""Bytes within which two return addresses are taken to be in the same function…"""
NEARBY_SHARE = 512
"""… or this part of the image, if that is less: small programs are all one neighbourhood."""
NEIGHBOURS = 4
SMALL = 0x1_0000

# Logarithms of odds.
START = 2.25
ALIGNED_16, ALIGNED_8, ALIGNED_4 = -1.0, -0.2, 0.15
COPIED = -3.5
SAME_FUNCTION = -0.8
BELOW_IS_CODE = -1.4
ABOVE_IS_SMALL = -1.1
CALLED = 1.5
BEGINNING = 4.0
"""For the two frames where Windows began the thread."""
RECURSION = -0.5
AGREEMENT, AGREED = 3.0, 4
"""For the share of other stacks where the same return address has one at this distance above; in full from four on."""
PLACES = ((0.8, -2.2), (0.7, -1.5), (0.6, -0.8))
"""Share of the image below an address → odds, where its section table is not to be had."""
DISTANCE, DISTANCE_UNIT = 0.6, 0xA0
COSTS = tuple(DISTANCE * log(1 + distance / DISTANCE_UNIT) for distance in range(0, REACH + 16, 16))
"""What a frame's size speaks against it, by multiples of 16 bytes."""


class _Candidate(NamedTuple):
    """A word that may be a return address: its place, its odds, how near another one is of the same function."""

    slot: int
    address: int
    odds: float
    nearby: int


class LikelyChains:
    """Finds and keeps the likeliest chain of a stack."""

    def __init__(self) -> None:
        self._source: StackSource | None = None
        self._candidates: list[_Candidate] = []
        self._totals: list[float] = []
        self._seen = (0, 0)
        self._looks = 0

    def step(self, context: Context, exact: bool, images: ModuleImages, source: StackSource) -> Step | None:
        """Go to the likeliest caller; None where none is likelier than not, or the stack is no user's.

        `exact` tells that the context's instruction pointer is no return address.
        """
        sp, inside = context.stack_pointer, source.stack_range
        if not source.scan or sp is None or sp % WIDTH or sp >= USER_SPACE or inside is None:
            return None
        if not inside[0] <= sp < inside[1] or context.architecture is not Architecture.X64:
            return None
        if source is not self._source:
            self._source, self._looks, self._seen = source, 0, (0, 0)
        if not self._seen[0] <= sp < self._seen[1] and self._looks < LOOKS:
            self._looks += 1
            self._prepare(sp, inside[1], images, source)
        found = self._next(sp if exact else sp - WIDTH + SMALLEST_FRAME, sp - WIDTH, context.instruction_pointer or 0)
        if found is None:
            return None
        registers = {"rip": found.address, "rsp": found.slot + WIDTH}
        caller = Context(context.architecture, f"likely return address at {found.slot:#x}", registers)
        return Step(caller, Trust.SCAN, sp, warning=UNWINDING_WARNING)

    def _prepare(self, sp: int, top: int, images: ModuleImages, source: StackSource) -> None:
        """List the candidates above `sp` and sum up, from the outermost inwards, what the best chain from each has."""
        beginning = find_thread_start(sp, images, source)
        last = beginning + SMALLEST_FRAME if beginning is not None else top
        end = min(last + WIDTH, sp + WORD_LIMIT * WIDTH)
        self._candidates = _candidates(sp, end, beginning, images, source)
        is_cut = len(self._candidates) >= CANDIDATE_LIMIT
        self._seen = (sp, self._candidates[-1].slot if is_cut else end)
        self._totals = [0.0] * len(self._candidates)
        for index in range(len(self._candidates) - 1, -1, -1):
            each = self._candidates[index]
            _, more = self._best(each.slot + SMALLEST_FRAME, each.slot, each.address)
            self._totals[index] = each.odds + max(0.0, more)

    def _best(self, low: int, slot: int, address: int) -> tuple[int, float]:
        """Choose the caller, at or above `low`, of a frame that ends at `slot`: its index and what its chain adds."""
        best, most = -1, 0.0
        for index in range(bisect_left(self._candidates, (low,)), len(self._candidates)):
            other = self._candidates[index]
            distance = other.slot - slot
            if distance > REACH:
                break
            more = self._totals[index] - COSTS[distance // 16]
            if self._source is not None and self._source.frame_sizes is not None:
                more += _agreement_odds(self._source.frame_sizes, address, slot, distance)
            if other.address != address and abs(other.address - address) < other.nearby:
                more += RECURSION
            if more > most:
                best, most = index, more
        return best, most

    def _next(self, low: int, slot: int, address: int) -> _Candidate | None:
        index, _ = self._best(low, slot, address)
        return self._candidates[index] if index >= 0 else None


def _agreement_odds(sizes: FrameSizes, address: int, slot: int, distance: int) -> float:
    """Odds by the other stacks of the program."""
    agreeing, others = sizes.agreement(address, slot, distance)
    return AGREEMENT * log((agreeing + 0.5) / (others + 0.5)) * min(1.0, others / AGREED) if others else 0.0


def _candidates(
    sp: int, end: int, beginning: int | None, images: ModuleImages, source: StackSource
) -> list[_Candidate]:
    """List the words from `sp` to `end` that may be return addresses, at most CANDIDATE_LIMIT.

    `beginning` is where kernel32's return address lies that Windows began the thread with; ntdll's lies above it.
    """
    data = source.memory.read_up_to(sp, end - sp)
    words = [int.from_bytes(data[at : at + WIDTH], "little") for at in range(0, len(data) - WIDTH + 1, WIDTH)]
    copies = Counter(words)
    found: list[_Candidate] = []
    for index, word in enumerate(words):
        slot = sp + index * WIDTH
        if slot % 16 != WIDTH or not SMALL <= word < USER_SPACE:
            continue
        image = images.at(word - 1, source)
        calls = _calls(image, word, source)
        if calls == ():
            continue
        nearby = 0 if calls or image is None else min(NEARBY_CODE, image.module.size // NEARBY_SHARE)
        if beginning is not None and slot in (beginning, beginning + SMALLEST_FRAME):
            odds = BEGINNING
        else:
            odds = START + _value_odds(word, image, calls is not None) + COPIED * (copies[word] > 1)
            odds += _neighbour_odds(index, words, sp, end, images, source)
            near = (other.address for other in found[-NEIGHBOURS:])
            odds += SAME_FUNCTION * any(other != word and abs(other - word) < nearby for other in near)
        found.append(_Candidate(slot, word, odds, nearby))
        if len(found) >= CANDIDATE_LIMIT:
            break
    return found


def _calls(image: ModuleImage | None, address: int, source: StackSource) -> tuple[object, ...] | None:
    """Call instructions before an address; none in headers and data, None where nobody can tell."""
    if image is None:  # code made at run time, where the dump maps some
        is_code = source.executable is not None and source.executable.at(address - 1)
        return calls_before(source.memory, address, Architecture.X64) if is_code else ()
    rva = address - image.module.base
    if rva <= HEADERS or image.is_executable(rva - 1) is False:
        return ()
    return calls_before(image, rva, Architecture.X64)


def _value_odds(address: int, image: ModuleImage | None, called: bool) -> float:
    """Odds by the address itself: how it is aligned, where in its image it lies, whether a call stands before it."""
    aligned = ((16, ALIGNED_16), (8, ALIGNED_8), (4, ALIGNED_4))
    odds = next((value for size, value in aligned if address % size == 0), 0.0)
    if called:
        return odds + CALLED
    if image is None or image.is_executable(address - 1 - image.module.base):
        return odds
    share = (address - image.module.base) / max(1, image.module.size)
    return odds + next((value for least, value in PLACES if share >= least), 0.0)


def _neighbour_odds(
    index: int, words: list[int], sp: int, end: int, images: ModuleImages, source: StackSource
) -> float:
    """Odds by the words below and above: tables of pointers, counts and lengths beside an address make it data."""
    below = words[index - 1] if index else 0
    above = words[index + 1] if index + 1 < len(words) else 0
    odds = BELOW_IS_CODE if below and images.at(below - 1, source) is not None else 0.0
    return odds + ABOVE_IS_SMALL * (0 < above < SMALL or sp <= above < end)
