"""A name → what the dump formats must know of a processor: pointer size, machine type, paging.

Source: IMAGE_FILE_MACHINE_* of the PE/COFF specification; PROCESSOR_ARCHITECTURE_* of SYSTEM_INFO (Microsoft Learn).

Folklore: PAE is no machine of its own. It is x86 with one byte set in the dump header and another paging scheme,
so it is a member here, because nothing else about a dump can be decided without it.
"""

from enum import Enum


class Architecture(Enum):
    """The processors a dump can be built for; the value is `(pointer size in bytes, PE machine, MDMP architecture)`."""

    X86 = ("x86", 4, 0x014C, 0)
    X86_PAE = ("x86 PAE", 4, 0x014C, 0)
    X64 = ("x64", 8, 0x8664, 9)
    ARM32 = ("arm32", 4, 0x01C4, 5)
    ARM64 = ("arm64", 8, 0xAA64, 12)

    @property
    def label(self) -> str:
        """The short name used in messages and test ids."""
        return self.value[0]

    @property
    def pointer_size(self) -> int:
        """Bytes in a pointer: 4 or 8."""
        return self.value[1]

    @property
    def machine(self) -> int:
        """IMAGE_FILE_MACHINE_* as the dump header and PE headers hold it."""
        return self.value[2]

    @property
    def processor_architecture(self) -> int:
        """PROCESSOR_ARCHITECTURE_* as a minidump's SystemInfo stream holds it."""
        return self.value[3]

    @property
    def is_64bit(self) -> bool:
        """True when pointers are 8 bytes and the dump header is the 64-bit one."""
        return self.pointer_size == 8

    @property
    def kernel_start(self) -> int:
        """The lowest kernel virtual address."""
        return 0xFFFF800000000000 if self.is_64bit else 0x80000000

    @property
    def pointer_mask(self) -> int:
        """All ones over a pointer's width."""
        return (1 << (8 * self.pointer_size)) - 1


def sign_extended(address: int) -> int:
    """Widen a 32-bit address to 64 bits as Windows does in 64-bit fields of 32-bit dumps."""
    return address | 0xFFFFFFFF00000000 if 0x80000000 <= address <= 0xFFFFFFFF else address
