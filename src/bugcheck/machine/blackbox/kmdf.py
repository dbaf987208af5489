"""KMDF's two streams → the drivers built on it, and whose in-flight log was kept.

Source: microsoft/Windows-Driver-Frameworks (MIT): `fxbugcheck.h` FX_DUMP_DRIVER_INFO_ENTRY, `fxifr.h` WDF_IFR_HEADER.

Folklore: the first driver of the list is the framework itself.  The log's messages need the driver's trace format files
and stay undecoded.  KMDF keeps the log of the driver it takes for the culprit, or else of its best guess: a hint, no
proof.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import MAX_ENTRIES, Decoded, count

NAME_SIZE = 32
TRACE_GUID = bytes.fromhex("9d4c4d542c94d546bf50df5cd9524a50")
"""WdfTraceGuid {544D4C9D-942C-46D5-BF50-DF5CD9524A50}, the first field of every log."""


def decode_drivers(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the list of KMDF drivers; a cut last entry is left out."""
    size = -(-(pointer_size + 12 + NAME_SIZE) // pointer_size) * pointer_size
    drivers: list[dict[str, object]] = []
    for offset in range(0, min(view.size - size + 1, MAX_ENTRIES * size), size):
        major, minor, build = view.unpack("3I", offset + pointer_size)
        name = view.ascii(offset + pointer_size + 12, NAME_SIZE)
        if name:
            drivers.append({"name": name, "kmdf_version": f"{major}.{minor}", "build": build})
    return Decoded({"drivers": drivers}, f"{count(len(drivers), 'KMDF driver')} loaded")


def decode_log(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the header of the in-flight log. Raises CorruptDump when it does not start with KMDF's trace GUID."""
    if view.read(0, 16) != TRACE_GUID:
        raise CorruptDump(view.name, "no KMDF in-flight log", 0)
    size, current, previous, sequence = view.unpack("IHHI", 16 + pointer_size)
    driver = view.ascii(16 + pointer_size + 12, NAME_SIZE)
    fields: dict[str, object] = {
        "driver": driver,
        "messages_written": sequence,
        "log_size": size,
        "current_offset": current,
        "previous_offset": previous,
    }
    return Decoded(fields, f"KMDF kept the log of {driver or 'a driver without a name'}")
