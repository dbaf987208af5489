"""Every error bugcheck raises, as one tree.

    BugcheckError                     anything bugcheck raises on purpose
    ├── UsageError                    the caller asked for something that makes no sense (exit status 2)
    ├── DumpError                     a file, an offset in it, a reason
    │   ├── NotADump                  not a Windows dump; says what it is when that is recognisable (exit status 3)
    │   ├── CorruptDump               a structure contradicts itself or the file (status 3 when nothing could be read)
    │   │   └── TruncatedDump         the file ends before the structure does
    │   └── LimitExceeded             a count, size or ratio beyond what bugcheck is willing to follow
    ├── InternalError                 bugcheck itself failed; the interface edge turns any other exception into it
    └── MemoryFault                   an address whose bytes are missing, and why
        ├── NotPresent                a page-table entry at some level is not valid
        ├── PagedOut                  the page is in a page file, which no dump holds
        ├── NotInDump                 the machine had the page, the dump left it out
        ├── NonCanonical              no address of this processor
        └── PartialRead               the first bytes are there, the rest is not

Errors carry their datum (`error.address`, `error.offset`), so that callers need not parse the sentence.
"""

from __future__ import annotations


class BugcheckError(Exception):
    """Base of every error bugcheck raises on purpose."""


class UsageError(BugcheckError):
    """The request itself is wrong: an unknown option value, an address that is none."""


class DumpError(BugcheckError):
    """A file could not be read as a dump.

    Attributes:
        file: name of the file, as the caller gave it.
        offset: byte offset in that file where the trouble is, or None when it is not at one place.
        reason: one clause, lower case, without a full stop.
    """

    def __init__(self, file: str, reason: str, offset: int | None = None) -> None:
        where = "" if offset is None else f" at offset {offset:#x}"
        super().__init__(f"{file}{where}: {reason}")
        self.file = file
        self.offset = offset
        self.reason = reason


class InternalError(BugcheckError):
    """A mistake in bugcheck, with the exception that showed it as `__cause__`; please report it."""


class NotADump(DumpError):
    """The file is no Windows crash dump that bugcheck knows."""


class CorruptDump(DumpError):
    """A structure in the file contradicts itself or the file's size."""


class TruncatedDump(CorruptDump):
    """The file ends before the structure that should be there does."""


class LimitExceeded(DumpError):
    """A count, size or ratio in the file is beyond what bugcheck follows."""


class MemoryFault(BugcheckError):
    """The bytes at an address are not to be had; the subclass says why.

    Attributes:
        address: first address whose byte is missing (virtual or physical, as in the request).
    """

    reason = "unreadable"

    def __init__(self, address: int, detail: str = "") -> None:
        super().__init__(f"{address:#x}: {self.reason}{': ' + detail if detail else ''}")
        self.address = address
        self.detail = detail


class NotPresent(MemoryFault):
    """A page-table entry is not valid. `level`: 1 is the page's own entry, higher levels are tables above it."""

    reason = "not present"

    def __init__(self, address: int, level: int, detail: str = "") -> None:
        super().__init__(address, f"page table level {level}{', ' + detail if detail else ''}")
        self.level = level


class PagedOut(MemoryFault):
    """The page lies in a page file. `page_file` is its number (0 to 15), `offset` the page index in it."""

    reason = "paged out"

    def __init__(self, address: int, page_file: int, offset: int) -> None:
        super().__init__(address, f"page file {page_file}, page {offset:#x}")
        self.page_file = page_file
        self.offset = offset


class NotInDump(MemoryFault):
    """The dump's writer left these bytes out."""

    reason = "not in the dump"


class NonCanonical(MemoryFault):
    """The processor has no such address."""

    reason = "no valid address of this processor"


class PartialRead(MemoryFault):
    """Only the first `available` bytes of the request are there; `cause` says why the next one is not."""

    reason = "partly unreadable"

    def __init__(self, address: int, available: int, cause: MemoryFault) -> None:
        super().__init__(cause.address, f"only {available} bytes from {address:#x} ({cause})")
        self.start = address
        self.available = available
        self.cause = cause
