"""KDDEBUGGER_DATA64 (“KDBG”) → addresses of the kernel's lists and offsets in its private structures.

Source: `WDBGEXTS.H` of the Windows SDK for names and order; offsets checked against the corpus and the story (builds
3790 to 26100, x86 to ARM64).  The encoding is described in qemu `elf2dmp` (`kdbg.h`, `main.c`): each 64-bit word w is
stored so that  w = bswap(rol(stored ^ KiWaitNever, KiWaitNever & 63) ^ KdpDataBlockEncoded) ^ KiWaitAlways.

Folklore: Windows decodes the block before it writes a dump; dumps converted from virtual machines hold it encoded.
Three secrets, yet two known words undo it: the exclusive-or of two decoded words is bswap(rol(exclusive-or of the
stored ones, r)), so the 64 rotations can be tried with two words the dump's header repeats in the clear (the module
list and the process list).  32-bit addresses are sign-extended in it.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Dump
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

MINIMUM_SIZE = 0x298
MAXIMUM_SIZE = 0x1000
_TAG = b"KDBG"
_U16, _U64 = Struct("<H"), Struct("<Q")

ADDRESSES = {
    "kernel_base": 0x18,
    "saved_context": 0x28,
    "loaded_module_list": 0x48,
    "active_process_head": 0x50,
    "cid_table": 0x58,
    "bugcheck_data": 0x88,
    "pfn_database": 0xC0,
    "system_ptes_start": 0xC8,
    "highest_user_address": 0x1C8,
    "build_lab": 0x208,
    "processor_block": 0x218,
    "unloaded_drivers": 0x220,
    "last_unloaded_driver": 0x228,
    "triage_action_taken": 0x230,
    "special_pool_tag": 0x238,
    "kernel_verifier": 0x240,
    "verifier_data": 0x248,
    "service_pack": 0x268,
    "physical_memory_block": 0x270,
}
"""Name → offset of a 64-bit address in the block."""

OFFSETS = {
    "KTHREAD.Teb": 0x29A,
    "KTHREAD.KernelStack": 0x29C,
    "KTHREAD.InitialStack": 0x29E,
    "KTHREAD.ApcState.Process": 0x2A0,
    "KTHREAD.State": 0x2A2,
    "EPROCESS.Peb": 0x2AA,
    "EPROCESS.InheritedFromUniqueProcessId": 0x2AC,
    "EPROCESS.DirectoryTableBase": 0x2AE,
    "KPRCB.DpcRoutineActive": 0x2B2,
    "KPRCB.CurrentThread": 0x2B4,
    "KPRCB.MHz": 0x2B6,
    "KPRCB.CpuType": 0x2B8,
    "KPRCB.VendorString": 0x2BA,
    "KPRCB.ProcessorState.ContextFrame": 0x2BC,
    "KPRCB.Number": 0x2BE,
}
"""Structure member → place in the block of the 16-bit offset of that member."""

SIZES = {"EPROCESS": 0x2A8, "KPRCB": 0x2B0, "ETHREAD": 0x2C0}
CONTEXT_POINTER_AT = 0x338
"""Place of OffsetPrcbContext: KPRCB.Context, a pointer to the processor's saved CONTEXT (Windows 7 and later)."""


@dataclass(frozen=True, slots=True)
class DebuggerData:
    """A decoded KDBG.

    Attributes:
        address: virtual address of the block (0 when unknown).
        data: its bytes, decoded.
        address_mask: keeps the bits an address of this machine has.
        encoded: True when it was stored encoded.
    """

    address: int
    data: bytes
    address_mask: int
    encoded: bool = False

    def __getitem__(self, name: str) -> int | None:
        """Address called `name` in ADDRESSES; None when the block is too short or holds 0."""
        return (self._u64(ADDRESSES[name]) or 0) & self.address_mask or None

    def offset(self, member: str) -> int | None:
        """Offset in bytes of a structure member listed in OFFSETS; None when the block does not tell."""
        value = self._u16(OFFSETS[member])
        return value if value or member in ("KPRCB.Number",) else None

    def size(self, structure: str) -> int | None:
        """Size in bytes of EPROCESS, ETHREAD or KPRCB; None when the block does not tell."""
        return self._u16(SIZES[structure]) or None

    @property
    def context_pointer_offset(self) -> int | None:
        """Offset of KPRCB.Context, or None on versions without it."""
        return self._u16(CONTEXT_POINTER_AT) or None

    @property
    def pae_enabled(self) -> bool:
        """PaeEnabled, bit 0 of the 16-bit word at 0x36."""
        return bool((self._u16(0x36) or 0) & 1)

    def _u64(self, offset: int) -> int | None:
        return _U64.unpack_from(self.data, offset)[0] if offset + 8 <= len(self.data) else None

    def _u16(self, offset: int) -> int | None:
        return _U16.unpack_from(self.data, offset)[0] if offset + 2 <= len(self.data) else None


def read_debugger_data(dump: Dump, memory: AddressSpace) -> DebuggerData | None:
    """Find the block in the dump's own copy or in memory, decoded if need be; None when it is nowhere."""
    if dump.kernel is None:
        return None
    address = dump.kernel.debugger_data_block
    mask = MASK64 if dump.architecture.bits == 64 else 0xFFFF_FFFF
    data = dump.debugger_data or memory.read_up_to(address, MAXIMUM_SIZE)
    if len(data) < MINIMUM_SIZE:
        return None
    if data[0x10:0x14] == _TAG:
        return DebuggerData(address, data[: _stated_size(data)], mask)
    decoded = decode(data, dump.kernel.loaded_module_list, dump.kernel.active_process_head, mask)
    return None if decoded is None else DebuggerData(address, decoded[: _stated_size(decoded)], mask, encoded=True)


def decode(data: bytes, loaded_module_list: int, active_process_head: int, mask: int) -> bytes | None:
    """Undo the block's encoding from two words known in the clear; None when no rotation explains them."""
    words = [word for (word,) in _U64.iter_unpack(data[: len(data) & ~7])]
    first, second = ADDRESSES["loaded_module_list"] // 8, ADDRESSES["active_process_head"] // 8
    wanted = loaded_module_list ^ active_process_head
    for rotation in range(64):
        if _scramble(words[first] ^ words[second], rotation) & mask != wanted:
            continue
        for known in (loaded_module_list, loaded_module_list | ~mask & MASK64):
            clear = [known ^ _scramble(word ^ words[first], rotation) for word in words]
            block = b"".join(map(_U64.pack, clear))
            if block[0x10:0x14] == _TAG and _has_size(block):
                return block
    return None


def _scramble(word: int, rotation: int) -> int:
    rolled = (word << rotation | word >> (64 - rotation)) & MASK64
    return int.from_bytes(rolled.to_bytes(8, "little"), "big")


def _has_size(data: bytes) -> bool:
    return MINIMUM_SIZE <= int.from_bytes(data[0x14:0x18], "little") <= MAXIMUM_SIZE


def _stated_size(data: bytes) -> int:
    return int.from_bytes(data[0x14:0x18], "little") if _has_size(data) else MINIMUM_SIZE
