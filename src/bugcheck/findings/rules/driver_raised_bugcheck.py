"""The caller of KeBugCheckEx → the module that stopped the system itself.

Source: the x64, ARM64 and x86 calling conventions: at KeBugCheckEx's first instruction the return address is at [rsp]
(x64, x86) or in lr (ARM64).  Folklore: header contexts of small dumps are taken exactly there (nt+0x14dba0 with
rsp pointing at the caller, on 11 corpus dumps whose driver raised the check).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.dump.dump import Architecture
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap

WEIGHTS = {Standing.THIRD_PARTY: 0.75, Standing.UNKNOWN: 0.6, Standing.INBOX: 0.3}


@rule
def driver_raised_bugcheck(crash: Crash) -> Iterator[Finding | Gap]:
    """A driver that called KeBugCheckEx itself."""
    context = crash.machine.processor_context
    if context is None or crash.bugcheck is None:
        return
    kernel = crash.modules.named("nt")
    if kernel is None or context.instruction_pointer not in kernel:
        return
    caller = _return_address(crash)
    module = crash.modules.at(caller) if caller else None
    if module is None or caller is None:
        return
    standing = standing_of(module, crash)
    if standing is Standing.CORE or crash.bugcheck.is_manual:
        return
    yield Finding(
        "driver_raised_bugcheck",
        f"{module.image} called KeBugCheckEx itself, from {crash.modules.resolve(caller)}",
        WEIGHTS[standing],
        (Citation("memory", f"top of stack {format_hex(context.stack_pointer or 0)}", format_hex(caller)),),
        module=module.name,
        category=Category.DRIVER,
        refuted_by="a saved context that is not at KeBugCheckEx's first instruction",
        clause=f"stopped the system itself with bug check {crash.bugcheck.code:#x}",
    )


def _return_address(crash: Crash) -> int | None:
    context = crash.machine.processor_context
    if context is None or context.stack_pointer is None:
        return None
    if crash.machine.architecture in (Architecture.ARM64, Architecture.ARM32):
        return context.registers.get("lr")
    return crash.memory.try_pointer(context.stack_pointer)
