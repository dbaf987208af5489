"""EXCEPTION_RECORD → what the processor or a program complained of, in words.

Source: EXCEPTION_RECORD32/64 of winnt.h; for access violations and in-page errors parameter 0 is 0 read, 1 write, 8
execute, parameter 1 the address (Microsoft, "EXCEPTION_RECORD structure").
"""

from __future__ import annotations

from struct import Struct

from bugcheck.dump.dump import RawException
from bugcheck.knowledge.statuses import describe_status, status_name
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

ACCESS_VIOLATION = 0xC000_0005
IN_PAGE_ERROR = 0xC000_0006
ACCESS_WORDS = {0: "read", 1: "write", 8: "execute"}
MAX_PARAMETERS = 15
_RECORD64, _RECORD32 = Struct("<IIQQII15Q"), Struct("<5I15I")


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """An exception.

    Attributes:
        code: NTSTATUS. flags: 1 noncontinuable. address: code address it happened at.
        parameters: as the record has them. source: where the record was found.
        thread_id: user dumps, the thread it happened on.
    """

    code: int
    flags: int
    address: int
    parameters: tuple[int, ...]
    source: str
    thread_id: int | None = None

    @classmethod
    def from_raw(cls, raw: RawException, source: str) -> ExceptionRecord:
        """Take over a dump's own exception record."""
        return cls(raw.code, raw.flags, raw.address, raw.parameters, source, raw.thread_id)

    @property
    def name(self) -> str:
        """Name of the status, or its number."""
        return status_name(self.code) or f"{self.code:#010x}"

    @property
    def words(self) -> str:
        """The exception in words: `an access violation (0xc0000005)`, `a C++ exception (MSVC)`."""
        name = describe_status(self.code)
        if name.startswith("0x"):
            return f"exception {name}"
        if not name.startswith("STATUS_"):
            return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
        plain = name.removeprefix("STATUS_").replace("_", " ").lower()
        return f"{'an' if plain[0] in 'aeiou' else 'a'} {plain} ({self.code:#010x})"

    @property
    def access(self) -> tuple[str, int] | None:
        """What was tried on which address ("write", 0x4), for access violations and in-page errors."""
        if self.code not in (ACCESS_VIOLATION, IN_PAGE_ERROR) or len(self.parameters) < 2:
            return None
        kind = ACCESS_WORDS.get(self.parameters[0])
        return (kind, self.parameters[1]) if kind else None


def read_exception_record(address: int, memory: AddressSpace) -> ExceptionRecord | None:
    """Read an EXCEPTION_RECORD at a virtual address; None when it is not in the dump or is none."""
    layout = _RECORD64 if memory.pointer_size == 8 else _RECORD32
    data = memory.try_read(address, layout.size) if address else None
    if data is None:
        return None
    if memory.pointer_size == 8:
        code, flags, _, place, count, _, *values = layout.unpack(data)
    else:
        code, flags, _, place, count, *values = layout.unpack(data)
    if count > MAX_PARAMETERS or code < 0x4000_0000:
        return None
    return ExceptionRecord(code, flags, place, tuple(values[:count]), f"exception record {address:#x}")
