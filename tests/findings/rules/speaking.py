"""What one cross-cutting rule says of a crash, and crashes with chosen code, registers and stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bugcheck import synth
from bugcheck.binary import BinaryView
from bugcheck.dump.open import read_dump
from bugcheck.findings.findings import RULES, Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.machine import Machine
from bugcheck.synth import DumpKind, MachineDescription
from bugcheck.synth.description import BugCheckDescription, ExceptionDescription
from tests.crashes import crash_of, with_registers

MACHINE = synth.x64_machine()
NT, DRIVER = MACHINE.modules[0], MACHINE.modules[2]
IN_DRIVER = DRIVER.base + 0x1020
STACK = MACHINE.processors[0].registers["rsp"]
ACCESS_VIOLATION = 0xC000_0005


def said(crash: Crash, rule: str) -> list[Finding]:
    """The findings of one rule; gaps left out."""
    run = next(each.run for each in RULES if each.name == rule)
    return [answer for answer in run(crash) if not isinstance(answer, Gap)]


def crash_at(
    code: bytes,
    *,
    check: tuple[int, ...] = (0xD1, 0x10, 2, 1, IN_DRIVER),
    exception: tuple[int, tuple[int, ...]] | None = None,
    stack: Mapping[int, int] | None = None,
    machine: MachineDescription = MACHINE,
    **registers: int,
) -> Crash:
    """A full dump of an x64 machine that stopped at `flaky+0x1020` in `code`.

    Args:
        code: bytes from there on. check: bug check and parameters. exception: code and parameters of a record.
        stack: distance from the stack pointer → 64-bit value. registers: changed ones.
    """
    driver = replace(machine.modules[2], code=b"\x90" * 0x20 + code + b"\x90" * 0x20)
    modules = (*machine.modules[:2], driver, *machine.modules[3:])
    size = 8 + max(stack or {0: 0})
    words = bytearray(size)
    for distance, value in (stack or {}).items():
        words[distance : distance + 8] = value.to_bytes(8, "little")
    record = ExceptionDescription(exception[0], IN_DRIVER, exception[1]) if exception else None
    first, second, third, fourth = (*check[1:], 0, 0, 0, 0)[:4]
    changed = replace(
        machine,
        modules=modules,
        bugcheck=BugCheckDescription(check[0], (first, second, third, fourth)),
        exception=record,
        broken_driver="",
        memory={**machine.memory, STACK: bytes(words)},
    )
    return crash_of(with_registers(changed, **registers), DumpKind.FULL)


def opened(path: Path) -> Crash:
    """The crash of a real dump, without symbols."""
    return Crash(Machine(read_dump(BinaryView(path.read_bytes(), path.name))))


def corpus_statements(corpus: Path, rule: str) -> dict[str, list[Finding]]:
    """What a rule says of every real kernel dump that it speaks of, by the end of the file's name."""
    found = {path.name.rpartition("__")[2]: said(opened(path), rule) for path in (corpus / "kernel").glob("*.dmp")}
    assert len(found) == 26
    return {name: findings for name, findings in found.items() if findings}
