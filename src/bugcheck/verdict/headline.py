"""Blame and crash → the one sentence a tired person reads first, only as strong as the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.findings.access import describe_access, failed_access
from bugcheck.findings.findings import Category, Crash, Finding
from bugcheck.findings.frame_owners import Owner, owner_of, responsible_frame
from bugcheck.findings.mechanism import describe_mistake
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.modules import Module
from bugcheck.verdict.blame import Blame

BREAKPOINT = 0x8000_0003
_MANUAL = {
    0x0: "No crash: a snapshot, taken while the system went on.",
    0x1C8: "No crash of Windows' own: somebody held the power button down until the machine stopped.",
}
_KINDS = {
    Category.HARDWARE: "hardware",
    Category.CORRUPTION: "memory overwritten by code that is not to be seen here",
    Category.SOFTWARE: "software",
    Category.CONFIGURATION: "settings or files of Windows",
    Category.DRIVER: "a driver",
    Category.UNKNOWN: "a cause without a name",
}


def headline(crash: Crash, blame: Blame, findings: Sequence[Finding] = ()) -> str:
    """Write the sentence."""
    if not crash.dump.is_kernel:
        return _user(crash, blame)
    check = crash.bugcheck
    if check is not None and check.is_manual:
        return _MANUAL.get(check.code, f"No crash: the system was stopped on purpose ({check.name}).")
    if blame.module is not None:
        return _module(crash, blame, findings)
    return _kind(crash, blame) if blame.because else _nobody(crash)


def _kind(crash: Crash, blame: Blame) -> str:
    """Where no module is blamed but a kind of cause."""
    words = _KINDS[blame.category]
    perhaps = {"high": "", "medium": "Most likely ", "low": "Perhaps "}[blame.level]
    start = f"{perhaps}{words}" if perhaps else f"{words[0].upper()}{words[1:]}"
    victim = crash.modules.at(crash.faulting_address or 0)
    tripped = f" {victim.image} only tripped over it." if victim and blame.category is Category.HARDWARE else ""
    return f"{start}: {blame.clause or _short(blame.because[0])}.{tripped}"


def _short(statement: str) -> str:
    """A reason without what it adds in brackets or behind a semicolon, which stands among the reasons."""
    return statement.partition(" (")[0].partition(";")[0]


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
    if module.name == "nt":
        return f"{module.image} (the Windows kernel)"
    facts = crash.driver_facts(module)
    if facts is None:
        return module.image
    if facts.ships_with_windows:
        return f"{module.image} (part of Windows)"
    parts = [part for part in (facts.product, facts.vendor) if part and part not in ("unknown", module.image)]
    return f"{module.image} ({', '.join(dict.fromkeys(parts))})" if parts else module.image


def _nobody(crash: Crash) -> str:
    check = crash.bugcheck
    address = crash.faulting_address
    module = crash.modules.at(address) if address is not None else None
    if module is not None and (failed_access(crash) or crash.machine.exception):
        return (
            f"Not enough to name a cause. {described(crash, module)} {describe_access(crash)}; "
            "it is rarely the cause itself: it worked with what something else gave it."
        )
    summary = check.summary if check else "The dump does not say why the system stopped."
    if check is not None and check.subtype and not _repeats(check):
        summary = f"{summary.rstrip('.')}: {check.subtype}."
    return f"Not enough to name a cause. {summary}"


def _repeats(check: BugCheck) -> bool:
    """Tell whether the kind's words only repeat what the parameter is called, with a number ("lock type 1")."""
    bare = check.subtype.rstrip("0123456789 ")
    return any(parameter.meaning.startswith(bare) for parameter in check.parameters if parameter.role == "subtype")


def _user(crash: Crash, blame: Blame) -> str:
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
    raiser = _raiser(crash) if owner_of(module.name) is Owner.LAST else None
    if raiser is not None and access is None:
        return f"{raiser.image} raised {exception.words} that nobody handled."
    if raiser is not None and raiser is not module and raiser.name == blame.module:
        return f"{raiser.image} called {module.image}, which {describe_mistake(crash)}."
    return f"{module.image} {describe_mistake(crash)}."


def _raiser(crash: Crash) -> Module | None:
    """The module that had a runtime raise the exception."""
    stack = crash.telling_stack
    frame = responsible_frame(crash, stack.frames) if stack else None
    return frame.module if frame else None
