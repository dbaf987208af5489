"""Pool blocks that registers point into at the fault → freed ones, and damaged headers with the block before them.

Source: machine/pool_header.py; T. Mandt, "Kernel Pool Exploitation on Windows 7": blocks of a page are chained by their
sizes, and overruns go upwards.

Folklore: only kernels without segment heap (before build 18362) keep chains that prove anything, and only a page whose
first blocks agree is taken for pool at all.  The driver that runs into a freed block used what it, or another, had
given back; the owner of the block before a broken header may have written past its end.  Tags are told, for `!poolused`
lists and strings in driver files lead from them to an owner.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.access import failed_access
from bugcheck.findings.fault_registers import fault_registers
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.machine.pool_header import PoolHeader, PoolPage, has_segment_heap, read_pool_page

MOST_PAGES = 24
PROOF = 2
"""Blocks at a page's beginning that must agree before it is taken for pool."""
NOT_THERE = "not in the dump"


@rule
def pool_damage(crash: Crash) -> Iterator[Finding]:
    """Freed pool blocks that were in use at the fault, and chains of blocks that are broken."""
    build = crash.dump.kernel.build & 0xFFFF if crash.dump.kernel else 0
    if not crash.dump.is_kernel or not build or has_segment_heap(build):
        return
    told: set[int] = set()
    for where, address in _pointers(crash)[:MOST_PAGES]:
        page = read_pool_page(address, crash.memory, crash.machine.pool_layout)
        if len(page.blocks) < PROOF:
            continue
        block = next((each for each in page.blocks if each.address <= address < each.end), None)
        if block is not None and block.is_free and block.address not in told:
            told.add(block.address)
            yield _freed(where, address, block)
        if page.broken_at is not None and NOT_THERE not in page.reason and page.broken_at not in told:
            told.add(page.broken_at)
            yield _broken(page, page.blocks[-1])


def _pointers(crash: Crash) -> list[tuple[str, int]]:
    """Kernel addresses in use at the fault that lie in no module and on no stack, with where they stood."""
    found: dict[int, str] = {}
    access = failed_access(crash)
    if access is not None:
        found[access.address] = "the failed address"
    registers = fault_registers(crash)
    for name, value in registers.registers.items() if registers else ():
        found.setdefault(value, name)
    top = crash.machine.architecture.bits - 1
    kept = (
        (where, address)
        for address, where in found.items()
        if address >> top and crash.modules.at(address) is None and crash.machine.stack_at(address) is None
    )
    return list(kept)


def _freed(where: str, address: int, block: PoolHeader) -> Finding:
    return Finding(
        "pool_damage",
        f"{where} ({address:#x}) points into a pool block that is free: {block.size:#x} bytes, last used with the tag "
        f"'{block.tag_text}'; what was given back was still in use",
        0.0,
        (Citation("memory", f"pool header {block.address:#x}", block.tag_text),),
        category=Category.SOFTWARE,
        refuted_by="a stale register that the code no longer used",
    )


def _broken(page: PoolPage, before: PoolHeader) -> Finding:
    return Finding(
        "pool_damage",
        f"the chain of pool blocks breaks at {page.broken_at:#x} ({page.reason}); the block before it has the tag "
        f"'{before.tag_text}', {before.size:#x} bytes, and its owner may have written past its end",
        0.2,
        (Citation("memory", f"pool page {page.address:#x}", page.reason),),
        category=Category.CORRUPTION,
        refuted_by="a page that is not pool, whose beginning happens to look like it",
    )
