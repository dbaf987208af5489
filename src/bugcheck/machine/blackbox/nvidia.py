"""The NVIDIA display driver's stream → the version and size of its crash dump.

Source: `nvcd.h` of NVIDIA/open-gpu-kernel-modules (MIT): NVCD_HEADER.  The records behind it are NVIDIA's own.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.images.identity import format_guid
from bugcheck.machine.blackbox.stream import Decoded

SIGNATURE = b"NVCD"
VERSIONS = {
    "{E3D5DC6E-DB7D-4E28-B09E-F59A942F4A24}": "1",
    "{CD978AC1-3AA1-494B-BB5B-E93DAF2B0536}": "2",
    "{D3793533-A4A6-46D3-97F2-1446CFDC1EE7}": "RC 2.0",
}


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the header. Raises CorruptDump without the signature."""
    del pointer_size
    if view.read(0, 4) != SIGNATURE:
        raise CorruptDump(view.name, "no NVCD signature", 0)
    layout = f"{{{format_guid(view.read(4, 16))}}}"
    fields: dict[str, object] = {"layout": layout, "version": VERSIONS.get(layout, ""), "size": view.u32(20)}
    return Decoded(fields, f"NVIDIA's driver added {view.u32(20):,} bytes, which only NVIDIA can read")
