"""Two Analyses → a Comparison: is it the same crash, and what speaks for and against it.

The same crash means: the same defect showed itself again, not merely the same bug check.  Each point of likeness is a
Reason with a weight, positive for the same, negative for different; the weights add up.  What either dump doesn't tell
is no reason at all, and with too little to weigh the two are not comparable.

Folklore: one defect shows under several codes (0xA, 0x50, 0xD1, 0x1E, 0x3B, 0x7E, 0x8E: whichever level the bad pointer
was used on), so codes of that family hardly tell crashes apart; and a place in nt, which everybody passes, hardly shows
that two crashes are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from bugcheck.findings.address_kinds import NULL_PAGE, kind_of_address
from bugcheck.findings.findings import Category
from bugcheck.findings.frame_owners import Owner, owner_of
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.driver_changes import DriverChanges, driver_changes
from bugcheck.verdict.stack_similarity import StackMatch, match_stacks, telling_frames

BAD_POINTER_CODES = frozenset([0xA, 0x1E, 0x3B, 0x50, 0x7E, 0x8E, 0xD1])
"""Bug checks that one bad pointer may end in."""
SAME, PROBABLY, ENOUGH = 4.0, 1.5, 1.5
"""Sums of weights: from which a crash is the same, probably the same; what must be weighed at all."""
SPECIFIC, DECISIVE = 2.0, -1.5
"""Weights: what the strongest reason must have to say "the same"; what any single one forbids it with."""
"""Modules every program passes through on its way into an exception."""
LEAST_LEVELS = 3
"""Levels a stack needs to be compared."""
CLASS_ROLES = frozenset(["irql", "access_type", "access_type_50", "ntstatus", "exception_code", "trap_number"])
SMALL = 0xFFFF
"""A first parameter up to this is a kind of failure, not an address."""
NEAR_CODE = 0x40
"""Bytes between two places in one build that make them neighbours."""


class Outcome(Enum):
    """Whether two crashes are one."""

    SAME = "same"
    PROBABLY_SAME = "probably same"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class Reason:
    """One point: a sentence, and how strongly it speaks for the same crash (positive) or another (negative)."""

    statement: str
    weight: float


@dataclass(frozen=True, slots=True)
class CrashPlace:
    """Where a crash is put: the level of the blamed module, else the first telling one, else the faulting address."""

    module: Module
    symbol: str | None
    offset: int
    address: int

    @property
    def name(self) -> str:
        """As a debugger writes it."""
        return (
            f"{self.module.name}!{self.symbol}+{self.offset:#x}" if self.symbol else f"{self.module.name}+{self.rva:#x}"
        )

    @property
    def rva(self) -> int:
        """Bytes from the module's base."""
        return self.address - self.module.base


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two crashes.

    Attributes:
        outcome: the answer. headline: in one sentence. score: the sum of all weights.
        reasons: strongest first.
        stacks: their alignment, None where one is missing.
        drivers: what changed from the first to the second.
        one_stop: both files were written for one and the same stop of one machine.
    """

    outcome: Outcome
    headline: str
    score: float
    reasons: tuple[Reason, ...]
    stacks: StackMatch | None
    drivers: DriverChanges
    one_stop: bool

    @property
    def is_same(self) -> bool:
        """The same crash, or probably."""
        return self.outcome in (Outcome.SAME, Outcome.PROBABLY_SAME)

    @property
    def for_same(self) -> tuple[Reason, ...]:
        """What speaks for the same crash."""
        return tuple(reason for reason in self.reasons if reason.weight > 0)

    @property
    def against(self) -> tuple[Reason, ...]:
        """What speaks for different crashes."""
        return tuple(reason for reason in self.reasons if reason.weight < 0)


def compare(first: Analysis, second: Analysis) -> Comparison:
    """Compare two crashes; the answer does not depend on their order. Walks both stacks."""
    stacks = _stacks(first, second)
    reasons = sorted(_reasons(first, second, stacks), key=_strength)
    one_stop = is_one_stop(first, second)
    score = round(sum(reason.weight for reason in reasons), 2)
    outcome, headline = _decide(first, second, reasons, score, one_stop)
    return Comparison(outcome, headline, score, tuple(reasons), stacks, driver_changes(first, second), one_stop)


def _strength(reason: Reason) -> float:
    return -abs(reason.weight)


def is_one_stop(first: Analysis, second: Analysis) -> bool:
    """Tell whether two files (a full dump and its small dump, say, or copies) come from one stop of one machine."""
    if first.sha256 is not None and first.sha256 == second.sha256:
        return True
    a, b = first.system, second.system
    if a is None or b is None or a.crash_time is None or b.crash_time is None:
        return False
    close = abs((a.crash_time - b.crash_time).total_seconds()) < 1
    checks = [_identity(each.bugcheck) for each in (first, second)]
    return close and checks[0] == checks[1] and a.build == b.build and a.processors == b.processors


def _identity(check: BugCheck | None) -> tuple[int, ...] | None:
    return None if check is None else (check.code, *(parameter.value & 0xFFFF_FFFF for parameter in check.parameters))


# --- the answer ---


def _decide(
    first: Analysis, second: Analysis, reasons: list[Reason], score: float, one_stop: bool
) -> tuple[Outcome, str]:
    if one_stop:
        return Outcome.SAME, "The same crash: both files were written for one and the same stop."
    obstacle = _obstacle(first, second)
    if obstacle:
        return Outcome.NOT_COMPARABLE, f"Not comparable: {obstacle}."
    if sum(abs(reason.weight) for reason in reasons) < ENOUGH:
        return Outcome.NOT_COMPARABLE, "Not comparable: the two dumps tell too little of the same kind."
    best = reasons[0].statement
    if score >= SAME and reasons[0].weight >= SPECIFIC and all(reason.weight > DECISIVE for reason in reasons):
        return Outcome.SAME, f"The same crash: {best}."
    if score >= PROBABLY:
        return Outcome.PROBABLY_SAME, f"Probably the same crash: {best}."
    strongest = next((reason.statement for reason in reasons if reason.weight < 0), "too little is alike")
    shared = first.blame.image if first.blame.module and first.blame.module == second.blame.module else ""
    suspect = f", both put down to {shared}" if shared else ""
    return Outcome.DIFFERENT, f"Different crashes{suspect}: {strongest}."


def _obstacle(first: Analysis, second: Analysis) -> str:
    """Why two dumps cannot be compared, or ""."""
    if first.dump.is_kernel != second.dump.is_kernel:
        return "one is the crash of a whole machine, the other of a process"
    manual = [each.bugcheck is not None and each.bugcheck.is_manual for each in (first, second)]
    if all(manual):
        return "both systems were stopped on purpose, so there is no crash in either"
    if any(manual):
        return f"{'the first' if manual[0] else 'the second'} system was stopped on purpose, which is no crash"
    return ""


# --- the reasons ---


def _reasons(first: Analysis, second: Analysis, stacks: StackMatch | None) -> Iterator[Reason]:
    yield from _codes(first, second)
    yield from _exceptions(first, second)
    yield from _blames(first, second)
    yield from _places(first, second)
    if stacks is not None:
        yield from _stack_reason(stacks)


def _codes(first: Analysis, second: Analysis) -> Iterator[Reason]:
    a, b = first.bugcheck, second.bugcheck
    if a is None or b is None:
        return
    if a.code != b.code:
        both = f"{a.code:#x} {a.name} and {b.code:#x} {b.name}"
        if {a.code, b.code} <= BAD_POINTER_CODES:
            yield Reason(f"different bug checks, {both}, though one bad pointer can end in either", -0.3)
        else:
            yield Reason(f"different bug checks: {both}", -2.0)
        return
    yield Reason(f"the same bug check, {a.code:#x} {a.name}", 1.0)
    if a.subtype and b.subtype:
        alike = a.subtype == b.subtype
        text = f"the same case of it: {a.subtype}" if alike else f"another case of it: {a.subtype}; {b.subtype}"
        yield Reason(text, 0.5 if alike else -1.0)
    yield from _parameters(first, a, second, b)
    kinds = (a.parameters[0].value, b.parameters[0].value)
    if not a.documented and max(kinds) <= SMALL:
        alike = kinds[0] == kinds[1]
        text = f"parameter 1 of this unknown code: {kinds[0]:#x}" + ("" if alike else f" and {kinds[1]:#x}")
        yield Reason(text, 0.3 if alike else -1.0)


def _parameters(first: Analysis, a: BugCheck, second: Analysis, b: BugCheck) -> Iterator[Reason]:
    """Compare what kind of value each parameter has; addresses themselves differ from boot to boot."""
    for number, (one, other) in enumerate(zip(a.parameters, b.parameters, strict=True), 1):
        if one.role != other.role:
            continue
        if one.role in CLASS_ROLES:
            words = [each.resolved or f"{each.value:#x}" for each in (one, other)]
            alike = one.value & 0xFFFF_FFFF == other.value & 0xFFFF_FFFF
        elif one.role == "address":
            words = [_address_class(each.value, whose) for each, whose in ((one, first), (other, second))]
            alike = words[0] == words[1]
        else:
            continue
        text = f"parameter {number} ({one.meaning}): {words[0] if alike else ' and '.join(words)}"
        yield Reason(text, 0.3 if alike else -0.5)


def _address_class(address: int, analysis: Analysis) -> str:
    kind = kind_of_address(address, analysis.machine.architecture)
    if address < NULL_PAGE:
        return kind.words
    module = analysis.modules.at(address)
    return (
        f"in {module.name}"
        if module
        else {"kernel": "a kernel address", "user": "a user address"}.get(kind.name, kind.name.replace("_", " "))
    )


def _exceptions(first: Analysis, second: Analysis) -> Iterator[Reason]:
    """Compare exception codes where no bug check parameter told them already."""
    a, b = first.machine.exception, second.machine.exception
    if a is None or b is None or (first.bugcheck and first.bugcheck.parameter("exception_code")):
        return
    if a.code == b.code:
        yield Reason(f"the same exception, {a.name}", 0.7)
    else:
        yield Reason(f"different exceptions: {a.name} and {b.name}", -1.5)


def _blames(first: Analysis, second: Analysis) -> Iterator[Reason]:
    a, b = first.blame, second.blame
    if "none" in (a.level, b.level):
        return
    sure = min(a.confidence, b.confidence)
    if a.module and b.module:
        if a.module.lower() == b.module.lower():
            yield Reason(f"both are put down to {a.image or a.module}", round(0.5 + 1.5 * sure, 2))
        else:
            text = f"put down to different modules: {a.image or a.module} and {b.image or b.module}"
            yield Reason(text, round(-0.5 - 2 * sure, 2))
    elif a.category is b.category and a.category is not Category.UNKNOWN:
        yield Reason(f"both are put down to {a.category.value}", round(0.3 + sure, 2))
    elif a.category is not b.category:
        yield Reason(f"put down to {a.module or a.category.value} and {b.module or b.category.value}", -1.0)


def _is_core(module: str) -> bool:
    return owner_of(module) is Owner.LAST


def _places(first: Analysis, second: Analysis) -> Iterator[Reason]:
    a, b = crash_place(first), crash_place(second)
    if a is None or b is None:
        return
    any_size = first.dump.log is not None or second.dump.log is not None
    placed = a.module.base not in first.modules.unplaced and b.module.base not in second.modules.unplaced
    same_build = placed and _same_build(a.module, b.module, any_size=any_size)
    core = any(_is_core(place.module.name) for place in (a, b))
    if a.module.name.lower() != b.module.name.lower():
        yield Reason(f"at different places: {a.name} and {b.name}", -0.7 if core else -1.5)
    elif same_build and a.rva == b.rva:
        yield Reason(f"at the same instruction, {a.name}, of the same build", 1.2 if core else 2.5)
    elif a.symbol and b.symbol:
        alike = a.symbol == b.symbol
        where = (
            f"in the same function, {a.module.name}!{a.symbol}"
            if alike
            else f"in different functions: {a.name}, {b.name}"
        )
        yield Reason(where, (0.8 if core else 2.0) if alike else -1.0)
    elif same_build:
        near = abs(a.rva - b.rva) < NEAR_CODE
        text = f"{'close together' if near else 'at different places'} in the same build: {a.name} and {b.name}"
        yield Reason(text, 1.0 if near else -0.7)
    else:
        yield Reason(f"in the same module, {a.module.image}, in two builds whose places cannot be compared", 0.3)


def crash_place(analysis: Analysis) -> CrashPlace | None:
    """Put a crash at one place of code; None where no module is known to be involved."""
    frames = telling_frames(_frames(analysis))
    blamed = next((f for f in frames if f.module and f.module.name == analysis.blame.module), None)
    chosen = blamed or next((frame for frame in frames if frame.module), None)
    if chosen is not None:
        return _place(chosen)
    address = analysis.crash.faulting_address
    module = analysis.modules.at(address) if address is not None else None
    return CrashPlace(module, None, address - module.base, address) if module and address is not None else None


def _place(frame: Frame) -> CrashPlace | None:
    return CrashPlace(frame.module, frame.symbol, frame.offset, frame.ip) if frame.module else None


def _same_build(a: Module, b: Module, *, any_size: bool) -> bool:
    """Tell whether two images are one build; a debugger's log tells no sizes."""
    if any_size:
        return a.time_date_stamp == b.time_date_stamp != 0
    return (a.time_date_stamp, a.size) == (b.time_date_stamp, b.size)


def _stacks(first: Analysis, second: Analysis) -> StackMatch | None:
    ours, theirs = _frames(first), _frames(second)
    return match_stacks(ours, theirs) if ours and theirs else None


def _frames(analysis: Analysis) -> tuple[Frame, ...]:
    """The telling stack, without the level of KeBugCheckEx where no symbols name it: all bug checks share it."""
    stack = analysis.crash.telling_stack
    frames = stack.frames if stack else ()
    raising = analysis.dump.is_kernel and analysis.crash.fault_stack is None
    if raising and frames and frames[0].module and frames[0].module.name == "nt" and not frames[0].symbol:
        return frames[1:]
    return frames


def _stack_reason(match: StackMatch) -> Iterator[Reason]:
    if match.levels < LEAST_LEVELS:
        return
    text = f"the stacks are {match.similarity:.0%} alike over {match.levels} levels"
    if match.similarity >= 0.8:
        yield Reason(text, 2.5)
    elif match.similarity >= 0.5:
        yield Reason(text, 1.0)
    elif match.similarity <= 0.25:
        yield Reason(text, -1.5)
