"""KUSER_SHARED_DATA → clock zone, product type and version as the kernel publishes them to every process.

Source: KUSER_SHARED_DATA of ntddk.h (documented since Windows 2000, members only ever added): TimeZoneBias at 0x20,
NtBuildNumber at 0x260, NtProductType at 0x264, NtMajorVersion at 0x26C, SuiteMask at 0x2D0.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.timestamps import TICKS_PER_SECOND

ADDRESSES = {
    Architecture.X86: 0xFFDF_0000,
    Architecture.X86_PAE: 0xFFDF_0000,
    Architecture.X64: 0xFFFF_F780_0000_0000,
    Architecture.ARM64: 0xFFFF_F780_0000_0000,
    Architecture.ARM32: 0xFFFF_9000,
}
"""Where the kernel's own mapping lies."""
MAX_BIAS_HOURS = 15


@dataclass(frozen=True, slots=True)
class SharedUserData:
    """Facts of KUSER_SHARED_DATA.

    Attributes:
        utc_offset_seconds: local time minus UTC, or None when the page is not in the dump or holds no plausible value.
        product_type: 1 workstation, 2 domain controller, 3 server, or None.
        suite_mask: VER_SUITE bits, or None.
        major_version, minor_version: of Windows, or None.
    """

    utc_offset_seconds: int | None = None
    product_type: int | None = None
    suite_mask: int | None = None
    major_version: int | None = None
    minor_version: int | None = None


def read_shared_user_data(memory: AddressSpace, architecture: Architecture) -> SharedUserData:
    """Read what is there of the page; members are None where it is not in the dump."""
    base = ADDRESSES[architecture]
    product_type = memory.try_u32(base + 0x264)
    major = memory.try_u32(base + 0x26C)
    if major is not None and not 4 <= major <= 11:
        return SharedUserData()
    return SharedUserData(
        utc_offset_seconds=_utc_offset(memory, base),
        product_type=product_type if product_type in (1, 2, 3) else None,
        suite_mask=memory.try_u32(base + 0x2D0),
        major_version=major,
        minor_version=memory.try_u32(base + 0x270),
    )


def _utc_offset(memory: AddressSpace, base: int) -> int | None:
    """TimeZoneBias is UTC minus local time in 100 ns, a 64-bit number whose high half is stored twice."""
    raw = memory.try_read(base + 0x20, 12)
    if raw is None or raw[4:8] != raw[8:12]:
        return None
    seconds = -int.from_bytes(raw[:8], "little", signed=True) // TICKS_PER_SECOND
    return seconds if abs(seconds) <= MAX_BIAS_HOURS * 3600 and seconds % 60 == 0 else None
