"""A debugger's log and our blame → Gaps where the two name different modules.

Source: MODULE_NAME, SYMBOL_NAME and the short analysis's `Probably caused by` are the debugger's verdict
(../shared/facts/windbg.md §3.1).

Folklore: `!analyze` blames the first module on the stack that its owner list knows, so it names nt, win32k or a file
system where nobody better is at hand; that it does and these rules don't is no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bugcheck.findings.findings import Crash
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.verdict.blame import Blame

if TYPE_CHECKING:
    from bugcheck.dump.log.facts import LogFacts

NOBODY = frozenset(
    ["unknown_module", "nt_wrong_symbols", "memory_corruption", "heap_corruption", "hardware", "unknown"]
)
"""What stands in MODULE_NAME where the debugger blames no module."""
EVERYBODYS = frozenset(["ntdll", "kernel32", "kernelbase", "ntkrnlmp", "ntkrnlpa", "ntkrpamp", "ntoskrnl"])
"""Modules on every stack: of processes, and the kernel under its file names."""


def log_disagreements(crash: Crash, blame: Blame) -> Iterator[Gap]:
    """Yield what the debugger concluded and these rules don't."""
    log = crash.dump.log
    told = _blamed(log) if log is not None else ""
    if log is None or not told or _same(told, blame.module):
        return
    place = log.field("SYMBOL_NAME")
    theirs = f"{told} ({place})" if place and place.lower() != told.lower() else told
    if blame.module is not None:
        yield Gap("whose verdict holds", f"the log blames {theirs}, these rules blame {blame.module}; see why")
    elif not _is_of_windows(crash, told):
        yield Gap("whether the log's verdict holds", f"it blames {theirs}; to these rules the evidence is too little")


def _is_of_windows(crash: Crash, name: str) -> bool:
    module = crash.modules.named(name)
    if not crash.dump.is_kernel or module is None:
        return name.lower() in EVERYBODYS
    return standing_of(module, crash) in (Standing.CORE, Standing.INBOX)


def _blamed(log: LogFacts) -> str:
    """The module the debugger blamed, "" for none."""
    words = log.field("MODULE_NAME").split()
    name = words[0] if words else log.probable_cause
    return "" if name.lower() in NOBODY or not name else name


def _same(told: str, module: str | None) -> bool:
    return module is not None and _stem(told) == _stem(module)


def _stem(name: str) -> str:
    stem, dot, suffix = name.lower().rpartition(".")
    return stem if dot and suffix in ("sys", "exe", "dll") else name.lower()
