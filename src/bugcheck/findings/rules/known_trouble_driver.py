"""Loaded drivers → those that are widely documented for crashes or for letting others write to kernel memory.

Source: knowledge/trouble_drivers.tsv, each line with its own source.

Folklore: a name in a list is no evidence, for versions differ and names are reused.  So the finding is a plain fact,
told only where the bug check is the documented one, and weighs only where the driver is on the stack as well.  A driver
that lets any program write to kernel memory need not be on the stack, but it seldom is the cause.  A fault published
for one system call is a near miss where the stack shows another one, and is told as that.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse
from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.knowledge.tables import find_row
from bugcheck.machine.modules import Module

_FILE = "trouble_drivers.tsv"
REFUTED = "a version in which this is mended, or another driver of the same file name"
_KIND, _CHECKS, _WORDS, _SOURCE = 1, 2, 3, 4


@rule
def known_trouble_driver(crash: Crash) -> Iterator[Finding]:
    """Loaded drivers with documented trouble of this kind, and such as open kernel memory to programs."""
    if not crash.dump.is_kernel:
        return
    known = [(module, row) for module in crash.modules if (row := find_row(_FILE, module.image.lower()))]
    for module, row in known:
        if row[_KIND] == "crash":
            yield from _crash(crash, module, row)
    writable = [(module, row) for module, row in known if row[_KIND] == "vulnerable"]
    if writable:
        names = ", ".join(module.image for module, _ in writable)
        yield Finding(
            "known_trouble_driver",
            f"loaded drivers whose published versions let programs reach kernel memory or hardware: {names}",
            0.0,
            tuple(Citation("module", module.image, row[_SOURCE]) for module, row in writable),
            refuted_by=REFUTED,
        )


def _crash(crash: Crash, module: Module, row: list[str]) -> Iterator[Finding]:
    """Speak where the bug check is a documented one, or, where no code tells it, where the driver is on the stack."""
    fits, on_stack = _fits(crash, row[_CHECKS]), _is_on_stack(crash, module)
    statement, citations = f"{module.image} is loaded: {row[_WORDS]}", (Citation("module", module.image, row[_SOURCE]),)
    needed = row[_CHECKS].removeprefix("call:") if row[_CHECKS].startswith("call:") else ""
    if needed and on_stack:
        yield _by_call(crash, module, row, needed)
        return
    if fits and on_stack:
        yield accuse(
            crash,
            "known_trouble_driver",
            module,
            f"{statement}; the bug check is the documented one and the driver is on the stack",
            0.25,
            citations,
            clause="has documented trouble of this kind",
            refuted_by=REFUTED,
        )
    elif fits:
        yield Finding("known_trouble_driver", statement, 0.0, citations, refuted_by=REFUTED)


def _by_call(crash: Crash, module: Module, row: list[str], needed: str) -> Finding:
    """Hold a fault published for one system call against the one on the stack."""
    stack = crash.telling_stack
    names = [f.symbol or "" for f in (stack.frames if stack else ()) if f.module is not None and f.module.name == "nt"]
    called = next((name for name in names if name.startswith(("Nt", "Zw"))), "")
    published = f"{row[_SOURCE]} is published for {module.image}: {row[_WORDS]}"
    cited = (Citation("module", module.image, row[_SOURCE]),)
    if called[2:] == needed[2:]:
        text = f"{published}; that call is on this stack"
        clause = "has a published fault in this very call"
        refuted = REFUTED
        return accuse(crash, "known_trouble_driver", module, text, 0.3, cited, clause=clause, refuted_by=refuted)
    if called:
        seen = (*cited, Citation("frame", "system call", f"nt!{called}"))
        text = f"a near miss: {published}; but this crash happened in another call, {called}"
        return Finding("known_trouble_driver", text, 0.0, seen, refuted_by="a stack whose names are wrong")
    text = f"{published}; this stack does not show which call was under way"
    return Finding("known_trouble_driver", text, 0.0, cited, refuted_by=REFUTED)


def _fits(crash: Crash, checks: str) -> bool:
    check = crash.bugcheck
    if check is None:
        return False
    names = (f"{check.code:x}", f"{check.code:x}:{check.parameters[0].value:x}")
    return any(name in checks.split(" ") for name in names)


def _is_on_stack(crash: Crash, module: Module) -> bool:
    stack = crash.telling_stack
    return stack is not None and any(frame.module is module for frame in stack.frames)
