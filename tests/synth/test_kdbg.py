"""Source of every expectation: qemu contrib/elf2dmp (main.c, kdbg.h) for decoding and offsets; KDBG of real dumps."""

import struct

import pytest

from tests.synth.built import machine

MASK = (1 << 64) - 1


def rol64(value: int, count: int) -> int:
    count &= 63
    return (value << count | value >> (64 - count)) & MASK


def decode(block: bytes, never: int, always: int, address: int) -> bytes:
    """x = rol64(x ^ KiWaitNever, KiWaitNever & 0xff); x = bswap64(x ^ &KdpDataBlockEncoded) ^ KiWaitAlways."""
    words = []
    for (word,) in struct.iter_unpack("<Q", block):
        turned = rol64(word ^ never, never & 0xFF) ^ address
        words.append(int.from_bytes(turned.to_bytes(8, "big"), "little") ^ always)
    return struct.pack(f"<{len(words)}Q", *words)


def test_encoded_block_decodes_as_elf2dmp_decodes_it() -> None:
    truth = machine("x64_encoded")
    in_memory = truth.read(truth.symbols["KdDebuggerDataBlock"], len(truth.kdbg))
    assert in_memory is not None
    assert in_memory[0x10:0x14] != b"KDBG"
    secrets = [truth.read(truth.symbols[name], 8) for name in ("KiWaitNever", "KiWaitAlways")]
    never, always = (int.from_bytes(secret or b"", "little") for secret in secrets)
    assert truth.read(truth.symbols["KdpDataBlockEncoded"], 1) == b"\x01"
    decoded = decode(in_memory, never, always, truth.symbols["KdpDataBlockEncoded"])
    assert decoded == truth.kdbg
    assert decoded[0x10:0x14] == b"KDBG"


@pytest.mark.parametrize("name", ["x64", "x86", "x86_pae", "arm64", "arm32"])
def test_fields_at_elf2dmps_offsets(name: str) -> None:
    truth = machine(name)
    block = truth.kdbg
    assert truth.read(truth.symbols["KdDebuggerDataBlock"], len(block)) == block
    # kdbg.h: OwnerTag 10, Size 14, KernBase 18, KiBugcheckData 88, PfnDatabase C0, KiProcessorBlock 218
    assert block[0x10:0x14] == b"KDBG"
    assert struct.unpack_from("<I", block, 0x14)[0] == len(block)
    mask = truth.description.architecture.pointer_mask
    fields = {0x88: "KiBugCheckData", 0xC0: "MmPfnDatabase", 0x218: "KiProcessorBlock", 0x268: "CmNtCSDVersion"}
    for offset, symbol in fields.items():
        assert struct.unpack_from("<Q", block, offset)[0] & mask == truth.symbols[symbol], symbol
    # A 32-bit kernel address is sign-extended (seen in an ARM triage dump).
    base = truth.description.modules[0].base
    assert struct.unpack_from("<Q", block, 0x18)[0] == base | (MASK ^ mask)


def test_sizes_seen_in_real_files() -> None:
    # 19041 triage: 0x380; Server 2003: 0x318 (facts/windbg.md §3.7); 7601: 0x340; ARM 17134: 0x368; ARM64 22000: 0x380
    sizes = {name: len(machine(name).kdbg) for name in ("x64", "x86", "x86_pae", "arm32", "arm64")}
    assert sizes == {"x64": 0x380, "x86": 0x318, "x86_pae": 0x340, "arm32": 0x368, "arm64": 0x380}


def test_context_offset_leads_to_the_context() -> None:
    # kdbg.h: OffsetPrcbContext at 338; it holds a pointer to the CONTEXT (win_dump.c).
    for name in ("x64", "arm64"):
        truth = machine(name)
        offset = struct.unpack_from("<H", truth.kdbg, 0x338)[0]
        for processor in truth.processors:
            pointer = int.from_bytes(truth.read(processor.prcb + offset, 8) or b"", "little")
            assert truth.read(pointer, len(processor.context)) == processor.context


def test_flags_word() -> None:
    # Real KDBG blocks: 19041 x64 holds 1, ARM64 22000 holds 0x10; x86 says whether PAE is on.
    flags = {name: struct.unpack_from("<H", machine(name).kdbg, 0x36)[0] for name in ("x64", "x86", "x86_pae", "arm64")}
    assert flags == {"x64": 1, "x86": 0, "x86_pae": 1, "arm64": 0x10}
