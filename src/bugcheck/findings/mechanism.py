"""The failed access and the instruction that made it → the mistake in a person's words, as far as it is known.

Source: `findings/idioms.py` for what an instruction is for, `findings/address_kinds.py` for what the address is.

Folklore: only idioms that are certain get words of their own here; "may be a list entry" is told among the reasons and
stays out of the sentence at the top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.findings.access import Access, describe_access, failed_access
from bugcheck.findings.fault_registers import code_at_fault
from bugcheck.findings.findings import Crash
from bugcheck.machine.code import FaultingCode, code_bytes

if TYPE_CHECKING:
    from bugcheck.findings.idioms import Idiom

READ_FROM_CODE = 0.75
"""How sure it is what a lone instruction was for."""
_ENDS = {"null": "null", "fill_pattern": "dead"}
_CLAUSES = {
    "list_unlink": "{wrote} through a {end} list link",
    "reference_count": "counted a reference to an object that is not there ({words})",
    "lock": "took a lock in an object that is not there ({words})",
    "memory_copy": "copied memory {from_to} {words}",
    "string": "searched {words} for the end of a text",
    "virtual_call": "called a function of an object that is not there ({words})",
}
_PAST = {"read": "read", "write": "wrote", "execute": "jumped"}
_DIRECTIONS = {"read": "from", "write": "to"}


def idiom_at_fault(crash: Crash, code: FaultingCode | None) -> Idiom | None:
    """Recognise what the faulting instruction is for; None for nothing known."""
    if code is None or not crash.machine.architecture.value.startswith("x"):
        return None
    from bugcheck.findings.idioms import idiom_of

    return idiom_of(code.text, crash.memory.pointer_size, _following(crash, code))


def _following(crash: Crash, code: FaultingCode) -> list[str]:
    """The next few instructions, which tell what a plain move is for."""
    if not code.text.startswith("mov "):
        return []
    from bugcheck.machine.disassembly import disassemble

    after = code.address + len(code.data)
    data, _ = code_bytes(crash.machine, after, 16)
    return [each.text for each in disassemble(data, after, crash.machine.architecture, 3)]


def describe_mistake(crash: Crash) -> str:
    """Put what the faulting code did into a clause, with the idiom where it is known and the address is a bad one."""
    return mistake(crash)[0]


def mistake(crash: Crash) -> tuple[str, float]:
    """The clause, and how sure it is: an access is recorded, what it was for is read from the instruction."""
    access = failed_access(crash)
    if access is not None and access.what.name in _ENDS:
        idiom = idiom_at_fault(crash, code_at_fault(crash))
        pattern = _CLAUSES.get(idiom.name) if idiom else None
        if pattern:
            return _filled(pattern, access), READ_FROM_CODE
    return describe_access(crash), 1.0


def _filled(pattern: str, access: Access) -> str:
    return pattern.format(
        wrote=_PAST.get(access.kind, "went"),
        end=_ENDS[access.what.name],
        words=access.what.words,
        from_to=_DIRECTIONS.get(access.kind, "at"),
    )
