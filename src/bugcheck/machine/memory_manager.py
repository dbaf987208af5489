"""The memory-manager totals of a small dump → pool, commit and Driver Verifier at the moment of the crash.

Source: DUMP_MM_STORAGE32/64 (0x34 bytes on 32-bit, 0x50 on 64-bit Windows) as a public sdkgen listing of the WDK's
types has them, checked for plausibility on the corpus.

Folklore: all totals are pages of 4 KiB.  Some builds (17134, 19041, 22000) leave them 0, which means "not recorded".
In 26100 both pool maxima read 2^32 pages, the size of the address range.  The verifier level is 0xffffffff where Driver
Verifier is off by the old rule, and 0 with KernelVerifier 0 in every dump of the corpus: both count as off.
"""

from __future__ import annotations

from bugcheck.binary import Layout, Record
from bugcheck.dump.dump import Dump
from bugcheck.errors import TruncatedDump
from bugcheck.records import dataclass

VERIFIER_OFF = 0xFFFF_FFFF
MAX_PAGES = 1 << 40
"""More pages than any Windows machine can commit (2^52 bytes)."""

_HEAD = {
    "version": (0x00, 4),
    "size": (0x04, 4),
    "special_pool_tag": (0x08, 4),
    "triage_action_taken": (0x0C, 4),
    "verify_driver_level": (0x10, 4),
    "kernel_verifier": (0x14, 4),
}
_TOTALS = (
    "nonpaged_pool_maximum",
    "nonpaged_pool_allocated",
    "paged_pool_maximum",
    "paged_pool_allocated",
    "committed",
    "committed_peak",
    "commit_limit",
)
MM_STORAGE32 = Layout(
    "DUMP_MM_STORAGE32", 0x34, **_HEAD, **{name: (0x18 + 4 * index, 4) for index, name in enumerate(_TOTALS)}
)
MM_STORAGE64 = Layout(
    "DUMP_MM_STORAGE64", 0x50, **_HEAD, **{name: (0x18 + 8 * index, 8) for index, name in enumerate(_TOTALS)}
)


@dataclass(frozen=True, slots=True)
class MemoryManagerFacts:
    """What the memory manager counted, in pages of 4 KiB; None where the field is 0 (not recorded) or no page count.

    Attributes:
        driver_verifier_level: Driver Verifier's flags, None when it was off.
        kernel_verifier: the kernel's own code was verified too.
        special_pool_tag: tag whose allocations go to special pool, None when unset.
        triage_action_taken: what the memory manager did on its own account after an earlier crash, as a number.
    """

    driver_verifier_level: int | None
    kernel_verifier: bool
    special_pool_tag: int | None
    triage_action_taken: int
    nonpaged_pool_maximum: int | None
    nonpaged_pool_allocated: int | None
    paged_pool_maximum: int | None
    paged_pool_allocated: int | None
    committed_pages: int | None
    committed_pages_peak: int | None
    commit_limit: int | None


def read_memory_manager(dump: Dump) -> MemoryManagerFacts | None:
    """Read the totals of a small dump; None for other dumps and for a missing, cut or otherwise sized structure."""
    if dump.triage is None or not dump.triage.mm_offset:
        return None
    layout = MM_STORAGE64 if dump.architecture.bits == 64 else MM_STORAGE32
    try:
        record = layout.at(dump.file, dump.triage.mm_offset)
    except TruncatedDump:
        return None
    return _facts(record) if record.version == 1 and record.size == layout.size else None


def _facts(record: Record) -> MemoryManagerFacts:
    return MemoryManagerFacts(
        driver_verifier_level=_verifier_level(record),
        kernel_verifier=bool(record.kernel_verifier),
        special_pool_tag=record.special_pool_tag or None,
        triage_action_taken=record.triage_action_taken,
        nonpaged_pool_maximum=_pages(record.nonpaged_pool_maximum),
        nonpaged_pool_allocated=_pages(record.nonpaged_pool_allocated),
        paged_pool_maximum=_pages(record.paged_pool_maximum),
        paged_pool_allocated=_pages(record.paged_pool_allocated),
        committed_pages=_pages(record.committed),
        committed_pages_peak=_pages(record.committed_peak),
        commit_limit=_pages(record.commit_limit),
    )


def _verifier_level(record: Record) -> int | None:
    level = record.verify_driver_level
    if level == VERIFIER_OFF or (not level and not record.kernel_verifier):
        return None
    return level


def _pages(value: int) -> int | None:
    return value if 0 < value <= MAX_PAGES else None
