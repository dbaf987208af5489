"""Code bytes ahead → the caller: running a function's rest on paper, where no table describes its frame.

Source: "x64 prolog and epilog" and "x64 stack usage" (Microsoft C++ documentation): outside prologue and epilogue the
stack pointer does not move, the epilogue undoes what the prologue did, and a return address lies 8 bytes below a
multiple of 16.

From the instruction pointer on, instructions are followed to a return: what they do to the stack pointer and to the
registers that calls preserve is kept, everything else is forgotten.  Either way of a condition leads to a return with
the same frame, so the first that ends in a plausible one will do.

Folklore:
    Small dumps hold 256 bytes or a page of code around many return addresses but hardly ever a module's function table,
    so this finds callers where a table could not and where a search of the stack takes stale words for them.
    A call that does not return is followed by int3; a way that meets one, or bytes that are not captured, is given up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.machine.disassembly import Instruction, disassemble
from bugcheck.records import dataclass
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.x64_trap import NONVOLATILE

INSTRUCTION_LIMIT = 500
"""Instructions that are followed for one frame, all ways together."""
BLOCK = 256
"""Bytes of code that are decoded at a time."""
FRAME_LIMIT = 0x1_0000
"""Bytes of the largest frame that is believed."""
_VOLATILE = ("rax", "rcx", "rdx", "r8", "r9", "r10", "r11")
_WIDE = {
    **{f"{head}{name}{tail}": f"r{name}{end}" for name, end in (("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"))
       for head, tail in (("r", "x"), ("e", "x"), ("", "x"), ("", "l"), ("", "h"))},
    **{f"{head}{name}{tail}": f"r{name}" for name in ("si", "di", "bp", "sp")
       for head, tail in (("r", ""), ("e", ""), ("", ""), ("", "l"))},
    **{f"r{number}{tail}": f"r{number}" for number in range(8, 16) for tail in ("", "d", "w", "b")},
}  # fmt: skip
"""Register as an instruction writes it → the 64-bit register it is part of."""
_MEMORY = re.compile(r"^(?:qword ptr )?\[(r\w+)(?:([+-])(\w+))?\]$")
_STOPS = frozenset(["int3", "ud2", "hlt", "int", "iretq", "sysret", "sysretq", "retf"])
_ONLY_READ = frozenset(["cmp", "test", "nop", "bt", "prefetchw"])
_IMPLICIT = {
    **dict.fromkeys(("mul", "imul", "div", "idiv", "cqo", "cdq", "rdtsc", "rdmsr"), ("rax", "rdx")),
    "cpuid": ("rax", "rbx", "rcx", "rdx"),
}


class _Value(NamedTuple):
    """What a register holds: the first value of register `base` plus `offset` bytes, or the word that lies there."""

    base: str
    offset: int
    is_word: bool = False


@dataclass(slots=True)
class _Path:
    """A way through the code: where it goes on, what registers hold, and what it stored on the stack."""

    at: int
    registers: dict[str, _Value]
    stored: dict[_Value, _Value | None]

    def fork(self, at: int) -> _Path:
        """Make the same way go on elsewhere."""
        return _Path(at, dict(self.registers), dict(self.stored))

    def move(self, distance: int) -> None:
        """Move the stack pointer."""
        value = self.registers.get("rsp")
        self.set("rsp", _moved(value, distance) if value is not None else None)

    def set(self, name: str, value: _Value | None) -> None:
        """Set a register, or forget it."""
        if value is None:
            self.registers.pop(name, None)
        else:
            self.registers[name] = value

    def load(self, place: _Value | None) -> _Value | None:
        """Read a word of the stack, which the way itself may have written."""
        if place is None or place.base not in ("rsp", "rbp") or place.is_word:
            return None
        return self.stored.get(place, place._replace(is_word=True))

    def store(self, place: _Value | None, value: _Value | None) -> None:
        """Write a word of the stack."""
        if place is not None:
            self.stored[place] = value


def step_forward(context: Context, exact: bool, images: ModuleImages, source: StackSource) -> Step | None:
    """Find the caller by following the code to its return; None when that leads nowhere plausible.

    `exact` tells that the context's instruction pointer is no return address.
    """
    ip, sp = context.instruction_pointer, context.stack_pointer
    image = images.at(ip if exact else ip - 1, source) if ip else None
    if not source.scan or image is None or ip is None or sp is None or sp % 8:
        return None
    for path in _returns(image, ip, context, exact):
        step = _step(path, context, exact, images, source)
        if step is not None:
            return step
    return None


def _returns(image: ModuleImage, ip: int, context: Context, exact: bool) -> Iterator[_Path]:
    """Follow the code; yields each way that came to a return, with the stack pointer at the return address."""
    known = (*NONVOLATILE, "rsp", *(_VOLATILE if exact else ()))
    paths = [_Path(ip, {name: _Value(name, 0) for name in known if name in context.registers}, {})]
    visited: set[int] = set()
    left = INSTRUCTION_LIMIT
    while paths and left > 0:
        path, before = paths.pop(), ""
        code = image.read_up_to(path.at - image.module.base, BLOCK)
        for instruction in disassemble(code, path.at, Architecture.X64):
            if instruction.address in visited or left <= 0:
                break
            visited.add(instruction.address)
            left -= 1
            if _leaves(instruction, before):
                yield path
                break
            if instruction.mnemonic in _STOPS and not (exact and instruction.address == ip):
                break
            if instruction.mnemonic[0] == "j":
                target = _number(instruction.operands)
                paths += [path.fork(target)] if target is not None else []
                if instruction.mnemonic == "jmp":
                    break
            else:
                _run(instruction, path)
            path.at, before = instruction.end, instruction.text
        else:
            paths += [path] if before else []


def _leaves(instruction: Instruction, before: str) -> bool:
    """Tell whether an instruction ends the function: a return, or a jump elsewhere right behind an epilogue's end."""
    if instruction.mnemonic == "jmp" and _number(instruction.operands) is None:
        return before.startswith(("pop ", "add rsp,"))
    return instruction.mnemonic.split()[-1] == "ret"


