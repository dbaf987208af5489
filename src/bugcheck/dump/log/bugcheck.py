"""Fields and stack of a log → which bug check it was, with its parameters, or that it is of a process.

Source: KeBugCheckEx's prototype (Microsoft) for the words on its line of STACK_TEXT; ../shared/facts/windbg.md §3.4
for what only analyses of processes print.

Folklore: a listing may lack the bug check's arguments (the story's does): the words on KeBugCheckEx's line are the code
and the first two parameters on x86, three on x64; TRAP_FRAME and CONTEXT are the parameter that means them.  That code
is the one that was raised: KeBugCheck2 makes CC or D6 of a 50.  On x64 the words may be stale.
"""

from __future__ import annotations

import re

from bugcheck.dump.dump import Architecture
from bugcheck.dump.log.facts import LogContext, LogFrame
from bugcheck.dump.log.sections import SMALL_DUMP_BIT, Log
from bugcheck.knowledge.bugchecks import describe_bugcheck

MASK32 = 0xFFFF_FFFF
_CODE_IN_STR = re.compile(r"^0x([0-9A-Fa-f]{1,8})(?:_|$)")


def is_user(log: Log) -> bool:
    """Tell whether a log says that it is of a process."""
    bucket = log.first("BUGCHECK_STR", "BUCKET_ID", "FAILURE_BUCKET_ID")
    words = (log.first("FAILURE_ID_HASH_STRING"), log.first("STACK_COMMAND"), log.first("ANALYSIS_SOURCE"))
    return (
        bucket.startswith("APPLICATION_")
        or words[0].startswith("um:")
        or words[1].startswith("~")
        or words[2].startswith("UM")
        or any("Exception Analysis" in line for line in log.loose)
    )


def is_kernel(log: Log, frames: tuple[LogFrame, ...], architecture: Architecture) -> bool:
    """Tell whether a log that names no bug check is of a kernel dump all the same."""
    if is_user(log):
        return False
    lowest = 0x8000_0000 if architecture.bits == 32 else 0xFFFF_8000_0000_0000
    return (
        any("bugcheck analysis" in line.lower() for line in log.loose)
        or log.first("FAILURE_ID_HASH_STRING").startswith("km:")
        or log.first("ANALYSIS_SOURCE").startswith("KM")
        or any(frame.module == "nt" or frame.frame_address >= lowest for frame in frames)
    )


def told_codes(log: Log) -> list[int]:
    """Every code the log tells, the surest first."""
    found = [log.codes[key] for key in ("title", "field", "short", "command", "fatal") if key in log.codes]
    match = _CODE_IN_STR.match(log.first("BUGCHECK_STR"))
    return [*found, int(match[1], 16)] if match else found


def code_of(log: Log, frames: tuple[LogFrame, ...]) -> int | None:
    """The code the log tells, else that on the stack, where a trap's code may be refined later and words be stale."""
    words = _bugcheck_words(frames)
    told = [*told_codes(log), *(words[0] & MASK32 for _ in words[:1])]
    return None if is_user(log) else next(iter(told), None)


def _bugcheck_words(frames: tuple[LogFrame, ...]) -> tuple[int, ...]:
    """The words on the line of KeBugCheckEx: code and parameters."""
    names = ("KeBugCheckEx", "KeBugCheck2", "KeBugCheck")
    return next((f.arguments for f in frames if f.module == "nt" and f.function in names and f.arguments), ())


def parameters_of(
    log: Log, code: int, frames: tuple[LogFrame, ...], context: LogContext | None, architecture: Architecture
) -> tuple[int, int, int, int]:
    """The four parameters: as told, else from the stack, else the place of the registers; 0 where nothing tells one."""
    mask = (1 << architecture.bits) - 1
    values: list[int | None] = [log.arguments.get(index) for index in (1, 2, 3, 4)]
    words = _bugcheck_words(frames)
    if words and (words[0] ^ code) & MASK32 & ~SMALL_DUMP_BIT == 0:
        for index, word in enumerate(words[1:5]):
            values[index] = word if values[index] is None else values[index]
    roles = _roles(code, [value or 0 for value in values])
    for index, role in enumerate(roles):
        if values[index] is None and context is not None and context.source.startswith(role or "?"):
            values[index] = context.address
    first, second, third, fourth = ((value or 0) & mask for value in values)
    return first, second, third, fourth


def _roles(code: int, values: list[int]) -> list[str]:
    """What the parameters mean, in LogContext's words."""
    knowledge = describe_bugcheck(code)
    if knowledge is None:
        return []
    case = knowledge.case((values[0], values[1], values[2], values[3]))
    return [(meaning.role or "").replace("_", " ") if meaning else "" for meaning in case.parameters]
