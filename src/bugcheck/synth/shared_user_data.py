"""A machine's clock and version → the KUSER_SHARED_DATA page.

Source: KUSER_SHARED_DATA in ntddk.h (Microsoft Learn); offsets unchanged from Server 2003 to Windows 11.

Folklore: KSYSTEM_TIME holds the high half twice, so that a reader without a lock can tell a torn value.
"""

from bugcheck.synth.description import MachineDescription
from bugcheck.synth.record import Record

USER_ADDRESS = 0x7FFE0000


def build_shared_user_data(description: MachineDescription) -> bytes:
    """The structure's first 0x400 bytes."""
    record = Record(0x400)
    record.u32(0x04, 0x0FA00000)  # TickCountMultiplier: 15.625 ms
    _system_time(record, 0x08, description.uptime)  # InterruptTime
    _system_time(record, 0x14, description.system_time)
    machine = description.architecture.machine
    record.u16(0x2C, machine)  # ImageNumberLow
    record.u16(0x2E, machine)
    record.put(0x30, "C:\\Windows".encode("utf-16-le"))
    major, minor = _nt_version(description.build)
    record.u32(0x260, description.build)
    record.u32(0x264, description.product_type)
    record.u8(0x268, 1)  # ProductTypeIsValid
    record.u32(0x26C, major)
    record.u32(0x270, minor)
    record.u32(0x2D0, description.suite_mask)
    _system_time(record, 0x320, description.uptime // 156250)  # TickCount
    return record.done()


def _system_time(record: Record, offset: int, value: int) -> None:
    """KSYSTEM_TIME: low, high, high again."""
    record.u32(offset, value)
    record.u32(offset + 4, value >> 32)
    record.u32(offset + 8, value >> 32)


def _nt_version(build: int) -> tuple[int, int]:
    """NtMajorVersion and NtMinorVersion of a build."""
    for first, version in ((10240, (10, 0)), (9600, (6, 3)), (9200, (6, 2)), (7600, (6, 1)), (6000, (6, 0))):
        if build >= first:
            return version
    return (5, 2) if build >= 3790 else (5, 1)
