"""The address that failed and the instruction that used it → what kind of mistake leaves such a pointer.

Source: fill patterns and null pages as `findings/address_kinds.py` lists them; idioms as `findings/idioms.py` does.

Folklore: this is the same access that `fault_location` weighs, so a null pointer adds little here.  A pattern of freed
memory adds something: it says software used what it had given back, which bad memory does not imitate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bugcheck.addresses import format_hex
from bugcheck.findings.access import Access, failed_access
from bugcheck.findings.address_kinds import FILL_PATTERNS
from bugcheck.findings.fault_registers import code_at_fault
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.mechanism import READ_FROM_CODE, idiom_at_fault
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.code import FaultingCode

if TYPE_CHECKING:
    from bugcheck.findings.idioms import Idiom

_ACTIONS = {"read": "a read from", "write": "a store to", "execute": "a jump to", "touched": "an access to"}
_USES = {"read": "read through", "write": "stored through", "execute": "jumped to", "touched": "used"}


@rule
def poison_address(crash: Crash) -> Iterator[Finding]:
    """A null pointer, a fill pattern or no possible address, and what the instruction was doing."""
    access = failed_access(crash)
    if access is None or access.what.name not in ("null", "fill_pattern", "non_canonical"):
        return
    code = code_at_fault(crash)
    idiom = idiom_at_fault(crash, code)
    if idiom is None and access.what.name == "null":
        return  # the rule on the fault's location says it all
    module = crash.modules.at(crash.faulting_address or 0)
    core = module is None or not crash.dump.is_kernel or standing_of(module, crash) is Standing.CORE
    yield Finding(
        "poison_address",
        _statement(access, code, idiom),
        0.0 if core else _weight(access),
        _citations(access, code),
        module=None if core or module is None else module.name,
        category=Category.UNKNOWN if core else Category.DRIVER,
        refuted_by="a pointer that another module handed over, or memory that an unknown writer damaged",
        clause=_clause(access, idiom),
        how_sure=READ_FROM_CODE if idiom else 1.0,
    )


def _weight(access: Access) -> float:
    return 0.15 if access.what.name == "fill_pattern" and _is_freed(access.address) else 0.05


def _is_freed(address: int) -> bool:
    low = address & 0xFFFF_FFFF
    return any(abs(low - value) < 0x1000 and "freed" in words for value, words in FILL_PATTERNS.items())


def _place(access: Access) -> str:
    if access.what.name != "null":
        return access.what.words
    return f"[null+{access.address:#x}]" if access.address else "[null]"


def _statement(access: Access, code: FaultingCode | None, idiom: Idiom | None) -> str:
    text = f"{_ACTIONS.get(access.kind, 'an access to')} {_place(access)}"
    if code is not None:
        text += f" by `{code.text}`"
    return f"{text}; {idiom.words}" if idiom else text


def _clause(access: Access, idiom: Idiom | None) -> str:
    use = f"{_USES.get(access.kind, 'used')} {access.what.words}"
    return f"{use}; {idiom.words}" if idiom else use


def _citations(access: Access, code: FaultingCode | None) -> tuple[Citation, ...]:
    cited = [Citation("address", "failed address", format_hex(access.address))]
    if code is not None:
        cited.append(Citation("address", "faulting instruction", format_hex(code.address)))
    return tuple(cited)
