"""A hardware error record's bytes → its sections: which part of the hardware reported what.

Source: UEFI specification, appendix N (common platform error record: header 128 bytes, section descriptors 72, sections
of processors, memory, PCI Express, firmware); ntddk.h as Microsoft documents it (WHEA_XPF_MCA_SECTION, packed).

Folklore:
    Windows' own records for a machine check have three sections: generic processor, x86 processor, and the registers of
    the bank that reported (offsets 344, 536, 664 in published `!errrec` listings).  The third one tells most.
    Members whose validation bit is clear hold leftovers, so they are None here.
    A record may carry a section of zeros; a type this file does not know is kept by its GUID.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.machine.machine_check import MachineCheckBank
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

SIGNATURE = b"CPER"
HEADER_SIZE, DESCRIPTOR_SIZE = 128, 72
SECTION_LIMIT = 64
RECORD_LIMIT = 1 << 20
"""Bytes of a record that are believed."""

SEVERITIES = ("recoverable", "fatal", "corrected", "informational")
_HEADER = Struct("<4sHIHIII")
_DESCRIPTOR = Struct("<IIHBxI16s16sI20s")
_MCA = Struct("<IIqIQQIQQQ")
_MEMORY = Struct("<QQQQ8H")
_SECTION_NAMES = {
    "9876ccad-47b4-4bdb-b65e-16f193c4f3db": "processor",
    "dc3ea0b0-a144-4797-b95b-53fa242b6e1d": "x86 processor",
    "8a1e1d01-42f9-4557-9c33-565e5cc3f7e8": "machine check",
    "e19e3d16-bc11-11e4-9caa-c2051d5d46b0": "Arm processor",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1": "memory",
    "61ec04fc-48e6-d813-25c9-8daa44750b12": "memory 2",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35": "PCI Express",
    "c5753963-3b84-4095-bf78-eddad3f9c9dd": "PCI bus",
    "eb5e4685-ca66-4769-b6a2-26068b001326": "PCI device",
    "81212a96-09ed-4996-9471-8d729c8e69ed": "firmware",
    "e71254e7-c1b9-4940-ab76-909703a4320f": "non-maskable interrupt",
}
_MEMORY_ERRORS = (
    "", "no error", "single-bit ECC error", "multi-bit ECC error", "single-symbol chipkill error",
    "multi-symbol chipkill error", "master abort", "target abort", "parity error", "watchdog timeout",
    "invalid address", "broken mirror", "memory sparing", "error corrected by scrubbing", "uncorrected scrubbing error",
    "memory taken out of the map",
)  # fmt: skip
_PORT_TYPES = {
    0: "endpoint", 1: "legacy endpoint", 4: "root port", 5: "upstream switch port", 6: "downstream switch port",
    7: "bridge to PCI", 8: "bridge from PCI", 9: "integrated endpoint", 10: "event collector",
}  # fmt: skip
_UNCORRECTABLE = {
    4: "data link protocol error", 5: "link lost unexpectedly", 12: "poisoned packet", 13: "flow control error",
    14: "a request was never answered", 15: "completer abort", 16: "unexpected completion", 17: "receiver overflow",
    18: "malformed packet", 19: "checksum error", 20: "unsupported request", 21: "access control violation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MemoryDamage:
    """A memory section: physical address, kind of error, and where the memory sits; None for what is not valid."""

    physical_address: int | None
    kind: str
    node: int | None
    card: int | None
    module: int | None
    bank: int | None


@dataclass(frozen=True, slots=True)
class PciExpressError:
    """A PCI Express section: the device as segment:bus:device.function, its ids, names of the uncorrectable errors."""

    port_type: str
    location: str | None
    vendor_id: int | None
    device_id: int | None
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErrorSection:
    """A section of a record.

    Attributes:
        kind: "machine check", "memory", "PCI Express", …, or the type's GUID. address: virtual, of its bytes.
        severity: "fatal", …. is_primary: the section to look at first.
        unit: the field-replaceable unit's text, "" when there is none.
        bank, memory, pci_express: the contents, for the kinds that have them.
    """

    kind: str
    address: int
    severity: str
    is_primary: bool
    unit: str
    bank: MachineCheckBank | None = None
    memory: MemoryDamage | None = None
    pci_express: PciExpressError | None = None


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A common platform error record at a virtual address; `size` in bytes."""

    address: int
    size: int
    severity: str
    sections: tuple[ErrorSection, ...]


