"""Bug check parameters, exception and IRQL → what was done to which address, as a clause.

Written so that it fits behind "module, which …" and says only what the dump says.
"""

from __future__ import annotations

from bugcheck.findings.address_kinds import AddressKind, kind_of_address
from bugcheck.findings.findings import Crash
from bugcheck.knowledge.kernel_names import irql_name
from bugcheck.machine.exception import ACCESS_VIOLATION
from bugcheck.records import dataclass

DISPATCH_LEVEL = 2
KIND_BY_CODE = {0xBE: "write", 0xFC: "execute"}
"""Bug checks whose code says what was tried: a write to read-only memory, execution of data."""
_VERBS = {"read": "read from", "write": "wrote to", "execute": "executed at"}


@dataclass(frozen=True, slots=True)
class Access:
    """A memory access that failed. `kind` is "read", "write", "execute" or "touched"; `irql` None when unknown."""

    kind: str
    address: int
    what: AddressKind
    irql: int | None


def failed_access(crash: Crash) -> Access | None:
    """Find the access that failed: in the parameters (0A, D1, 50, …) or in the exception record."""
    found = _from_exception(crash) or _from_parameters(crash) or _from_code(crash)
    if found is None:
        return None
    kind, address = found
    irql = crash.bugcheck.parameter("irql") if crash.bugcheck else None
    level = irql.value if irql is not None and irql.value <= 31 else None
    return Access(kind, address, kind_of_address(address, crash.machine.architecture), level)


def _from_exception(crash: Crash) -> tuple[str, int] | None:
    exception = crash.machine.exception
    return exception.access if exception else None


def _from_parameters(crash: Crash) -> tuple[str, int] | None:
    check = crash.bugcheck
    address = check.parameter("address") if check else None
    if check is None or address is None:
        return None
    access = check.parameter("access_type") or check.parameter("access_type_50")
    if access is not None:
        return access_word(access.value, access.role), address.value
    kind = KIND_BY_CODE.get(check.code)
    return (kind, address.value) if kind else None


def _from_code(crash: Crash) -> tuple[str, int] | None:
    """What the faulting instruction touches with these registers, for an access violation that does not tell more."""
    exception = crash.machine.exception
    if exception is None or exception.code != ACCESS_VIOLATION:
        return None
    code = crash.faulting_code
    if code is None or code.access_address is None or code.access_value is not None:
        return None
    kind = code.access_kind if code.access_kind in ("read", "write") else "touched"
    return kind, code.access_address


def access_word(value: int, role: str) -> str:
    """Decode an access parameter: 0A-style (0 read, 1 write, 8 execute) or 50-style (2 write, 0x10 execute)."""
    if role == "access_type_50":
        if value & 0x10:
            return "execute"
        return "write" if value & 0x3 else "read"
    return {0: "read", 1: "write", 8: "execute"}.get(value, "touched")


def describe_access(crash: Crash) -> str:
    """Put the failed access, or failing that the exception, into a clause ("wrote to a null pointer plus 0x4")."""
    access = failed_access(crash)
    if access is None:
        exception = crash.machine.exception
        return f"raised {exception.words}" if exception else "was executing when the system stopped"
    text = f"{_VERBS.get(access.kind, 'touched')} {access.what.words}"
    if access.irql is not None and access.irql >= DISPATCH_LEVEL:
        name = irql_name(access.irql, crash.machine.architecture.value)
        text += f" at IRQL {access.irql} ({name}), where paging is impossible"
    return text
