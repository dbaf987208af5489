"""Bug checks by which hardware reports an error itself, and single-bit damage of page tables → hardware.

Source: bug check reference (124, 9C, 2E, 80, 12B, 13D…: reported by processor, chipset or memory); 1A with 41792 is a
page table entry that should be zero, its content is parameter 3 (dump-formats.md: one bit set is a RAM error's mark).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule

REPORTED = {0x124: 0.7, 0x9C: 0.7, 0x80: 0.55, 0x2E: 0.6, 0x12B: 0.6}
CORRUPT_PAGE_TABLE_ENTRY = 0x41792


@rule
def hardware_reported(crash: Crash) -> Iterator[Finding]:
    """The hardware reported an error, or a page table entry shows a single flipped bit."""
    check = crash.bugcheck
    if check is None:
        return
    if check.code in REPORTED:
        yield Finding(
            "hardware_reported",
            f"{check.name}: the hardware itself reported the error",
            REPORTED[check.code],
            (Citation("field", "bug check code", format_hex(check.code)),),
            category=Category.HARDWARE,
            refuted_by="a device driver or firmware that puts the device into a wrong state",
        )
    entry = check.parameters[2].value
    bit = entry.bit_length() - 1
    if check.code == 0x1A and check.parameters[0].value == CORRUPT_PAGE_TABLE_ENTRY and entry.bit_count() == 1:
        yield Finding(
            "hardware_reported",
            f"a page table entry that should be zero holds one set bit, bit {bit}: {entry:#x}",
            0.8,
            (Citation("parameter", "parameter 3", format_hex(entry)), Citation("bit", str(bit), format_hex(entry))),
            category=Category.HARDWARE,
            refuted_by="the same dump showing a driver that writes single bits at wrong addresses",
            clause=f"a single bit ({bit}) of a page table entry is flipped",
        )
