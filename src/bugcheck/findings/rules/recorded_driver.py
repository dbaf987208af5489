"""The broken-driver field of a small dump → the driver the kernel itself named.

Source: TRIAGE_DUMP BrokenDriverOffset (Ghidra `TriageDump`), written when the kernel's KiBugCheckDriver is set.

Folklore: for faults (0A, D1, 50, 8E …) the kernel looks up the driver by the address of the instruction, which another
rule weighs already; the name is evidence of its own where the parameters hold no such address.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.suspicion import Standing, standing_of


@rule
def recorded_driver(crash: Crash) -> Iterator[Finding]:
    """The driver the kernel recorded as broken."""
    name = crash.dump.triage.broken_driver if crash.dump.triage else ""
    if not name:
        return
    module = crash.modules.named(name)
    core = module is not None and standing_of(module, crash) is Standing.CORE
    by_address = module is not None and module is crash.modules.at(crash.faulting_address or 0)
    yield Finding(
        "recorded_driver",
        f"the kernel recorded {name} as the driver that broke the rules",
        0.0 if core else 0.1 if by_address else 0.7,
        (Citation("field", "broken driver", name),),
        module=module.name if module else None,
        category=Category.DRIVER,
        refuted_by="a bug check whose address only happens to lie in that driver",
    )
