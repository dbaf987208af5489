"""Symbol addresses and build offsets → the KDBG block, plain or scrambled.

Source: KDDEBUGGER_DATA64 of WDBGEXTS.H (field order: kdbg_fields.json); the scrambling from qemu
contrib/elf2dmp/main.c.

Folklore:
- Addresses of 32-bit machines are sign-extended in it; the list links are not (seen in an ARM triage dump).
- The flags word's bits: 0 PaeEnabled, 2-5 paging levels (0x10 in an ARM64 22000 dump: four levels, no PAE bit).
"""

from collections.abc import Mapping

from bugcheck.synth.architecture import sign_extended
from bugcheck.synth.description import KdbgEncoding
from bugcheck.synth.kernel_layouts import Offsets, kdbg_fields
from bugcheck.synth.record import Record

_MASK = (1 << 64) - 1


def build_kdbg(list_head: int, addresses: Mapping[str, int], offsets: Offsets) -> bytes:
    """The block: `addresses` fill 8-byte fields by name, `offsets` (a layout's `kdbg`) the rest and its Size."""
    size = offsets["Size"]
    record = Record(size)
    record.u64(0x00, list_head)
    record.u64(0x08, list_head)
    record.put(0x10, b"KDBG")
    record.u32(0x14, size)
    for name, offset, width in kdbg_fields():
        if offset + width <= size:
            value = sign_extended(addresses.get(name, 0)) if width == 8 else offsets.get(name, 0)
            record.uint(offset, value, width)
    record.uint(0x36, offsets.get("Flags", 0), 2)
    return record.done()


def scramble_kdbg(block: bytes, encoding: KdbgEncoding, flag_address: int) -> bytes:
    """What memory holds after KdpDataBlockEncoded (at `flag_address`) was set."""
    turn = encoding.wait_never & 0x3F
    out = bytearray()
    for at in range(0, len(block), 8):
        word = int.from_bytes(block[at : at + 8], "little") ^ encoding.wait_always
        word = int.from_bytes(word.to_bytes(8, "big"), "little") ^ sign_extended(flag_address)
        word = (word >> turn | word << (64 - turn)) & _MASK
        out += (word ^ encoding.wait_never).to_bytes(8, "little")
    return bytes(out)
