"""A FrameData program and registers → the caller's registers: postfix notation, within limits.

Source: DIA SDK, IDiaFrameData::get_program ("postfix, `^` dereference, `@` align, `=` assign"); the names of the
pseudo variables from the same page and from programs that MSVC 8 to 14 and LLVM write (corpus PDBs and .sym files).

Folklore: programs copied through symbol converters glue tokens together (`=$eip`) and name registers by their CodeView
number (`$20` is ebx).  `$L` and `$P` (places of locals and parameters) are assigned and read by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bugcheck.records import dataclass, field

MAX_TOKENS = 512
"""Longest program that is run; the longest seen has 40 tokens."""
MAX_DEPTH = 32
_MASK32 = 0xFFFF_FFFF
_GENERAL = frozenset(("eax", "ebx", "ecx", "edx", "esi", "edi", "esp", "ebp", "eip"))
_OPERATORS = frozenset("+-*/%@")
_BY_CODEVIEW_NUMBER = {"17": "eax", "18": "ecx", "19": "edx", "20": "ebx", "21": "esp", "22": "ebp", "23": "esi",
                       "24": "edi", "33": "eip"}  # fmt: skip
"""CV_REG_EAX and following (Microsoft `cvconst.h`), the ones a program may name by number."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """What a program computed.

    Attributes:
        registers: the general registers after it ran, as far as known.
        return_slot: address of the word that became eip.
        assigned: names the program assigned, temporaries included.
    """

    registers: dict[str, int]
    return_slot: int
    assigned: frozenset[str]


@dataclass(slots=True)
class _Run:
    """A program while it runs. `stack` holds numbers and names of variables; `loaded_from` is the last address read."""

    values: dict[str, int]
    constant: Callable[[str], int | None]
    read: Callable[[int], int | None]
    stack: list[int | str]
    loaded_from: int = 0
    return_slot: int = -1
    assigned: set[str] = field(default_factory=set[str])

    def push(self, item: int | str) -> bool:
        """Push an operand; False when the stack is full."""
        self.stack.append(item)
        return len(self.stack) <= MAX_DEPTH

    def pop(self) -> int | None:
        """Pop a number; None when the stack is empty or the variable has no value."""
        if not self.stack:
            return None
        item = self.stack.pop()
        if isinstance(item, int):
            return item
        return self.values.get(item)


def run_program(
    program: str,
    registers: Mapping[str, int],
    constant: Callable[[str], int | None],
    read: Callable[[int], int | None],
) -> ProgramResult | None:
    """Run a program; None when it is malformed, too long, reads a hole or does not yield eip and esp.

    `constant` gives the value of `.raSearch`, `.cbLocals` and their like, `read` a 32-bit word of memory.
    """
    tokens = program.replace("=", " = ").split(None, MAX_TOKENS)
    if len(tokens) > MAX_TOKENS:
        return None
    run = _Run(dict(registers), constant, read, [])
    if not all(_execute(run, token) for token in tokens):
        return None
    kept = {name: value for name, value in run.values.items() if name in _GENERAL}
    if run.return_slot < 0 or "esp" not in kept:
        return None
    return ProgramResult(kept, run.return_slot, frozenset(run.assigned))


def _execute(run: _Run, token: str) -> bool:
    if token == "=":
        return _assign(run)
    if token == "^":
        return _load(run)
    if token in _OPERATORS:
        return _calculate(run, token)
    if token.startswith("$"):
        name = token[1:]
        return run.push(_BY_CODEVIEW_NUMBER.get(name, name))
    value = run.constant(token) if token.startswith(".") else _number(token)
    return value is not None and run.push(value)


def _assign(run: _Run) -> bool:
    value = run.pop()
    name = run.stack.pop() if run.stack else None
    if value is None or not isinstance(name, str):
        return False
    run.values[name] = value
    run.assigned.add(name)
    if name == "eip":
        run.return_slot = run.loaded_from
    return True


def _load(run: _Run) -> bool:
    address = run.pop()
    value = run.read(address) if address is not None else None
    if address is None or value is None:
        return False
    run.loaded_from = address
    return run.push(value)


def _calculate(run: _Run, operator: str) -> bool:
    right, left = run.pop(), run.pop()
    if left is None or right is None or (right == 0 and operator in "/%@"):
        return False
    if operator == "+":
        value = left + right
    elif operator == "-":
        value = left - right
    elif operator == "*":
        value = left * right
    elif operator == "/":
        value = left // right
    else:
        rest = left % right
        value = rest if operator == "%" else left - rest
    return run.push(value & _MASK32)


def _number(token: str) -> int | None:
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    return int(token) & _MASK32
