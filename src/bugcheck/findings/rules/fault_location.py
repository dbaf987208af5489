"""Faulting instruction → the module it lies in, and what it did to which address.

Source: parameter roles of the bug check reference; exception records; the fault context.  Folklore: the module that
faults is often the victim, above all when it is the kernel itself; so nt, hal and their like weigh next to nothing
here.  A null pointer is a mistake of the code that uses it more often than a wild address is, which damaged memory
makes as well; and a driver that stands several levels deep in its own work was handed less by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, takewhile

from bugcheck.addresses import format_hex
from bugcheck.findings.access import describe_access, failed_access
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.frame_owners import Owner, before_stop, owner_of
from bugcheck.findings.mechanism import mistake
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.findings.system_threads import thread_start_address
from bugcheck.gaps import Gap
from bugcheck.machine.modules import Module
from bugcheck.stack.call_sites import calls_before
from bugcheck.stack.frame import Frame, Trust

WEIGHTS = {Standing.CORE: 0.05, Standing.INBOX: 0.25, Standing.UNKNOWN: 0.5, Standing.THIRD_PARTY: 0.55}
NULL_POINTER = 0.1
"""Added for a null pointer or memory marked as freed: software's mistakes, which faults of memory do not imitate."""
DEEP, GUESSED = 0.1, 0.05
"""Added for each of two further levels in the module: walked, or found by scanning and proven by a call; guessed."""
OWN_THREAD = 0.15
"""Added where the thread was started in the module and stands in it: nobody else handed it anything to work on."""
LONGEST_FUNCTION = 0x2000
"""Bytes from a function's start in which its code is looked for: longer ones are rare, and split."""


@rule
def fault_location(crash: Crash) -> Iterator[Finding | Gap]:
    """The module the faulting instruction lies in."""
    address = crash.faulting_address
    if address is None:
        return
    module = crash.modules.at(address)
    citation = Citation("address", "faulting instruction", format_hex(address))
    if module is None:
        yield from _outside(crash, address, citation)
        return
    if not crash.dump.is_kernel:
        yield _user_finding(crash, module.name, address, citation)
        return
    standing = standing_of(module, crash)
    action, how_sure = mistake(crash)
    statement = f"the faulting instruction is in {module.name} ({crash.modules.resolve(address)}), which {action}"
    outsider = standing in (Standing.UNKNOWN, Standing.THIRD_PARTY)
    deep, levels = _own_levels(crash, module) if outsider else (0.0, 0)
    if levels:
        statement += f", {levels} level{'s' if levels > 1 else ''} deep in its own code"
    own_thread = outsider and _is_thread_of(crash, module)
    if own_thread:
        statement += ", in a thread it started itself"
    more = deep + _of_address(crash) + (OWN_THREAD if own_thread else 0.0) if outsider else 0.0
    yield Finding(
        "fault_location",
        statement,
        round(WEIGHTS[standing] + more, 2),
        (citation, *_access_citations(crash)),
        module=module.name,
        category=Category.DRIVER,
        refuted_by="a pointer that another module handed over, or memory that an unknown writer damaged",
        clause=action,
        how_sure=how_sure,
    )


def _own_levels(crash: Crash, module: Module) -> tuple[float, int]:
    """What further levels of the stack in the same module add, and how many there are before another's turn."""
    stack = crash.telling_stack
    frames = [frame for frame in before_stop(stack.frames if stack else ()) if not frame.inline]
    inside = next((index for index, frame in enumerate(frames) if frame.module is module), None)
    own = list(takewhile(lambda frame: frame.module is module, frames[inside:] if inside is not None else ()))
    sure = [frame.trust is not Trust.SCAN or _called(crash, frame, inner) for inner, frame in pairwise(own)]
    return sum(DEEP if each else GUESSED for each in sure[:2]), len(sure)


def _called(crash: Crash, frame: Frame, inner: Frame) -> bool:
    """Tell whether the call before a guessed level's address goes to the function the level below it stands in."""
    found = calls_before(crash.memory, frame.ip, crash.machine.architecture) or ()
    targets = [call.target for call in found if call.target is not None]
    return any(target <= inner.ip < target + LONGEST_FUNCTION for target in targets)


def _is_thread_of(crash: Crash, module: Module) -> bool:
    start = thread_start_address(crash)
    return start is not None and start in module


def _of_address(crash: Crash) -> float:
    access = failed_access(crash)
    return NULL_POINTER if access is not None and access.what.name in ("null", "fill_pattern") else 0.0


def _user_finding(crash: Crash, name: str, address: int, citation: Citation) -> Finding:
    inbox = owner_of(name) is Owner.LAST
    return Finding(
        "fault_location",
        f"the exception happened in {name} ({crash.modules.resolve(address)}), which {describe_access(crash)}",
        0.1 if inbox else 0.5,
        (citation,),
        module=name,
        category=Category.SOFTWARE,
        refuted_by="a caller that passed it bad data",
    )


def _outside(crash: Crash, address: int, citation: Citation) -> Iterator[Finding | Gap]:
    gone = next((module for module in crash.machine.unloaded_modules if address in module), None)
    if gone is not None:
        return  # the rule on unloaded modules speaks
    if not crash.modules:
        yield Gap("which module the faulting instruction is in", "a list of loaded modules")
        return
    yield Finding(
        "fault_location",
        f"the processor was executing at {address:#x}, where no module is: control went astray",
        0.0,
        (citation,),
        category=Category.CORRUPTION,
        refuted_by="a module that hides itself from the list",
    )


def _access_citations(crash: Crash) -> tuple[Citation, ...]:
    if crash.bugcheck is None:
        return ()
    cited = [
        Citation("parameter", f"parameter {number}", format_hex(parameter.value))
        for number, parameter in enumerate(crash.bugcheck.parameters, 1)
        if parameter.role in ("address", "access_type", "access_type_50", "irql", "exception_code")
    ]
    return tuple(cited)
