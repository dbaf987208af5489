"""Small crashes for rule tests: a synth machine with a few facts changed, read back through the real readers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bugcheck import synth
from bugcheck.binary import BinaryView
from bugcheck.dump.open import read_dump
from bugcheck.findings.findings import Crash
from bugcheck.machine.machine import Machine
from bugcheck.synth import DumpKind, MachineDescription
from bugcheck.synth.description import BugCheckDescription


def crash_of(description: MachineDescription, kind: DumpKind = DumpKind.TRIAGE_FULL_PATHS) -> Crash:
    """Build a dump of the machine, read it, and hand out the crash."""
    view = BinaryView(synth.build_kernel_dump(description, kind), "test.dmp")
    return Crash(Machine(read_dump(view)))


def x64_crash(code: int, *parameters: int, **changes: Any) -> Crash:
    """A crash of the x64 machine with this bug check; no exception, no broken driver unless given."""
    padded = (*parameters, 0, 0, 0, 0)[:4]
    facts = {"broken_driver": "", "exception": None, **changes}
    description = replace(synth.x64_machine(), bugcheck=BugCheckDescription(code, padded), **facts)
    return crash_of(description)


def with_registers(description: MachineDescription, **registers: int) -> MachineDescription:
    """Change registers of the crashing processor."""
    processors = list(description.processors)
    first = processors[description.crashing_processor]
    processors[description.crashing_processor] = replace(first, registers={**first.registers, **registers})
    return replace(description, processors=tuple(processors))


def empty_crash() -> Crash:
    """The least a dump can hold: a header without modules, memory, exception or meaningful registers."""
    return crash_of(replace(synth.x64_machine(), exception=None, broken_driver=""), DumpKind.HEADER_ONLY)
