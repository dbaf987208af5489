"""The fault the processor reported against what the instruction there can do → faults that cannot have happened.

Source: Intel SDM volume 3 (#PF delivers the address it failed on; #UD only comes from bytes that are no instruction of
this processor) and volume 2 for what an instruction touches; which processors lack which instructions:
knowledge/cpu_extensions.tsv.

Folklore: only plain instructions with one memory operand and all its registers known are judged, and only an address
on another page counts: string instructions, partly transferred operands and emulated accesses differ by less.  A
hypervisor can inject faults of its own (memory protected from outside reports as a general protection fault), so that
kind weighs little.  An instruction newer than the processor is the program's mistake and no damage.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import MASK64, PAGE_SIZE, format_hex, is_canonical
from bugcheck.dump.dump import Architecture
from bugcheck.findings.access import Access, failed_access
from bugcheck.findings.cpu_extensions import extension_of, implements
from bugcheck.findings.fault_registers import code_at_fault
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.machine.code import FaultingCode

ILLEGAL_INSTRUCTION = 0xC000_001D
READERS = ("movzx", "movsx", "movsxd", "cmp", "test")
PLAIN = frozenset(["mov", *READERS, "add", "sub", "and", "or", "xor", "inc", "dec", "not", "neg"])
"""Instructions that touch their one memory operand and nothing else."""


@rule
def impossible_fault(crash: Crash) -> Iterator[Finding]:
    """A fault that the instruction at fault cannot cause with these registers on this processor."""
    if crash.machine.architecture in (Architecture.ARM64, Architecture.ARM32):
        return
    exception = crash.machine.exception
    if exception is not None and exception.code == ILLEGAL_INSTRUCTION:
        yield from _illegal(crash)
        return
    access = failed_access(crash)
    if access is None or access.kind == "execute":
        return
    code = code_at_fault(crash)
    if code is None or not _is_plain(code) or code.access_address is None:
        return
    statement, weight = _judge(crash, access, code)
    if statement:
        yield _finding(statement, weight, code, Citation("address", "failed address", format_hex(access.address)))


def _finding(statement: str, weight: float, code: FaultingCode, *more: Citation) -> Finding:
    return Finding(
        "impossible_fault",
        statement,
        weight,
        (Citation("address", f"instruction {code.address:#x}", code.data.hex(" ")), *more),
        category=Category.HARDWARE,
        refuted_by="registers that were changed after the fault, code rewritten since, or a hypervisor's own faults",
    )


def _is_plain(code: FaultingCode) -> bool:
    return code.text.partition(" ")[0] in PLAIN and code.text.count("[") == 1 and code.source == "memory"


def _judge(crash: Crash, access: Access, code: FaultingCode) -> tuple[str, float]:
    """Say what is impossible about the access and how much that weighs; "" when nothing is."""
    touched = code.access_address or 0
    if access.address == MASK64:
        if crash.machine.architecture is Architecture.X64 and is_canonical(touched, 57 if touched >> 56 else 48):
            return (
                f"`{code.text}` touches {touched:#x}, a possible address, yet the processor reported "
                "no page fault there but a protection fault, which such an instruction does not raise by itself"
            ), 0.15
        return "", 0.0
    in_code = abs(access.address - code.address) < PAGE_SIZE
    if not in_code and access.address // PAGE_SIZE not in _pages(touched, code.access_size):
        return (
            f"`{code.text}` touches {touched:#x} with the registers at the fault, "
            f"yet the processor reported a fault at {access.address:#x}"
        ), 0.5
    if access.kind == "write" and code.text.partition(" ")[0] in READERS:
        return f"`{code.text}` only reads its operand, yet the processor reported a write", 0.35
    return "", 0.0


def _pages(address: int, size: int) -> range:
    return range(address // PAGE_SIZE, (address + max(size, 8) - 1) // PAGE_SIZE + 1)


def _illegal(crash: Crash) -> Iterator[Finding]:
    """An illegal-instruction exception on bytes that decode."""
    code = crash.faulting_code
    if code is None or code.source != "memory" or code.text.startswith(("ud", "int")):
        return
    extension = extension_of(code.text)
    if extension is None:
        if code.text.partition(" ")[0] in PLAIN:
            yield _finding(f"an illegal-instruction exception on `{code.text}`, which every processor has", 0.6, code)
        return
    has = next((implements(processor, extension) for processor in crash.machine.processors), None)
    if has is False:
        yield Finding(
            "impossible_fault",
            f"`{code.text}` needs {extension}, which this processor lacks: the program was built for a newer one",
            0.0,
            (Citation("address", f"instruction {code.address:#x}", code.data.hex(" ")),),
            category=Category.CONFIGURATION,
            refuted_by="a processor that reports another identity than its own",
        )
