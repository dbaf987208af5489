"""Register values → CONTEXT and EXCEPTION_RECORD of each architecture.

Source: winnt.h's CONTEXT, ARM_CONTEXT, ARM64_NT_CONTEXT and EXCEPTION_RECORD as documented on Microsoft Learn; x64
offsets also in qemu include/qemu/win_dump_defs.h and kdmp-parser's structs.

Folklore: x64 holds MXCSR twice (0x34 and in the FXSAVE area at 0x118); kdmp-parser rejects a file where they differ.
"""

from collections.abc import Mapping

from bugcheck.synth.architecture import Architecture, sign_extended
from bugcheck.synth.description import ExceptionDescription
from bugcheck.synth.record import Record

# name → (offset, size) per architecture; the defaults below are what an idle Windows kernel thread shows.
_X86_FIELDS: dict[str, tuple[int, int]] = {
    "dr0": (0x04, 4), "dr1": (0x08, 4), "dr2": (0x0C, 4), "dr3": (0x10, 4), "dr6": (0x14, 4), "dr7": (0x18, 4),
    "gs": (0x8C, 4), "fs": (0x90, 4), "es": (0x94, 4), "ds": (0x98, 4), "edi": (0x9C, 4), "esi": (0xA0, 4),
    "ebx": (0xA4, 4), "edx": (0xA8, 4), "ecx": (0xAC, 4), "eax": (0xB0, 4), "ebp": (0xB4, 4), "eip": (0xB8, 4),
    "cs": (0xBC, 4), "eflags": (0xC0, 4), "esp": (0xC4, 4), "ss": (0xC8, 4),
}  # fmt: skip
_X64_FIELDS: dict[str, tuple[int, int]] = {
    "mxcsr": (0x34, 4), "cs": (0x38, 2), "ds": (0x3A, 2), "es": (0x3C, 2), "fs": (0x3E, 2), "gs": (0x40, 2),
    "ss": (0x42, 2), "eflags": (0x44, 4), "dr0": (0x48, 8), "dr1": (0x50, 8), "dr2": (0x58, 8), "dr3": (0x60, 8),
    "dr6": (0x68, 8), "dr7": (0x70, 8), "rax": (0x78, 8), "rcx": (0x80, 8), "rdx": (0x88, 8), "rbx": (0x90, 8),
    "rsp": (0x98, 8), "rbp": (0xA0, 8), "rsi": (0xA8, 8), "rdi": (0xB0, 8), "r8": (0xB8, 8), "r9": (0xC0, 8),
    "r10": (0xC8, 8), "r11": (0xD0, 8), "r12": (0xD8, 8), "r13": (0xE0, 8), "r14": (0xE8, 8), "r15": (0xF0, 8),
    "rip": (0xF8, 8),
}  # fmt: skip
_ARM32_FIELDS: dict[str, tuple[int, int]] = {
    **{f"r{n}": (0x04 + 4 * n, 4) for n in range(13)},
    "sp": (0x38, 4), "lr": (0x3C, 4), "pc": (0x40, 4), "cpsr": (0x44, 4), "fpscr": (0x48, 4),
}  # fmt: skip
_ARM64_FIELDS: dict[str, tuple[int, int]] = {
    "cpsr": (0x04, 4), **{f"x{n}": (0x08 + 8 * n, 8) for n in range(29)},
    "fp": (0xF0, 8), "lr": (0xF8, 8), "sp": (0x100, 8), "pc": (0x108, 8), "fpcr": (0x310, 4), "fpsr": (0x314, 4),
}  # fmt: skip
_SHAPES: dict[Architecture, tuple[int, int, int, dict[str, tuple[int, int]]]] = {
    # size, ContextFlags' offset, its value (full context with the architecture's bit), fields
    Architecture.X86: (0x2CC, 0x00, 0x0001003F, _X86_FIELDS),
    Architecture.X86_PAE: (0x2CC, 0x00, 0x0001003F, _X86_FIELDS),
    Architecture.X64: (0x4D0, 0x30, 0x0010001F, _X64_FIELDS),
    Architecture.ARM32: (0x1A0, 0x00, 0x00200007, _ARM32_FIELDS),
    Architecture.ARM64: (0x390, 0x00, 0x00400007, _ARM64_FIELDS),
}


def context_size(architecture: Architecture) -> int:
    """Bytes in the architecture's CONTEXT."""
    return _SHAPES[architecture][0]


def build_context(architecture: Architecture, registers: Mapping[str, int]) -> bytes:
    """A CONTEXT holding `registers` (lower-case names); unnamed ones are zero, unknown ones raise KeyError."""
    size, flags_offset, flags, fields = _SHAPES[architecture]
    record = Record(size)
    record.u32(flags_offset, flags)
    for name, value in {**_defaults(architecture), **registers}.items():
        offset, width = fields[name]
        record.uint(offset, value, width)
    if architecture is Architecture.X64:
        mxcsr = registers.get("mxcsr", 0x1F80)
        record.u16(0x100, 0x027F)  # FltSave.ControlWord
        record.u32(0x118, mxcsr)  # FltSave.MxCsr
        record.u32(0x11C, 0xFFFF)  # FltSave.MxCsr_Mask
    elif architecture in (Architecture.X86, Architecture.X86_PAE):
        record.u32(0x1C, 0xFFFF027F)  # FloatSave.ControlWord
        record.u32(0x24, 0xFFFFFFFF)  # FloatSave.TagWord
    return record.done()


def _defaults(architecture: Architecture) -> dict[str, int]:
    if architecture is Architecture.X64:
        return {"mxcsr": 0x1F80, "cs": 0x10, "ss": 0x18, "ds": 0x2B, "es": 0x2B, "fs": 0x53, "gs": 0x2B}
    if architecture in (Architecture.X86, Architecture.X86_PAE):
        return {"cs": 0x08, "ss": 0x10, "ds": 0x23, "es": 0x23, "fs": 0x30, "gs": 0}
    return {}


def build_exception_record64(exception: ExceptionDescription) -> bytes:
    """EXCEPTION_RECORD64, 0x98 bytes; addresses of 32-bit machines are sign-extended."""
    record = Record(0x98)
    record.u32(0x00, exception.code)
    record.u32(0x04, exception.flags)
    record.u64(0x10, sign_extended(exception.address))
    record.u32(0x18, len(exception.parameters))
    for index, value in enumerate(exception.parameters[:15]):
        record.u64(0x20 + 8 * index, sign_extended(value))
    return record.done()


def build_exception_record32(exception: ExceptionDescription) -> bytes:
    """EXCEPTION_RECORD32, 0x50 bytes."""
    record = Record(0x50)
    record.u32(0x00, exception.code)
    record.u32(0x04, exception.flags)
    record.u32(0x0C, exception.address)
    record.u32(0x10, len(exception.parameters))
    for index, value in enumerate(exception.parameters[:15]):
        record.u32(0x14 + 4 * index, value)
    return record.done()
