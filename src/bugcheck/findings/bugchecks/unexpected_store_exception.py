"""154: an exception in the store of compressed memory → what it was.

Source: bug check reference, 154: parameter 2 points at EXCEPTION_POINTERS (record, context).

Folklore: the store only reads what it wrote itself, so an in-page error there is the disk's, and garbage in its data is
mostly memory's.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap
from bugcheck.machine.exception import IN_PAGE_ERROR, read_exception_record

RULE = "unexpected_store_exception"


@bugcheck_rule(0x154)
def unexpected_store_exception(crash: Crash) -> Iterator[Finding | Gap]:
    """What exception the store of compressed memory met."""
    check = crash.bugcheck
    if check is None:
        return
    pointers = check.parameters[1].value
    record = crash.memory.try_pointer(pointers) if pointers else None
    exception = read_exception_record(record, crash.memory) if record else None
    if exception is None:
        yield Gap("which exception the store met", "its record; a kernel memory dump has it")
        return
    place = crash.modules.resolve(exception.address) or f"{exception.address:#x}"
    yield fact(RULE, f"the store met {exception.words} at {place}", cite(check, 2))
    in_page = exception.code == IN_PAGE_ERROR
    what = "a page of the page file could not be read" if in_page else "the store's own data led it astray"
    weight = 0.45 if in_page else 0.25
    refuted = "Driver Verifier catching a driver that writes into foreign memory"
    yield points_at(
        RULE, Category.HARDWARE, f"{what}: disk or memory is the first suspect", weight, cite(check, 2), refuted
    )
