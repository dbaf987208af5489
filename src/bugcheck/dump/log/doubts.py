"""A log and the Dump made of it → Gaps: what the log does not tell, and where it contradicts itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.dump.dump import Dump
from bugcheck.dump.log.bugcheck import told_codes
from bugcheck.dump.log.sections import SMALL_DUMP_BIT, Log
from bugcheck.dump.log.stack import parse_symbol
from bugcheck.gaps import Gap

REMEDY = "analyse the dump itself, where it still exists"


def doubts(log: Log, dump: Dump, covering: list[str]) -> Iterator[Gap]:
    """Yield what is missing or doubtful; `covering`: modules of which only addresses are known."""
    facts = dump.log
    if not log.lines("STACK_TEXT"):
        yield Gap("the stack", "STACK_TEXT in this log", REMEDY)
    elif facts is not None and not facts.frames:
        yield Gap("the stack", "a line of STACK_TEXT that could be read", REMEDY)
    if dump.kernel is not None and facts is not None and not facts.is_code_known:
        yield Gap("the bug check's code", "a line of this log that tells it", REMEDY)
    if dump.kernel is not None and len(log.arguments) < 4:
        yield Gap("parameters of the bug check", "Arg1 to Arg4 in this log; what the stack shows is used", REMEDY)
    if covering:
        yield Gap(
            f"where {', '.join(covering[:8])} {'lies' if len(covering) == 1 else 'lie'}",
            "their bases in this log: only addresses in them are known",
            REMEDY,
        )
    if facts is not None and facts.system.is_build_guess:
        yield Gap("the Windows build", "the debugger's first lines; it is taken from the kind of report", REMEDY)
    yield from _contradictions(log, dump)


def _contradictions(log: Log, dump: Dump) -> Iterator[Gap]:
    """What the log says twice and differently."""
    codes = {code & ~SMALL_DUMP_BIT for code in told_codes(log)} if dump.kernel else set[int]()
    if len(codes) > 1:
        names = ", ".join(f"{code:#x}" for code in sorted(codes))
        yield Gap("which bug check it was", f"the log contradicts itself: {names}; the analysis's own heading is used")
    symbol = parse_symbol(log.first("SYMBOL_NAME").replace("+", "+0x", 1))
    name = log.first("MODULE_NAME").split(" ")[0]
    if symbol is not None and name and _stem(symbol.module) != _stem(name):
        yield Gap(
            "which module was blamed", f"the log contradicts itself: MODULE_NAME {name}, SYMBOL_NAME {symbol.module}"
        )


def _stem(module: str) -> str:
    """The name without the suffix that some debuggers print."""
    return re.sub(r"\.(?:exe|dll|sys)$", "", module.lower())
