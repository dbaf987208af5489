"""What this kind of dump cannot tell → Gaps with the setting or command that would get it."""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash
from bugcheck.gaps import Gap
from bugcheck.records import replace
from bugcheck.verdict.blame import Blame

KERNEL_DUMP_SETTING = (
    r"reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v CrashDumpEnabled /t REG_DWORD /d 2 /f"
)


def symbol_gaps(crash: Crash, path: str) -> list[Gap]:
    """What names the stacks lack, and the command that gets them. Walks the stacks.

    A debugger's log has the names its debugger had, and no image of which symbols could be fetched.
    """
    if crash.dump.log is not None:
        return []
    stacks = [stack for stack in (crash.fault_stack, crash.stack) if stack is not None]
    nameless = {frame.module.name for stack in stacks for frame in stack.frames if frame.module and not frame.symbol}
    if not nameless:
        return []
    quoted = f'"{path}"' if " " in path else path
    if crash.machine.symbolizer is not None:
        return [replace(gap, remedy=gap.remedy.replace("DUMP", quoted)) for gap in crash.machine.symbolizer.gaps()]
    return [Gap("names of functions", "symbols: none are at hand", f"bugcheck symbols fetch {quoted}")]


def standing_gaps(crash: Crash, blame: Blame) -> Iterator[Gap]:
    """Yield what the kind of dump leaves open, where it matters for this verdict."""
    if crash.dump.log is not None:
        from bugcheck.verdict.log_verdict import log_disagreements  # only for debuggers' logs

        yield from log_disagreements(crash, blame)
    if crash.dump.is_kernel:
        yield from _kernel_gaps(crash, blame)
    elif blame.level == "none" and not crash.machine.exception:
        yield Gap("why the process was dumped", "an exception in the dump", "")


def _kernel_gaps(crash: Crash, blame: Blame) -> Iterator[Gap]:
    check = crash.bugcheck
    if check is not None and check.is_manual:
        return
    if crash.dump.physical is None and blame.level in ("none", "low"):
        missing = (
            "kernel memory; this small dump holds little but the faulting stack. For the next crash, on that machine:"
        )
        yield Gap("what led there", missing, KERNEL_DUMP_SETTING)
    if not crash.modules and crash.dump.log is None:
        yield Gap("loaded modules", "a readable module list")
    if crash.machine.fault_context is None:
        yield Gap("registers", "a context in the header or of a processor")
