"""pci.sys's records → the PCI functions with their ids, class, command and status registers.

Source: record frame after ntoseye `blackbox.rs` (MIT; !blackboxpci); the configuration header itself is the PCI Local
Bus specification 3.0, section 6.1.  The streams of the corpus are consumed to the last byte, or are empty.

Folklore: a status bit is sticky: it says that the error happened since it was last cleared, not that it happened now.
Received master aborts are how a bus answers for a function that is not there, so they are no error by themselves.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import MAX_ENTRIES, Decoded, count

SIGNATURE = b"PCfg"
RECORD_SIZE = 0x7C
LOCATION = 0x0C
CONFIGURATION = 0x3C
STATUS_ERRORS = {
    0x0100: "master data parity error",
    0x0800: "signaled target abort",
    0x1000: "received target abort",
    0x4000: "signaled system error",
    0x8000: "detected parity error",
}


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the PCI functions. Raises CorruptDump when the first record has no signature."""
    if pointer_size != 8:
        raise CorruptDump(view.name, "the layout on 32-bit Windows is not public")
    functions: list[dict[str, object]] = []
    offset = 0
    while offset + RECORD_SIZE <= view.size and len(functions) < MAX_ENTRIES:
        size = view.u32(offset + 4)
        if view.read(offset, 4) != SIGNATURE or size < RECORD_SIZE:
            break
        functions.append(_function(view, offset))
        offset += size
    if not functions and view.size:
        raise CorruptDump(view.name, "no record of a PCI function where the first should be", 0)
    return Decoded({"functions": functions}, _summary(functions))


def _function(view: BinaryView, offset: int) -> dict[str, object]:
    location = view.u32(offset + LOCATION)
    vendor, device, command, status, class_low, class_high = view.unpack("6H", offset + CONFIGURATION)
    return {
        "location": f"{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}",
        "vendor_id": f"{vendor:04x}",
        "device_id": f"{device:04x}",
        "class": f"{class_high:04x}{class_low >> 8:02x}",
        "revision": class_low & 0xFF,
        "command": command,
        "status": status,
        "errors": [text for bit, text in STATUS_ERRORS.items() if status & bit],
    }


def _summary(functions: list[dict[str, object]]) -> str:
    failing = [f"{item['location']} ({item['vendor_id']}:{item['device_id']})" for item in functions if item["errors"]]
    text = count(len(functions), "PCI function")
    return f"{text}, error bits set at {', '.join(failing[:4])}" if failing else text
