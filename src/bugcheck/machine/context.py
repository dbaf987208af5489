"""CONTEXT and KTRAP_FRAME bytes → registers, with how each set was found.

Source: CONTEXT of winnt.h per architecture (x86 0x2CC, x64 0x4D0, ARM 0x1A0, ARM64 0x390 bytes); KTRAP_FRAME of x86
from ReactOS NDK `ketypes.h` (checked on the story: esp is the frame's address + 0x74 for kernel traps, HardwareEsp is
not pushed) and of x64 from public symbols (corpus ISF tables).

Folklore: ContextFlags tell which groups are filled; a bug check's saved context often lacks the segment registers'
real values.  Breakpad's early ARM64 writer put a 64-bit flags word first (0x31C bytes in all).
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

from bugcheck.dump.dump import Architecture, RawContext
from bugcheck.machine.extended_state import shadow_stack_pointer
from bugcheck.records import dataclass

_CONTROL, _INTEGER, _SEGMENTS = 0x1, 0x2, 0x4
_U16, _U32, _U64 = Struct("<H"), Struct("<I"), Struct("<Q")

Fields = Mapping[str, tuple[int, Struct, int]]
"""Register name → offset in the structure, width, and the ContextFlags group it belongs to."""


def _table(width: Struct, group: int, **offsets: int) -> dict[str, tuple[int, Struct, int]]:
    return {name: (offset, width, group) for name, offset in offsets.items()}


_X86: Fields = {
    **_table(_U32, _INTEGER, eax=0xB0, ebx=0xA4, ecx=0xAC, edx=0xA8, esi=0xA0, edi=0x9C),
    **_table(_U32, _CONTROL, eip=0xB8, esp=0xC4, ebp=0xB4, efl=0xC0, cs=0xBC, ss=0xC8),
    **_table(_U32, _SEGMENTS, ds=0x98, es=0x94, fs=0x90, gs=0x8C),
}
_X64: Fields = {
    **_table(_U64, _INTEGER, rax=0x78, rbx=0x90, rcx=0x80, rdx=0x88, rsi=0xA8, rdi=0xB0),
    **_table(_U64, _CONTROL, rip=0xF8, rsp=0x98),
    **_table(_U64, _INTEGER, rbp=0xA0),
    **_table(_U64, _INTEGER, **{f"r{n}": 0xB8 + 8 * (n - 8) for n in range(8, 16)}),
    **_table(_U32, _CONTROL, efl=0x44),
    **_table(_U16, _CONTROL, cs=0x38, ss=0x42),
    **_table(_U16, _SEGMENTS, ds=0x3A, es=0x3C, fs=0x3E, gs=0x40),
}
_ARM64: Fields = {
    **_table(_U64, _INTEGER, **{f"x{n}": 8 + 8 * n for n in range(29)}),
    **_table(_U64, _CONTROL, fp=0xF0, lr=0xF8, sp=0x100, pc=0x108),
    **_table(_U32, _CONTROL, psr=0x04),
}
_ARM64_BREAKPAD: Fields = {
    **_table(_U64, _INTEGER, **{f"x{n}": 8 + 8 * n for n in range(29)}),
    **_table(_U64, _CONTROL, fp=0xF0, lr=0xF8, sp=0x100, pc=0x108),
    **_table(_U32, _CONTROL, psr=0x110),
}
_ARM32: Fields = {
    **_table(_U32, _INTEGER, **{f"r{n}": 4 + 4 * n for n in range(13)}),
    **_table(_U32, _CONTROL, sp=0x38, lr=0x3C, pc=0x40, psr=0x44),
}
BREAKPAD_ARM64_SIZE = 0x31C

_CONTEXTS: Mapping[Architecture, tuple[Fields, int, int]] = {
    Architecture.X86: (_X86, 0x00, 0x0001_0000),
    Architecture.X86_PAE: (_X86, 0x00, 0x0001_0000),
    Architecture.X64: (_X64, 0x30, 0x0010_0000),
    Architecture.ARM64: (_ARM64, 0x00, 0x0040_0000),
    Architecture.ARM32: (_ARM32, 0x00, 0x0020_0000),
}
"""Architecture → fields, offset of ContextFlags, the architecture's bit in it."""

INSTRUCTION_POINTERS = ("rip", "eip", "pc")
STACK_POINTERS = ("rsp", "esp", "sp")
FRAME_POINTERS = ("rbp", "ebp", "fp", "r11")


