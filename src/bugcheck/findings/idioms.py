"""An instruction that faulted and the bytes around it → the programmer's idiom it belongs to, where it is known.

Source: LIST_ENTRY and RemoveEntryList/InsertTailList of wdm.h (Flink at 0, Blink one pointer further); interlocked
operations of the Intel SDM; MSVC code for virtual calls (vtable pointer at offset 0 of the object) and string loops.

Folklore: compilers use `mov [reg+8],reg` for any member at that offset.  Where the second store of an unlinking stands
behind it (`mov [eax],ecx` behind `mov [ecx+4],eax`: each link is stored through the other) it is one; otherwise it only
may be one, and the words say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.records import dataclass

_SCALES = {4: "4", 8: "8"}
_COPIES = ("rep movs", "movs", "rep stos", "stos")
_STRINGS = ("repne scas", "scas", "repe cmps", "cmps")


@dataclass(frozen=True, slots=True)
class Idiom:
    """What such an instruction is for. `name`: short key. `words`: a sentence's end that explains the bad pointer."""

    name: str
    words: str


LIST_UNLINK = Idiom(
    "list_unlink",
    "that is how a list entry is unlinked (Flink->Blink): the link was already gone, or two callers raced",
)
LIST_MEMBER = Idiom(
    "list_member",
    "that may be a list entry being unlinked or inserted (Flink->Blink), or any member at that offset being set",
)
LIST_CHECK = Idiom(
    "list_check",
    "that may be the check of a list's links before a change (Flink->Blink), with a bad link, or any other member",
)
REFERENCE = Idiom("reference_count", "an interlocked addition is how references are counted: the object was gone")
LOCK = Idiom("lock", "an interlocked exchange or bit test is how a lock is taken: the object that holds it was gone")
COPY = Idiom("memory_copy", "a block copy or fill: the buffer's address or length was bad")
STRING = Idiom("string", "a search for a string's end: what was passed is no string")
VIRTUAL_CALL = Idiom("virtual_call", "a call through a table of functions: the object or its table was gone")


def idiom_of(text: str, pointer_size: int, following: Sequence[str] = ()) -> Idiom | None:
    """Recognise an instruction in WinDbg's writing; `following` are the next ones, as far as known."""
    if text.startswith("lock "):
        return REFERENCE if text[5:].startswith(("xadd", "inc", "dec", "add", "sub")) else LOCK
    if text.startswith(_COPIES):
        return COPY
    if text.startswith(_STRINGS) or (text.startswith("cmp byte ptr [") and text.endswith(("],0", ",al"))):
        return STRING
    if text.startswith(("call ", "jmp ")) and "ptr [" in text and "rip" not in text:
        return VIRTUAL_CALL
    return _vtable(text, following) or _list(text, pointer_size, following)


def _vtable(text: str, following: Sequence[str]) -> Idiom | None:
    """`mov rax,[rcx]` before `call [rax+8]` fetches the table of functions."""
    if not text.startswith("mov ") or "ptr [" not in text.partition(",")[2]:
        return None
    register = text[4:].partition(",")[0].strip()
    called = any(each.startswith(("call ", "jmp ")) and f"[{register}" in each for each in following)
    return VIRTUAL_CALL if called else None


def _list(text: str, pointer_size: int, following: Sequence[str]) -> Idiom | None:
    operation, _, operands = text.partition(" ")
    target, _, source = operands.partition(",")
    if not target.endswith(f"+{_SCALES[pointer_size]}]") or "[" in source or not source[:1].isalpha():
        return None
    if "*" in target or target.startswith(("byte", "word")) or (pointer_size == 8 and not target.startswith("qword")):
        return None
    if operation == "cmp":
        return LIST_CHECK
    base = target.partition("[")[2].partition("+")[0]
    other_link = any(each.startswith("mov ") and each.endswith(f"[{source}],{base}") for each in following)
    return LIST_UNLINK if other_link else LIST_MEMBER if operation == "mov" else None
