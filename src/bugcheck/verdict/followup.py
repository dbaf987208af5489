"""Crash, blame and stacks → the fields of `!analyze` that follow the blamed place.

FOLLOWUP_IP, SYMBOL_STACK_INDEX, SYMBOL_NAME, MODULE_NAME, IMAGE_NAME, DEBUG_FLR_IMAGE_TIMESTAMP, STACK_COMMAND,
LAST_CONTROL_TRANSFER.

Source: ../shared/facts/windbg.md §3.1 and §3.2 [V]: the fields name one place; the index counts levels from 0, warnings
not counted; the transfer is from the first level's return address to its instruction pointer.  Which stack a debugger
of which time shows is read off its STACK_COMMANDs [I].

Folklore: where the stack shown does not contain the faulting instruction as a level (the story: the engine steps over
it), the index is 0 and the followup is the instruction itself.  A module blamed by a structure, not a stack, has no
symbol at all; its bucket says IMAGE_.  When our verdict blames nobody, the fields still name the first telling level,
because scripts group by them: that is a name for the crash and no accusation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.addresses import sign_extend_32
from bugcheck.findings.findings import Category, Crash
from bugcheck.findings.frame_owners import is_crash_path
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame, Trust
from bugcheck.stack.stacks import NamedStack
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.eras import Era

VISTA = 6000
OWNER = "MachineOwner"
UNKNOWN_MODULE, UNKNOWN_IMAGE, INCONCLUSIVE = "Unknown_Module", "Unknown_Image", "ANALYSIS_INCONCLUSIVE"
PLAIN_COMMANDS = {Era.WINDOWS_8: ".thread ; .cxr ; kb", Era.SINCE_2019: ".cxr; .ecxr ; kb"}
"""Era → STACK_COMMAND for the stack of the processor that stopped; `kb` before."""
CORE = frozenset(["nt", "hal"])
CHANGED_CODE = "code_mismatch"
"""The rule whose findings a debugger makes by `!chkimg`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A code address with its name.

    Attributes:
        address: of the instruction. module: debugger name, image: file name.
        function: None where no symbol is known. offset: bytes from the function, or from the module's base.
    """

    address: int
    module: str
    image: str
    function: str | None
    offset: int

    @property
    def name(self) -> str:
        """As SYMBOL_NAME writes it: `RapDrv+9785`, `nt!KeBugCheckEx+1b`, without 0x."""
        base = f"{self.module}!{self.function}" if self.function else self.module
        return f"{base}+{self.offset:x}" if self.offset or not self.function else base


@dataclass(frozen=True, slots=True)
class Followup:
    """The fields around the blamed place; None and "" mark what is not told.

    Attributes:
        faulting_ip: the instruction at fault. followup: the blamed place. stack_index: its level in `stack`.
        module_name, image_name, time_date_stamp: of what is blamed; also without a place.
        symbol_name: of the place, else a word for what there is instead.
        owner: FOLLOWUP_NAME. stack: what STACK_TEXT shows. stack_command: how a debugger gets there.
    """

    faulting_ip: Place | None
    followup: Place | None
    stack_index: int | None
    module_name: str
    image_name: str
    time_date_stamp: int | None
    symbol_name: str
    owner: str
    stack: NamedStack | None
    stack_command: str

    @property
    def last_control_transfer(self) -> tuple[int, int] | None:
        """Return address and instruction pointer of the first level shown."""
        frames = self.stack.frames if self.stack else ()
        return (frames[0].return_address, frames[0].ip) if frames else None


def follow_up(crash: Crash, blame: Blame, era: Era) -> Followup:
    """Find the place that the verdict is about, and everything named after it."""
    stack, command = _stack_shown(crash, era)
    address = crash.faulting_address
    faulting = place_at(crash, address) if address is not None else None
    if blame.module is None and (blame.category is Category.HARDWARE or corruption_pattern(crash, blame)):
        return _corrupted(crash, blame, era, faulting, (stack, command))
    place, index = _blamed_place(crash, blame, faulting, stack)
    module = crash.modules.named(blame.module or (place.module if place else ""))
    name = module.name if module else blame.module or UNKNOWN_MODULE
    return Followup(
        faulting_ip=faulting,
        followup=place,
        stack_index=index,
        module_name=name,
        image_name=module.image if module else blame.image or UNKNOWN_IMAGE,
        time_date_stamp=module.time_date_stamp if module else 0,
        symbol_name=place.name if place else "" if blame.module else INCONCLUSIVE,
        owner=OWNER,
        stack=stack,
        stack_command=command,
    )


def _corrupted(
    crash: Crash, blame: Blame, era: Era, faulting: Place | None, shown: tuple[NamedStack | None, str]
) -> Followup:
    """The fields where no module is blamed but the machine or its memory."""
    pattern = corruption_pattern(crash, blame)
    hardware = "hardware" if era is Era.SINCE_2019 or not pattern else "memory_corruption"
    word = hardware if blame.category is Category.HARDWARE else "memory_corruption"
    image = "memory_corruption" if pattern else word
    stack, command = shown
    return Followup(faulting, None, None, word, image, 0, pattern or word, word, stack, command)


def corruption_pattern(crash: Crash, blame: Blame) -> str:
    """Name the damage as a bucket does: ONE_BIT where 0x1A's parameters say so, LARGE for changed code; "" for neither.

    Damaged pool is not meant: its buckets name the code that found it.
    """
    check = crash.bugcheck
    if check is not None and check.code == 0x1A and check.parameters[0].value in (0x41792, 0x41793):
        flipped = check.parameters[2].value
        if flipped and not flipped & (flipped - 1):
            return "ONE_BIT"
    return "LARGE" if blame.category is Category.CORRUPTION and CHANGED_CODE in blame.rules else ""


# --- the place ---


def place_at(crash: Crash, address: int) -> Place | None:
    """Name a code address; None outside all modules."""
    module = crash.modules.at(address)
    if module is None:
        return None
    text = crash.machine.describe(address) or ""
    place, _, function = text.partition("!")
    if not function:
        return Place(address, module.name, module.image, None, address - module.base if "+" in place else 0)
    match = re.fullmatch(r"(.+)\+0x([0-9a-f]{1,16})", function)
    name, offset = (match[1], int(match[2], 16)) if match else (function, 0)
    return Place(address, module.name, module.image, name, offset)


def _blamed_place(
    crash: Crash, blame: Blame, faulting: Place | None, shown: NamedStack | None
) -> tuple[Place | None, int | None]:
    """The blamed place and its level in the stack shown."""
    if faulting is not None and blame.module in (None, faulting.module):
        return faulting, next((f.index for f in _frames(shown) if f.ip == faulting.address), 0)
    frames = [*_frames(shown), *_frames(crash.telling_stack)]
    frame = _frame_of(blame.module, frames) if blame.module else _first_telling(frames)
    if frame is None:
        return None, None
    return _place_of(frame), frame.index if frame in _frames(shown) else None


def _frames(stack: NamedStack | None) -> tuple[Frame, ...]:
    return stack.frames if stack else ()


def _frame_of(module: str | None, frames: list[Frame]) -> Frame | None:
    return next((frame for frame in frames if frame.module is not None and frame.module.name == module), None)


def _first_telling(frames: list[Frame]) -> Frame | None:
    """The first level that may name a crash nobody is blamed for: outside nt and hal if there is an unguessed one."""
    candidates = list(_candidates(frames))
    outside = (frame for frame, module in candidates if module.name not in CORE and frame.trust is not Trust.SCAN)
    return next(outside, next((frame for frame, _ in candidates), None))


def _candidates(frames: list[Frame]) -> Iterator[tuple[Frame, Module]]:
    """Levels in modules that are not on the way to the bug check; without symbols nt's first level is KeBugCheckEx."""
    for frame in frames:
        if frame.module is None:
            continue
        stopped = frame.module.name == "nt" and not frame.symbol and not frame.index
        if stopped or is_crash_path(frame):
            continue
        yield frame, frame.module