@dataclass(frozen=True, slots=True)
class Context:
    """A set of registers and where it comes from.

    Attributes:
        architecture: whose registers these are.
        source: "trap frame 0xf4c0bb54", "context record parameter 4", "header", "processor 0", "thread 12", ….
        registers: lower-case WinDbg names → values; registers the structure marks as unset are absent.
    """

    architecture: Architecture
    source: str
    registers: Mapping[str, int]

    def _first(self, names: tuple[str, ...]) -> int | None:
        return next((self.registers[name] for name in names if name in self.registers), None)

    @property
    def instruction_pointer(self) -> int | None:
        """rip, eip or pc."""
        return self._first(INSTRUCTION_POINTERS)

    @property
    def stack_pointer(self) -> int | None:
        """rsp, esp or sp."""
        return self._first(STACK_POINTERS)

    @property
    def frame_pointer(self) -> int | None:
        """rbp, ebp, fp; r11 on 32-bit ARM, where Windows keeps the frame chain."""
        return self._first(FRAME_POINTERS)


def context_size(architecture: Architecture) -> int:
    """Number of bytes of CONTEXT that hold all the registers decoded here."""
    return {Architecture.X64: 0x100, Architecture.ARM64: 0x110, Architecture.ARM32: 0x48}.get(architecture, 0xCC)


def decode_context(raw: RawContext, architecture: Architecture) -> Context | None:
    """Decode a CONTEXT; None when it is too short or its flags say that nothing in it is set."""
    fields, flags_at, own_bit = _CONTEXTS[architecture]
    if architecture is Architecture.ARM64 and len(raw.data) == BREAKPAD_ARM64_SIZE:
        fields = _ARM64_BREAKPAD
    if len(raw.data) < context_size(architecture):
        return None
    flags = _U32.unpack_from(raw.data, flags_at)[0]
    if not flags & own_bit:
        return None
    registers = {
        name: width.unpack_from(raw.data, offset)[0] for name, (offset, width, group) in fields.items() if flags & group
    }
    if architecture is Architecture.ARM32 and "pc" in registers:
        registers["pc"] &= ~1  # the Thumb bit is the processor's, not the address's
    if architecture is Architecture.X64 and (pointer := shadow_stack_pointer(raw.data)) is not None:
        registers["ssp"] = pointer
    return Context(architecture, raw.source, registers) if registers else None


TRAP_FRAME_SIZES = {
    Architecture.X86: 0x8C,
    Architecture.X86_PAE: 0x8C,
    Architecture.X64: 0x190,
}
"""Size in bytes of KTRAP_FRAME where its layout is public and stable."""

_TRAP_X86: Fields = {
    **_table(_U32, 0, eax=0x44, ebx=0x5C, ecx=0x40, edx=0x3C, esi=0x58, edi=0x54),
    **_table(_U32, 0, eip=0x68, ebp=0x60, efl=0x70, cs=0x6C, ds=0x38, es=0x34, fs=0x50, gs=0x30),
}
_TRAP_X64: Fields = {
    **_table(_U64, 0, rax=0x30, rcx=0x38, rdx=0x40, r8=0x48, r9=0x50, r10=0x58, r11=0x60),
    **_table(_U64, 0, rip=0x168, rsp=0x180, rbp=0x158),
    **_table(_U32, 0, efl=0x178),
    **_table(_U16, 0, cs=0x170, ss=0x188),
}
KERNEL_DATA_SELECTOR = 0x10


def decode_trap_frame(data: bytes, address: int, architecture: Architecture) -> Context | None:
    """Decode a KTRAP_FRAME that lay at `address`; None where its layout is not known or its code segment is impossible.

    An x64 trap frame does not hold rbx, rsi, rdi and r12 to r15 of kernel traps: they stay in the registers of the
    handler.  They are absent here rather than wrong.
    """
    if len(data) < TRAP_FRAME_SIZES.get(architecture, 1 << 30):
        return None
    fields = _TRAP_X64 if architecture is Architecture.X64 else _TRAP_X86
    registers = {name: width.unpack_from(data, offset)[0] for name, (offset, width, _) in fields.items()}
    if architecture is not Architecture.X64:
        from_user = registers["cs"] & 1 or registers["efl"] & 0x20000
        registers["esp"] = _U32.unpack_from(data, 0x74)[0] if from_user else address + 0x74
        registers["ss"] = _U32.unpack_from(data, 0x78)[0] if from_user else KERNEL_DATA_SELECTOR
        registers = {name: value & 0xFFFF if name in ("cs", "ss", "ds", "es", "fs", "gs") else value
                     for name, value in registers.items()}  # fmt: skip
    if registers["cs"] not in (0x08, 0x10, 0x1B, 0x23, 0x33):
        return None
    return Context(architecture, f"trap frame {address:#x}", registers)
