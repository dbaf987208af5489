"""A critical process or thread that ended → its name, and the status it ended with.

Source: bug check reference, EF and F4; EPROCESS.ExitStatus from KernelLayout where the shipped table has it.

Folklore: the process that is current at the stop is often the one that died, or one that killed it, and neither is
therefore guilty.  An exit with an in-page error means its file could not be read: the disk.  A small dump holds only
the current process, so the name of another is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Citation, Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.knowledge.statuses import describe_status
from bugcheck.machine.exception import IN_PAGE_ERROR
from bugcheck.machine.objects import Process, read_process, read_thread

STILL_RUNNING = 0x103
"""STATUS_PENDING: ExitStatus of a process that has not ended."""

_BAD_IMAGE = (0xC000_0221, 0xC000_012F, 0xC000_007B)


def explain_process(crash: Crash, rule: str, address: int, number: int) -> Iterator[Finding | Gap]:
    """Name the process whose EPROCESS a parameter points at, and say how it ended."""
    process = read_process(address, crash.memory, crash.machine.layout)
    check = crash.bugcheck
    if check is None:
        return
    if process is None:
        yield Gap("which process ended", f"its process object {address:#x}; a kernel memory dump has it")
        return
    yield fact(rule, f"the process that ended is {_named(process)}", cite(check, number))
    status = _exit_status(crash, process)
    if status is None:
        name = process.name or "the process"
        yield Gap(f"how {name} ended", "its exit status, whose place in this kernel is unknown")
    elif status != STILL_RUNNING:
        yield from _how(rule, process, status)


def explain_thread(crash: Crash, rule: str, address: int, number: int) -> Iterator[Finding | Gap]:
    """Name the process of the thread a parameter points at, and say how it ended."""
    thread = read_thread(address, crash.memory, crash.machine.layout)
    check = crash.bugcheck
    if check is None or thread is None or not thread.process:
        yield Gap("whose thread ended", f"its thread object {address:#x}; a kernel memory dump has it")
        return
    yield fact(rule, f"the thread that ended is {thread.id}", cite(check, number))
    yield from explain_process(crash, rule, thread.process, number)


def _named(process: Process) -> str:
    return f"{process.name or 'unnamed'} (process {process.id})" if process.id is not None else process.name


def _exit_status(crash: Crash, process: Process) -> int | None:
    at = crash.machine.layout.offset("EPROCESS.ExitStatus")
    return crash.memory.try_u32(process.address + at) if at is not None else None


def _how(rule: str, process: Process, status: int) -> Iterator[Finding]:
    cited = (Citation("field", "EPROCESS.ExitStatus", f"{status:#010x}"),)
    yield fact(rule, f"{process.name or 'it'} ended with {describe_status(status)}", cited)
    if status in _BAD_IMAGE:
        text = "that status means a damaged system file: `sfc /scannow` and `chkdsk` check for it"
        yield fact(rule, text, cited)
    elif status == IN_PAGE_ERROR:
        text = "that status means that a page of its files, or of the page file, could not be read from disk"
        refuted = "a file on a drive that was unplugged"
        yield points_at(rule, Category.HARDWARE, text, 0.45, cited, refuted)
