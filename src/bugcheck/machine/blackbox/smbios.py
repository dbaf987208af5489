"""mssmbios's SMBIOS stream → firmware, machine, board, processors, memory modules.

Source: RawSMBIOSData (Microsoft, GetSystemFirmwareTable) in front of the tables of DMTF DSP0134 (types 0, 1, 2, 4, 17).

Folklore: the tables also hold serial numbers, asset tags and the machine's UUID.  They identify a person's machine and
no fault, so they are not read.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import MAX_ENTRIES, Decoded

HEADER_SIZE = 8
END_OF_TABLE = 127
MAX_TEXT = 256
TEXT_FIELDS = {
    0: ("firmware", {"vendor": 0x04, "version": 0x05, "date": 0x08}),
    1: ("system", {"manufacturer": 0x04, "product": 0x05, "version": 0x06, "family": 0x1A}),
    2: ("board", {"manufacturer": 0x04, "product": 0x05, "version": 0x06}),
    4: ("processors", {"socket": 0x04, "manufacturer": 0x07, "version": 0x10}),
    17: ("memory", {"slot": 0x10, "bank": 0x11, "manufacturer": 0x17, "part_number": 0x1A}),
}
"""Structure type → field of the result, names and offsets of its strings."""


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the SMBIOS tables as far as they go. Raises CorruptDump when there is no structure at all."""
    del pointer_size
    view.check(0, HEADER_SIZE, "SMBIOS header")
    found: dict[str, list[dict[str, object]]] = {name: [] for name, _ in TEXT_FIELDS.values()}
    structures = _structures(view)
    if not structures:
        raise CorruptDump(view.name, "no SMBIOS structure", HEADER_SIZE)
    for kind, body, texts in structures:
        if kind in TEXT_FIELDS:
            name, offsets = TEXT_FIELDS[kind]
            record: dict[str, object] = {field: _text(body, texts, at) for field, at in offsets.items()}
            record.update(_memory(body) if kind == 17 else {})
            found[name].append(record)
    fields: dict[str, object] = {"smbios_version": f"{view.u8(1)}.{view.u8(2)}", **found}
    return Decoded(fields, _summary(found))


def _structures(view: BinaryView) -> list[tuple[int, bytes, list[bytes]]]:
    """Split the tables into (type, formatted area, strings)."""
    data = view.read_up_to(HEADER_SIZE, view.size)
    found: list[tuple[int, bytes, list[bytes]]] = []
    offset = 0
    while offset + 4 <= len(data) and len(found) < MAX_ENTRIES:
        kind, length = data[offset], data[offset + 1]
        end = data.find(b"\0\0", offset + length)
        if length < 4 or end < 0 or kind == END_OF_TABLE:
            break
        found.append((kind, data[offset : offset + length], data[offset + length : end].split(b"\0")))
        offset = end + 2
    return found


def _text(body: bytes, texts: list[bytes], offset: int) -> str:
    number = body[offset] if offset < len(body) else 0
    if not 0 < number <= len(texts):
        return ""
    return texts[number - 1][:MAX_TEXT].decode("ascii", "backslashreplace").strip()


def _memory(body: bytes) -> dict[str, object]:
    size = int.from_bytes(body[0x0C:0x0E], "little")
    if size == 0x7FFF:
        megabytes: float | None = int.from_bytes(body[0x1C:0x20], "little") & 0x7FFF_FFFF
    elif size == 0xFFFF:
        megabytes = None
    else:
        megabytes = (size & 0x7FFF) / 1024 if size & 0x8000 else size
    return {
        "megabytes": megabytes,
        "megatransfers_per_second": int.from_bytes(body[0x15:0x17], "little") or None,
        "configured_megatransfers_per_second": int.from_bytes(body[0x20:0x22], "little") or None,
    }


def _summary(found: dict[str, list[dict[str, object]]]) -> str:
    parts = [
        f"{name} {record['manufacturer']} {record['product']}".strip()
        for name in ("system", "board")
        for record in found[name][:1]
    ]
    parts.extend(f"firmware {record['version']} of {record['date']}" for record in found["firmware"][:1])
    return ", ".join(parts)
