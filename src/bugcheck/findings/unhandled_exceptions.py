"""An exception nobody handled → what its code tells beyond an access violation.

Source: bug check reference, 1E, 3B, 7E, 8E; NTSTATUS values of winnt.h and ntstatus.h; EXCEPTION_RECORD (an in-page
error's third parameter is the status of the read).

Folklore: a breakpoint or assertion in a driver is its maker's own check that failed, and without a debugger it is an
exception like any other.  A system thread belongs to the driver whose routine it started in, whatever code it is in.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, fact, points_at
from bugcheck.findings.findings import Category, Citation, Crash, Finding
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.findings.system_threads import thread_start_address
from bugcheck.knowledge.statuses import describe_status, status_words
from bugcheck.machine.exception import ACCESS_VIOLATION, IN_PAGE_ERROR, ExceptionRecord
from bugcheck.machine.modules import Module

BREAKPOINT, ASSERTION = 0x8000_0003, 0xC000_0420
STACK_OVERFLOW = 0xC000_00FD
_CHECK_WEIGHT, _THREAD_WEIGHT, _DISK_WEIGHT = 0.3, 0.3, 0.4


def explain_exception(crash: Crash, rule: str) -> Iterator[Finding]:
    """Tell what the exception's code means, a check that failed, a page that could not be read, whose thread it was."""
    exception = crash.machine.exception
    if exception is None:
        return
    module = crash.modules.at(exception.address)
    cited = (Citation("field", f"exception code ({exception.source})", f"{exception.code:#010x}"),)
    if exception.code == IN_PAGE_ERROR:
        yield _in_page(exception, rule, cited)
    elif exception.code in (BREAKPOINT, ASSERTION) and module is not None:
        yield _own_check(crash, rule, module, cited)
    elif exception.code != ACCESS_VIOLATION:
        words = status_words(exception.code) or describe_status(exception.code)
        yield fact(rule, f"the exception is {exception.words}: {words.rstrip('.')}", cited)


def _in_page(exception: ExceptionRecord, rule: str, cited: tuple[Citation, ...]) -> Finding:
    status = exception.parameters[2] & 0xFFFF_FFFF if len(exception.parameters) > 2 else 0
    why = f" ({describe_status(status)})" if status else ""
    return points_at(
        rule,
        Category.HARDWARE,
        f"a page of code or data could not be read from its file or the page file{why}",
        _DISK_WEIGHT,
        cited,
        "a file on a network or removable drive that went away",
    )


def _own_check(crash: Crash, rule: str, module: Module, cited: tuple[Citation, ...]) -> Finding:
    return accuse(
        crash,
        rule,
        module,
        f"a breakpoint or assertion in {module.image} was reached: a check its maker put there failed",
        _CHECK_WEIGHT,
        cited,
        clause="reached a breakpoint or assertion of its own",
        refuted_by="damage by another driver, which that check only noticed",
    )


def explain_system_thread(crash: Crash, rule: str) -> Iterator[Finding]:
    """Tell whose thread it was, when its start routine lies in a driver and the faulting code does not."""
    start = thread_start_address(crash)
    module = crash.modules.at(start) if start else None
    at_fault = crash.modules.at(crash.faulting_address) if crash.faulting_address else None
    if module is None or start is None or module is at_fault:
        return
    if standing_of(module, crash) not in (Standing.THIRD_PARTY, Standing.UNKNOWN):
        return
    place = crash.modules.resolve(start) or f"{start:#x}"
    yield accuse(
        crash,
        rule,
        module,
        f"the system thread was started by {module.image} ({place})",
        _THREAD_WEIGHT,
        (Citation("field", "ETHREAD.StartAddress", place),),
        clause="owns the system thread that raised the exception",
        refuted_by="another driver whose code that thread was calling",
    )
