"""Blame and crash → the one sentence a tired person reads first, only as strong as the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.findings.access import describe_access, failed_access
from bugcheck.findings.findings import Category, Crash, Finding
from bugcheck.findings.frame_owners import Owner, owner_of, responsible_frame
from bugcheck.findings.mechanism import describe_mistake
from bugcheck.machine.modules import Module
from bugcheck.verdict.blame import Blame

BREAKPOINT = 0x8000_0003


def headline(crash: Crash, blame: Blame, findings: Sequence[Finding] = ()) -> str:
    """Write the sentence."""
    if not crash.dump.is_kernel:
        return _user(crash)
    check = crash.bugcheck
    if check is not None and check.is_manual:
        return f"No crash: the system was stopped on purpose ({check.name})."
    if blame.category is Category.HARDWARE:
        return f"Hardware, most likely: {blame.because[0]}."
    if blame.module is not None:
        return _module(crash, blame, findings)
    return _nobody(crash)


def _module(crash: Crash, blame: Blame, findings: Sequence[Finding]) -> str:
    module = crash.modules.named(blame.module or "")
    name = described(crash, module) if module else str(blame.image)
    if not blame.clause:
        return f"{name}: {blame.because[0]}."
    about = (finding for finding in findings if finding.module == blame.module and not finding.weight)
    circumstance = next((finding.clause for finding in about if finding.clause.startswith("while ")), "")
    return f"{name} {blame.clause}{f' {circumstance}' if circumstance else ''}."


def described(crash: Crash, module: Module) -> str:
    """Name a module with product and vendor, as far as they are publicly known."""
    facts = crash.driver_facts(module)
    if facts is None:
        return module.image
    parts = [part for part in (facts.product, facts.vendor) if part and part not in ("unknown", module.image)]
    return f"{module.image} ({', '.join(dict.fromkeys(parts))})" if parts else module.image


def _nobody(crash: Crash) -> str:
    check = crash.bugcheck
    address = crash.faulting_address
    module = crash.modules.at(address) if address is not None else None
    if module is not None and (failed_access(crash) or crash.machine.exception):
        return (
            f"Not enough to name a cause. {module.image} {describe_access(crash)}; "
            f"{module.name} is rarely the cause itself: it worked with what something else gave it."
        )
    summary = check.summary if check else "The dump does not say why the system stopped."
    if check is not None and check.subtype:
        summary = f"{summary.rstrip('.')}: {check.subtype}."
    return f"Not enough to name a cause. {summary}"


def _user(crash: Crash) -> str:
    exception = crash.machine.exception
    if exception is None:
        return "No exception is recorded: this dump is a snapshot of a process, or of one that hung."
    module = crash.modules.at(exception.address)
    access = failed_access(crash)
    if module is None and access is not None and access.kind == "execute":
        return f"The process jumped to {exception.address:#x}, where there is no code of any module."
    if module is None:
        where = f"Code at {exception.address:#x}, in no module," if exception.address else "The process"
        return f"{where} {describe_access(crash)}."
    if exception.code == BREAKPOINT and module.name.lower() == "ntdll":
        return "A breakpoint in ntdll.dll: a debugger or a tool broke into the process, or one of its checks failed."
    raiser = _raiser(crash) if owner_of(module.name) is Owner.LAST and access is None else None
    if raiser is not None:
        return f"{raiser.image} raised {exception.words} that nobody handled."
    return f"{module.image} {describe_mistake(crash)}."


def _raiser(crash: Crash) -> Module | None:
    """The module that had a runtime raise the exception."""
    stack = crash.telling_stack
    frame = responsible_frame(crash, stack.frames) if stack else None
    return frame.module if frame else None
