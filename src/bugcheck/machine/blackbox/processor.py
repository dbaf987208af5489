"""mssmbios's registry stream → name, maker, family and speed of the first processor.

Source: the values of HKLM\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0 one after another: bytes of the name,
name, registry type, bytes of the data, data.  No page documents the frame; it consumes the corpus' 25 streams to the
last byte.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import Decoded

REG_SZ = 1
REG_DWORD = 4
MAX_VALUES = 256
FIELDS = {
    "ProcessorNameString": "name",
    "VendorIdentifier": "vendor",
    "Identifier": "identifier",
    "~MHz": "megahertz",
    "Update Status": "microcode_update_status",
}
"""Registry value → field of the result."""


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the processor's registry values. Raises CorruptDump when none of the known ones is there."""
    del pointer_size
    fields: dict[str, object] = {}
    offset = 0
    for _ in range(MAX_VALUES):
        if offset + 12 > view.size:
            break
        name_size = view.u32(offset)
        name = view.utf16(offset + 4, min(name_size, 0x200))
        kind, data_size = view.unpack("2I", offset + 4 + name_size)
        data = offset + 12 + name_size
        if name in FIELDS and kind == REG_SZ:
            fields[FIELDS[name]] = view.utf16(data, min(data_size, 0x200)).strip()
        elif name in FIELDS and kind == REG_DWORD and data_size == 4:
            fields[FIELDS[name]] = view.u32(data)
        offset = data + data_size
    if not fields:
        raise CorruptDump(view.name, "none of the processor's registry values", 0)
    speed = f" at {fields['megahertz']} MHz" if "megahertz" in fields else ""
    return Decoded(fields, f"{fields.get('name') or fields.get('identifier') or 'a processor'}{speed}")
