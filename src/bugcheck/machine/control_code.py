"""A control code → device type, function, method, access, and its name where it is a well-known one.

Source: "Defining I/O Control Codes", Microsoft driver documentation: CTL_CODE packs device type (bits 16 to 31), access
(14, 15), function (2 to 13) and method (0, 1).  Names: knowledge/control_codes.tsv.

Folklore: device type 22 (unknown) and 8000 and above, and functions from 800 on, are anybody's: a driver may use a code
another has a name for.  So such a name is a hint, and `is_vendor` says so.
"""

from __future__ import annotations

from bugcheck.knowledge.tables import find_row
from bugcheck.machine.io_layout import io_name
from bugcheck.records import dataclass

_UNKNOWN_DEVICE, _VENDOR_DEVICE, _VENDOR_FUNCTION = 0x22, 0x8000, 0x800


@dataclass(frozen=True, slots=True)
class ControlCode:
    """A control code (IOCTL or FSCTL), 32 bits."""

    value: int

    @property
    def device_type(self) -> int:
        """FILE_DEVICE_… number, 16 bits."""
        return self.value >> 16 & 0xFFFF

    @property
    def function(self) -> int:
        """Function number, 12 bits; from 0x800 on for vendors."""
        return self.value >> 2 & 0xFFF

    @property
    def method(self) -> int:
        """How buffers are passed: 0 buffered, 1 and 2 direct, 3 neither."""
        return self.value & 3

    @property
    def access(self) -> int:
        """Access a caller's handle must have: 0 any, 1 read, 2 write, 3 both."""
        return self.value >> 14 & 3

    @property
    def names(self) -> tuple[str, ...]:
        """Published names, () when there is none; more than one where device classes share a number."""
        row = find_row("control_codes.tsv", f"{self.value & 0xFFFF_FFFF:08x}")
        return tuple(row[1].split(" ")) if row else ()

    @property
    def is_vendor(self) -> bool:
        """Tell whether the number is of a range that any vendor may use."""
        device = self.device_type
        return device == _UNKNOWN_DEVICE or device >= _VENDOR_DEVICE or self.function >= _VENDOR_FUNCTION

    @property
    def device_name(self) -> str:
        """`FILE_DEVICE_DISK`; a number without a name in hexadecimal."""
        return io_name("device", self.device_type, 4) or f"{self.device_type:#x}"

    @property
    def method_name(self) -> str:
        """`METHOD_BUFFERED`, `METHOD_IN_DIRECT`, `METHOD_OUT_DIRECT` or `METHOD_NEITHER`."""
        return io_name("method", self.method, 1) or ""

    @property
    def access_name(self) -> str:
        """`FILE_ANY_ACCESS`, `FILE_READ_ACCESS`, …."""
        return io_name("access", self.access, 1) or ""

    def __str__(self) -> str:
        known = f" {' or '.join(self.names)}" if self.names else ""
        return (
            f"{self.value:#010x}{known}: {self.device_name}, function {self.function:#x}, "
            f"{self.method_name}, {self.access_name}"
        )