def _place_of(frame: Frame) -> Place | None:
    module = frame.module
    return Place(frame.ip, module.name, module.image, frame.symbol, frame.offset) if module else None


# --- the stack ---


def _stack_shown(crash: Crash, era: Era) -> tuple[NamedStack | None, str]:
    """The stack that STACK_TEXT shows, and STACK_COMMAND."""
    if not crash.dump.is_kernel:
        return crash.telling_stack, f"~{_thread_number(crash)}s; .ecxr ; kb" if crash.machine.exception else "kb"
    fault, stopped = crash.fault_stack, crash.stack
    if fault is not None and (stopped is None or _starts_at_fault(crash, era)):
        return fault, _command_to(crash, fault)
    return stopped, PLAIN_COMMANDS.get(era, "kb")


def _starts_at_fault(crash: Crash, era: Era) -> bool:
    """Context records are always shown from; trap frames by debuggers for x86 since Vista, not by older ones."""
    source = crash.context.source if crash.context else ""
    system = crash.machine.system
    recent = system is not None and system.build >= VISTA
    return source.startswith("context record") or (era is Era.X86 and recent and source.startswith("trap frame"))


def _command_to(crash: Crash, stack: NamedStack) -> str:
    address = context_address(crash, stack.context)
    if address is None:
        return "kb"
    wide = sign_extend_32(address) if crash.machine.architecture.bits == 32 else address
    return f".trap {wide:016x} ; kb" if stack.context.source.startswith("trap frame") else f".cxr {wide:#x} ; kb"


def context_address(crash: Crash, context: Context) -> int | None:
    """Address of the trap frame or context record that registers come from, None when they come from neither."""
    if context.source.startswith("trap frame 0x"):
        return int(context.source.removeprefix("trap frame 0x"), 16)
    parameter = crash.bugcheck.parameter("context_record") if crash.bugcheck else None
    return parameter.value if parameter is not None and context.source.startswith("context record") else None


def _thread_number(crash: Crash) -> int:
    """The debugger's number of the thread the exception happened on: its place in the dump's list."""
    exception = crash.machine.exception
    wanted = exception.thread_id if exception else None
    return next((n for n, thread in enumerate(crash.dump.threads) if thread.id == wanted), 0)
