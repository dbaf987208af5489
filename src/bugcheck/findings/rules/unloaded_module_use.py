"""Addresses in use that belonged to an unloaded module → a driver that left something behind.

Source: the unloaded-module list.  Folklore: address ranges are reused, so only an instruction pointer or a referenced
address counts, and only where no loaded module lies there now.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule


@rule
def unloaded_module_use(crash: Crash) -> Iterator[Finding]:
    """Code or data of a driver that was already unloaded."""
    for where, address, weight in _addresses(crash):
        if crash.modules.at(address) is not None:
            continue
        gone = next((module for module in crash.machine.unloaded_modules if address in module), None)
        if gone is None:
            continue
        yield Finding(
            "unloaded_module_use",
            f"the {where} lies where {gone.name} was before it was unloaded (+{address - gone.base:#x})",
            weight,
            (Citation("address", where, format_hex(address)), Citation("module", "unloaded", gone.name)),
            module=gone.name,
            category=Category.DRIVER,
            refuted_by="another allocation that reuses the address range",
            clause=f"was unloaded, but the {where} still lies in it",
        )
        return


def _addresses(crash: Crash) -> Iterator[tuple[str, int, float]]:
    if crash.faulting_address:
        yield "faulting instruction", crash.faulting_address, 0.7
    check = crash.bugcheck
    for parameter in check.parameters if check else ():
        if parameter.role == "address" and parameter.value:
            yield "referenced address", parameter.value, 0.6
