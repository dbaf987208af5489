"""Crash → the registers at the faulting instruction, wherever the dump has them, and the instruction read with them.

Small dumps of 0A, 50, D1 name the instruction in a parameter and keep the trap frame on the stack; the walk finds it
there as a frame that stands at exactly that instruction.

Folklore: an x64 trap frame holds only the registers a callee may change, so rbx, rsi, rdi and r12 to r15 stay unknown.
"""

from __future__ import annotations

from bugcheck.findings.findings import Crash
from bugcheck.machine.code import FaultingCode, read_code
from bugcheck.machine.context import Context
from bugcheck.stack.frame import Trust

MAX_FRAMES = 32


def fault_registers(crash: Crash) -> Context | None:
    """Find registers whose instruction pointer is the faulting address; None where the dump has none."""
    address = crash.faulting_address
    if address is None:
        return None
    context = crash.context
    if context is not None and context.instruction_pointer == address:
        return context
    stack = crash.stack
    for frame in stack.frames[:MAX_FRAMES] if stack else ():
        if frame.trust is Trust.TRAP_FRAME and frame.ip == address and frame.context is not None:
            return frame.context
    return None


def code_at_fault(crash: Crash) -> FaultingCode | None:
    """Decode the faulting instruction with those registers, so that its operand's address is known where it can be."""
    code = crash.faulting_code
    if code is None or code.access_address is not None:
        return code
    registers = fault_registers(crash)
    if registers is None or registers is crash.context:
        return code
    return read_code(crash.machine, code.address, registers)
