"""Pool addresses among the parameters → what their headers, and those of the blocks beside them, say.

Source: machine/pool_header.py.  Folklore: the block before a damaged header is the first to suspect, since overruns go
upwards; its tag leads to the driver that allocated it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding
from bugcheck.machine.pool_header import (
    PoolHeader,
    has_segment_heap,
    pool_header_of,
    read_pool_header,
    read_pool_page,
)


def tell_blocks(crash: Crash, rule: str) -> Iterator[Finding]:
    """Describe the block each pool address leads to, and on kernels with chained pools the neighbour before it."""
    check = crash.bugcheck
    told: set[int] = set()
    for number, parameter in enumerate(check.parameters if check else (), 1):
        if check is None or parameter.role != "pool_address" or not parameter.value:
            continue
        header = _header(crash, parameter.value)
        if header is None or header.address in told:
            continue
        told.add(header.address)
        state = "free" if header.is_free else "in use"
        text = f"the block at {header.address:#x} has the tag '{header.tag_text}', {header.size:#x} bytes, {state}"
        yield fact(rule, text, cite(check, number))
        yield from _before(crash, rule, header)


def _header(crash: Crash, address: int) -> PoolHeader | None:
    """The header in front of a block, or at the address itself: parameters name either."""
    layout = crash.machine.pool_layout
    found = pool_header_of(address, crash.memory, layout) or read_pool_header(address, crash.memory, layout)
    return found if found is not None and found.is_plausible else None


def _before(crash: Crash, rule: str, header: PoolHeader) -> Iterator[Finding]:
    build = crash.dump.kernel.build & 0xFFFF if crash.dump.kernel else 0
    if has_segment_heap(build):
        return
    page = read_pool_page(header.address, crash.memory, crash.machine.pool_layout)
    before = next((block for block in page.blocks if block.end == header.address), None)
    if page.broken_at == header.address and before is not None:
        cited = (Citation("memory", f"pool page {page.address:#x}", page.reason),)
        text = (
            f"the chain of blocks breaks at {header.address:#x} ({page.reason}); "
            f"before it lies a block with the tag '{before.tag_text}', whose owner may have written past its end"
        )
        yield fact(rule, text, cited)
