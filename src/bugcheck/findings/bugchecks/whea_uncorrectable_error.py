"""124: the hardware error record → which bank, memory module or device reported what.

Source: bug check reference, 124; machine/whea.py.  For a machine check parameters 3 and 4 are the two halves of
MCi_STATUS, so something can be said even where the record is not in the dump.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Citation, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.machine_check import VENDORS, MachineCheckBank
from bugcheck.machine.whea import ErrorSection, MemoryDamage, PciExpressError, read_error_record

RULE = "whea_uncorrectable_error"
NEEDS = "the hardware error record; a kernel memory dump has it (debugger: !errrec)"
_WEIGHT = 0.72
_REFUTED = "overclocking, undervolting, heat or a weak power supply, which make sound parts report the same"
_MACHINE_CHECK = 0


@bugcheck_rule(0x124)
def whea_uncorrectable_error(crash: Crash) -> Iterator[Finding | Gap]:
    """What the hardware error record says failed."""
    check = crash.bugcheck
    if check is None:
        return
    record = read_error_record(check.parameters[1].value, crash.memory)
    sections = record.sections if record else ()
    told = [finding for section in sections for finding in _section(section)]
    yield from told
    if not any(finding.weight for finding in told):
        yield from _from_parameters(check)
    if record is None:
        yield Gap("what exactly the hardware reported", NEEDS)
    elif not told:
        kinds = ", ".join(section.kind for section in sections) or "none"
        cited = (Citation("memory", "error record", format_hex(record.address)),)
        yield fact(RULE, f"the {record.severity} error record has no section that can be explained ({kinds})", cited)


def _section(section: ErrorSection) -> Iterator[Finding]:
    cited = (Citation("memory", f"{section.kind} section", format_hex(section.address)),)
    unit = f" (unit {section.unit})" if section.unit else ""
    if section.bank is not None and section.bank.is_valid:
        yield _reported(_bank_words(section.bank) + unit, cited)
    elif section.memory is not None:
        yield _reported(_memory_words(section.memory) + unit, cited)
    elif section.pci_express is not None:
        yield _reported(_pci_words(section.pci_express) + unit, cited)


def _reported(statement: str, cited: tuple[Citation, ...]) -> Finding:
    return points_at(RULE, Category.HARDWARE, statement, _WEIGHT, cited, _REFUTED)


def _bank_words(bank: MachineCheckBank) -> str:
    vendor = f"{VENDORS[bank.vendor]} " if bank.vendor in VENDORS else ""
    where = f"{vendor}processor {bank.processor} reported, in bank {bank.bank}," if bank.bank is not None else ""
    return f"{where or 'a processor reported'} {_status_words(bank)}"


def _status_words(bank: MachineCheckBank) -> str:
    kind = "uncorrected" if bank.is_uncorrected else "corrected"
    address = f", at physical address {bank.address:#x}" if bank.has_address and bank.address else ""
    damaged = "; the processor's own state may be damaged" if bank.is_context_corrupt else ""
    return f"{bank.words}, {kind}{address} (status {bank.status:#018x}){damaged}"


def _memory_words(error: MemoryDamage) -> str:
    named = (("node", error.node), ("card", error.card), ("module", error.module), ("bank", error.bank))
    place = ", ".join(f"{name} {value}" for name, value in named if value is not None)
    at = f" at physical address {error.physical_address:#x}" if error.physical_address is not None else ""
    return f"the memory reported {error.kind or 'an error'}{at}{f' ({place})' if place else ''}"


def _pci_words(error: PciExpressError) -> str:
    ids = f" {error.vendor_id:04x}:{error.device_id:04x}" if error.vendor_id is not None else ""
    where = f" at {error.location}" if error.location else ""
    kind = error.port_type or "device"
    return f"the PCI Express {kind}{ids}{where} reported {', '.join(error.errors) or 'an error'}"


def _from_parameters(check: BugCheck) -> Iterator[Finding]:
    high, low = check.parameters[2].value & 0xFFFF_FFFF, check.parameters[3].value & 0xFFFF_FFFF
    bank = MachineCheckBank(high << 32 | low)
    if check.parameters[0].value == _MACHINE_CHECK and bank.is_valid:
        yield _reported(_bank_words(bank), cite(check, 3, 4))
