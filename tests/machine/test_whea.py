"""Hardware error records: built ones, laid out as UEFI and published `!errrec` listings have them."""

from __future__ import annotations

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.machine.machine_check import MachineCheckBank
from bugcheck.machine.whea import DESCRIPTOR_SIZE, HEADER_SIZE, read_error_record
from tests.machine.flat_memory import FlatMemory

AT = 0xFFFF_FA80_061A_D8F8
MCA, MEMORY, PCI = (
    "8a1e1d01-42f9-4557-9c33-565e5cc3f7e8",
    "a5bc1114-6f64-4ede-b863-3e83ed7c83b1",
    "d995e954-bbc1-430f-ad91-b44dcb3c6f35",
)


def record(*sections: tuple[str, bytes], text: bytes = b"") -> bytes:
    """A fatal record with these sections: UEFI 2.10, N.2.1 and N.2.2."""
    at = HEADER_SIZE + DESCRIPTOR_SIZE * len(sections)
    size = at + sum(len(data) for _, data in sections)
    header = struct.pack("<4sHIHIII", b"CPER", 0x210, 0xFFFF_FFFF, len(sections), 1, 0, size).ljust(HEADER_SIZE, b"\0")
    descriptors, bodies = b"", b""
    for kind, data in sections:
        valid = 2 if text else 0
        place = at + len(bodies)
        identity = UUID(kind).bytes_le
        packed = struct.pack("<IIHBBI16s16sI20s", place, len(data), 0x300, valid, 0, 1, identity, bytes(16), 1, text)
        descriptors += packed
        bodies += data
    return header + descriptors + bodies


def mca(status: int, bank: int = 4, processor: int = 0, address: int = 0) -> bytes:
    """A WHEA_XPF_MCA_SECTION of 264 bytes, as old as the published listings."""
    return struct.pack("<IIqIQQIQQQ", 1, 1, 0, processor, 0, 0, bank, status, address, 0).ljust(264, b"\0")


def memory_of(raw: bytes) -> FlatMemory:
    """The record at AT."""
    return FlatMemory({AT: raw})


def test_a_machine_check_of_a_published_listing() -> None:
    # sevenforums.com thread 275432: section 2 "x86/x64 MCA", descriptor at record+0x110, section at record+664, length
    # 264, "BUSLG_GENERIC_ERR_*_TIMEOUT_ERR (Proc 0 Bank 4)", status 0xfa00000000070f0f.
    first, second = (
        ("9876ccad-47b4-4bdb-b65e-16f193c4f3db", bytes(192)),
        ("dc3ea0b0-a144-4797-b95b-53fa242b6e1d", bytes(128)),
    )
    raw = record(first, second, (MCA, mca(0xFA00000000070F0F)))
    found = read_error_record(AT, memory_of(raw))
    assert found is not None
    assert [section.kind for section in found.sections] == ["processor", "x86 processor", "machine check"]
    assert [section.address - AT for section in found.sections] == [344, 536, 664]
    bank = found.sections[2].bank
    assert bank is not None
    assert (bank.bank, bank.processor, bank.component) == (4, 0, "bus")
    assert bank.words == "an error of the bus or interconnect, after a timeout"
    assert bank.is_valid
    assert bank.is_uncorrected


def test_a_section_as_a_real_machine_stored_it() -> None:
    # The first 48 bytes of a record published in a note "How to read WHEA_XPF_MCA" (version 4, AMD, processor 6).
    start = bytes.fromhex(
        "04000000 02000000 73105e8ce518dc01 06000000 0000000000000000 0000000000000000 00000000 35010c000000a0ba"
    )
    found = read_error_record(AT, memory_of(record((MCA, start.ljust(264, b"\0")))))
    assert found is not None
    bank = found.sections[0].bank
    assert bank is not None
    assert (bank.vendor, bank.processor, bank.bank, bank.status) == (2, 6, 0, 0xBAA000_0000_0C0135)
    # Intel SDM volume 3, 000F 0001 RRRR TTLL with RRRR 3 (data read), TT 1 (data), LL 1.
    assert bank.words == "an error of the data cache, level 1 while reading data"


@pytest.mark.parametrize(
    ("code", "component", "words"),
    [  # Intel SDM volume 3, "IA32_MCi_Status compound error code encoding" and the table of simple codes
        (0x0005, "processor", "a parity error inside the processor"),
        (0x0400, "processor", "a timeout inside the processor (it made no progress)"),
        (0x0405, "processor", "an error inside the processor, code 0x0405"),
        (0x0151, "processor cache", "an error of the instruction cache, level 1 while fetching an instruction"),
        (0x110A, "processor cache", "an error of the cache, level 2"),
        (0x0175, "processor cache", "an error of the data cache, level 1 while evicting"),
        (0x0014, "processor TLB", "an error of the data TLB, level 0"),
        (0x009F, "memory controller", "an error of the memory controller, an unnamed channel while reading"),
        (0x00C1, "memory controller", "an error of the memory controller, channel 1 while scrubbing"),
        (0x0E0B, "processor", "an I/O error"),
        (0x8000, "processor", "an error with the code 0x8000"),
    ],
)
def test_codes_in_words(code: int, component: str, words: str) -> None:
    bank = MachineCheckBank(1 << 63 | code)
    assert (bank.component, bank.words) == (component, words)


def test_a_memory_section_tells_only_what_is_valid() -> None:
    data = bytearray(80)
    struct.pack_into("<QQQQ8H", data, 0, 1 << 1 | 1 << 5 | 1 << 14, 0, 0x1234_5000, 0, 9, 9, 3, 9, 0, 0, 0, 0)
    data[72] = 3
    found = read_error_record(AT, memory_of(record((MEMORY, bytes(data)), text=b"DIMM_A1")))
    assert found is not None
    [section] = found.sections
    assert section.unit == "DIMM_A1"
    assert section.memory is not None
    assert (section.memory.physical_address, section.memory.kind) == (0x1234_5000, "multi-bit ECC error")
    assert (section.memory.module, section.memory.node, section.memory.bank) == (3, None, None)


def test_a_pci_express_section_names_the_device() -> None:
    data = bytearray(208)
    struct.pack_into("<QI", data, 0, 1 | 8 | 0x80, 4)
    struct.pack_into("<HH3sBBHB", data, 24, 0x8086, 0x460D, b"\0\4\6", 1, 6, 0, 0)
    struct.pack_into("<I", data, 116, 1 << 14 | 1 << 5)
    found = read_error_record(AT, memory_of(record((PCI, bytes(data)))))
    assert found is not None
    error = found.sections[0].pci_express
    assert error is not None
    assert (error.port_type, error.location) == ("root port", "0000:00:06.1")
    assert (error.vendor_id, error.device_id) == (0x8086, 0x460D)
    assert error.errors == ("link lost unexpectedly", "a request was never answered")


def test_what_is_no_record_is_none() -> None:
    assert read_error_record(0, memory_of(bytes(128))) is None
    assert read_error_record(AT, memory_of(bytes(128))) is None
    assert read_error_record(AT, memory_of(record()[:100])) is None


@given(st.binary(max_size=700), st.integers(0, 0xFFFF))
def test_any_bytes_are_survived(noise: bytes, count: int) -> None:
    raw = bytearray(record((MCA, mca(0)), (MEMORY, bytes(80)))[:128] + noise)
    struct.pack_into("<H", raw, 10, count)
    found = read_error_record(AT, memory_of(bytes(raw)))
    assert found is None or len(found.sections) <= 64