def read_error_record(address: int, memory: AddressSpace) -> ErrorRecord | None:
    """Read the record at a virtual address; None when it is not in the dump or is none.

    Sections the dump does not hold are left out.
    """
    raw = memory.try_read(address, HEADER_SIZE) if address else None
    if raw is None:
        return None
    signature, _, end, count, severity, _, length = _HEADER.unpack_from(raw)
    if signature != SIGNATURE or end != 0xFFFF_FFFF or not HEADER_SIZE <= length <= RECORD_LIMIT:
        return None
    found = (_section(address, length, number, memory) for number in range(min(count, SECTION_LIMIT)))
    return ErrorRecord(address, length, _severity(severity), tuple(section for section in found if section))


def _severity(number: int) -> str:
    return SEVERITIES[number] if number < len(SEVERITIES) else f"severity {number}"


def _section(record: int, record_size: int, number: int, memory: AddressSpace) -> ErrorSection | None:
    raw = memory.try_read(record + HEADER_SIZE + number * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE)
    if raw is None:
        return None
    offset, size, _, valid, flags, kind, _, severity, text = _DESCRIPTOR.unpack(raw)
    if not size or offset + size > record_size:
        return None
    name = _SECTION_NAMES.get(_guid(kind), _guid(kind))
    unit = text.partition(b"\0")[0].decode("ascii", "replace").strip() if valid & 2 else ""
    data = memory.try_read(record + offset, size) or b""
    return ErrorSection(
        kind=name,
        address=record + offset,
        severity=_severity(severity),
        is_primary=bool(flags & 1),
        unit=unit if unit.isprintable() else "",
        bank=_bank(data) if name == "machine check" else None,
        memory=_memory(data) if name == "memory" else None,
        pci_express=_pci_express(data) if name == "PCI Express" else None,
    )


def _guid(raw: bytes) -> str:
    first, second, third = (int.from_bytes(raw[a:b], "little") for a, b in ((0, 4), (4, 6), (6, 8)))
    return f"{first:08x}-{second:04x}-{third:04x}-{raw[8:10].hex()}-{raw[10:].hex()}"


def _bank(data: bytes) -> MachineCheckBank | None:
    if len(data) < _MCA.size:
        return None
    _, vendor, _, processor, _, instruction, bank, status, address, misc = _MCA.unpack_from(data)
    return MachineCheckBank(status, bank, processor, vendor, instruction, address, misc)


def _memory(data: bytes) -> MemoryDamage | None:
    if len(data) < 73:
        return None
    valid, _, physical, _, node, card, module, bank, *_ = _MEMORY.unpack_from(data)
    kind = data[72] if valid >> 14 & 1 else 0

    def known(bit: int, value: int) -> int | None:
        return value if valid >> bit & 1 else None

    return MemoryDamage(
        known(1, physical),
        _MEMORY_ERRORS[kind] if kind < len(_MEMORY_ERRORS) else f"error type {kind}",
        known(3, node),
        known(4, card),
        known(5, module),
        known(6, bank),
    )


def _pci_express(data: bytes) -> PciExpressError | None:
    if len(data) < 112:
        return None
    valid, port = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:12], "little")
    vendor, device = int.from_bytes(data[24:26], "little"), int.from_bytes(data[26:28], "little")
    segment = int.from_bytes(data[33:35], "little")
    has_id = bool(valid & 8)
    status = int.from_bytes(data[116:120], "little") if valid & 0x80 and len(data) >= 208 else 0
    return PciExpressError(
        port_type=_PORT_TYPES.get(port, "") if valid & 1 else "",
        location=f"{segment:04x}:{data[35]:02x}:{data[32]:02x}.{data[31]:x}" if has_id else None,
        vendor_id=vendor if has_id else None,
        device_id=device if has_id else None,
        errors=tuple(name for bit, name in _UNCORRECTABLE.items() if status >> bit & 1),
    )
