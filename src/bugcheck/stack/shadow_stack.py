"""A shadow stack pointer → the caller: the processor's own list of return addresses.

Source: Intel SDM volume 1, chapter 17 ("Control-flow Enforcement Technology"): CALL pushes the return address on both
stacks, RET compares the two; programs cannot write the shadow stack.

Folklore:
    Programs built with /CETCOMPAT have one on Windows 10 2004 and later, where the processor offers it; dumps written
    with extended processor state and the memory around it hold it.
    It holds return addresses only: where the frame lies is told by the word of the ordinary stack that equals one.
    Where no word does, the ordinary stack was overwritten: the shadow stack still tells who called.
"""

from __future__ import annotations

from bugcheck.machine.context import Context
from bugcheck.machine.modules import ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource, Step, Trust

POINTER = "ssp"
WIDTH = 8
SEARCH = 0x8_0000
"""Bytes of the ordinary stack that are searched for a return address."""


def follow_shadow_stack(context: Context, natural: Step | None, source: StackSource) -> Step | None:
    """Confirm a step by the shadow stack, or make the one it tells; `natural` where there is no shadow stack.

    `natural` is the step that unwind information makes, None where there is none.
    """
    top, sp = context.registers.get(POINTER), context.stack_pointer
    address = source.memory.try_u64(top) if top is not None else None
    if top is None or not address or sp is None or not _is_code(address, source.modules, source.memory):
        return natural
    if natural is not None and (natural.trust is Trust.TRAP_FRAME or natural.caller.instruction_pointer == address):
        return natural if natural.trust is Trust.TRAP_FRAME else _with(natural, natural.trust, top + WIDTH)
    slot = _slot_of(address, sp, source)
    if slot is not None:
        caller = Context(context.architecture, f"shadow stack {top:#x}", {"rip": address, "rsp": slot + WIDTH})
        return _with(Step(caller, Trust.SHADOW_STACK, sp), Trust.SHADOW_STACK, top + WIDTH)
    if natural is None:
        return None
    registers = {**natural.caller.registers, "rip": address}
    overwritten = Context(context.architecture, f"shadow stack {top:#x}", registers)
    return _with(Step(overwritten, Trust.SHADOW_STACK, sp, natural.arguments), Trust.SHADOW_STACK, top + WIDTH)


def _is_code(address: int, modules: ModuleList, memory: AddressSpace) -> bool:
    return modules.at(address - 1) is not None or memory.is_readable(address - 1)


def _with(step: Step, trust: Trust, top: int) -> Step:
    """The same step to a caller that knows where its own return address lies on the shadow stack."""
    caller = step.caller
    registers = {**caller.registers, POINTER: top}
    return Step(Context(caller.architecture, caller.source, registers), trust, step.frame_address, step.arguments)


def _slot_of(address: int, sp: int, source: StackSource) -> int | None:
    """Find the word of the ordinary stack that equals a return address: the first where return addresses may lie."""
    size = SEARCH
    if source.stack_range is not None and source.stack_range[0] <= sp < source.stack_range[1]:
        size = min(size, source.stack_range[1] - sp)
    data, wanted = source.memory.read_up_to(sp, size), address.to_bytes(WIDTH, "little")
    at = data.find(wanted)
    while at >= 0:
        if (sp + at) % 16 == WIDTH:
            return sp + at
        at = data.find(wanted, at + 1)
    return None
