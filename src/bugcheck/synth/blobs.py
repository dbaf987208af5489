"""Secondary data → the tagged blobs behind a dump.

Source: read from real triage dumps (9600, 17134 ARM64, 26100): `DumpBlob`, header size 0x10, 0xF0000000 | build; then
per blob header size 0x20, GUID, data size, padding before and after.

Folklore: one real file (26100) goes on with zeros behind its last blob, others end there; these end.
"""

from bugcheck.synth.description import MachineDescription
from bugcheck.synth.record import Record


def build_blobs(machine: MachineDescription) -> bytes:
    """The whole section, or nothing when the machine has no blobs."""
    if not machine.blobs:
        return b""
    head = Record(0x10)
    head.put(0x00, b"DumpBlob")
    head.u32(0x08, 0x10)
    head.u32(0x0C, 0xF0000000 | machine.build)
    out = head.done()
    for blob in machine.blobs:
        entry = Record(0x20)
        entry.u32(0x00, 0x20)
        entry.put(0x04, blob.tag)
        entry.u32(0x14, len(blob.data))
        out += entry.done() + blob.data
    return out