def _run(instruction: Instruction, path: _Path) -> None:
    """Do to the way's registers what an instruction does, as far as stacks are concerned."""
    mnemonic = instruction.mnemonic
    operands = instruction.operands.split(",", 1)
    first, second = operands[0], operands[1] if len(operands) > 1 else ""
    target = _WIDE.get(first, "")
    if mnemonic == "push":
        value = path.registers.get(first)
        path.move(-8)
        path.store(path.registers.get("rsp"), value)
    elif mnemonic == "pop":
        value = path.load(path.registers.get("rsp"))
        path.move(8)
        path.set(target, value if first == target else None)
    elif mnemonic == "leave":
        _leave(path)
    elif mnemonic == "call":
        for name in _VOLATILE:
            path.set(name, None)
    elif mnemonic in ("add", "sub") and first == target and (distance := _number(second)) is not None:
        old = path.registers.get(target)
        path.set(target, old and _moved(old, distance if mnemonic == "add" else -distance))
    elif mnemonic == "lea" and first == target:
        path.set(target, _address(second, path))
    elif mnemonic == "mov":
        _move(path, first, second)
    else:
        _forget(path, mnemonic, target, second)


def _leave(path: _Path) -> None:
    path.set("rsp", path.registers.get("rbp"))
    path.set("rbp", path.load(path.registers.get("rsp")))
    path.move(8)


def _moved(value: _Value, distance: int) -> _Value | None:
    return None if value.is_word else _Value(value.base, value.offset + distance)


def _address(text: str, path: _Path) -> _Value | None:
    """Compute `[rsp+28h]` as a value; None when its register is not known or there is more to it."""
    match = _MEMORY.match(text)
    if match is None:
        return None
    base = path.registers.get(match.group(1))
    distance = _number(match.group(3) or "0")
    if base is None or distance is None:
        return None
    return _moved(base, -distance if match.group(2) == "-" else distance)


def _move(path: _Path, first: str, second: str) -> None:
    target = _WIDE.get(first, "")
    if not target:
        path.store(_address(first, path), path.registers.get(second))
        return
    value = path.load(_address(second, path)) if "[" in second else path.registers.get(second)
    path.set(target, value if first == target else None)


def _forget(path: _Path, mnemonic: str, target: str, second: str) -> None:
    """Forget the registers that any other instruction may write."""
    if mnemonic in _ONLY_READ:
        return
    changed = [target, *_IMPLICIT.get(mnemonic, ())]
    if mnemonic in ("xchg", "xadd", "cmpxchg", "lock cmpxchg", "lock xadd"):
        changed += [_WIDE.get(second, ""), "rax"]
    if mnemonic.split()[-1][:4] in ("movs", "stos", "lods", "scas", "cmps"):
        changed += ["rsi", "rdi", "rcx", "rax"]
    for name in changed:
        path.set(name, None)


def _number(text: str) -> int | None:
    """Read `28h`, `-8`, `7FF7A1311019h`; None for anything else."""
    digits = text.removeprefix("-")
    try:
        value = int(digits[:-1], 16) if digits.endswith("h") else int(digits)
    except ValueError:
        return None
    return -value if text.startswith("-") else value


def _step(path: _Path, context: Context, exact: bool, images: ModuleImages, source: StackSource) -> Step | None:
    """Make the step when what lies at the end of the way can be a return address."""
    sp = context.registers["rsp"]
    slot = _resolve(path.registers.get("rsp"), context, source)
    lowest = sp if exact else sp + 8
    if slot is None or not lowest <= slot < sp + FRAME_LIMIT or slot % 16 != 8:
        return None
    target = source.memory.try_u64(slot)
    caller = images.at(target - 1, source) if target else None
    if target is None or caller is None or not _may_return_to(caller, target, source):
        return None
    registers = {"rip": target, "rsp": slot + 8 & MASK64}
    for name in NONVOLATILE:
        value = _resolve(path.registers.get(name), context, source)
        if value is not None:
            registers[name] = value
    caller_context = Context(Architecture.X64, f"code followed from {context.registers['rip']:#x}", registers)
    words = (source.memory.try_u64(slot + 8 + 8 * index & MASK64) for index in range(4))
    arguments = tuple(word for word in words if word is not None)
    return Step(caller_context, Trust.SCAN, sp, arguments, UNWINDING_WARNING)


def _resolve(value: _Value | None, context: Context, source: StackSource) -> int | None:
    if value is None:
        return None
    number = context.registers[value.base] + value.offset & MASK64
    return source.memory.try_u64(number) if value.is_word else number


def _may_return_to(image: ModuleImage, target: int, source: StackSource) -> bool:
    """Tell whether an address may be a return address: in code, behind a call where bytes tell, in a function."""
    rva = target - image.module.base
    if image.is_executable(rva - 1) is False or is_call_before(image, rva, Architecture.X64) is False:
        return False
    symbols = source.symbols.symbols_of(image.module)
    symbol = symbols.nearest(rva - 1) if symbols is not None else None
    return symbol is None or (symbol.kind != "data" and rva - symbol.rva >= 2)
