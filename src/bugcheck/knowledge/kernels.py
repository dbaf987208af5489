"""An image's TimeDateStamp and SizeOfImage → which Windows kernel build it is, and offsets in its private structures.

Source of truth: System Informer's kphdyn.xml (MIT, Winsider Seminars & Solutions), turned into kernels.tsv and
kernel_offsets.tsv by scripts/make_kernels.py.  It covers 64-bit kernels from Windows 10 on.

Folklore: since Windows 10 the time stamp is a hash of the build, not a time, so it can lie in 2096 or in 1971; only
together with the size does it name a build.  One file can have been released twice: the same bytes are published as
10.0.22621.1483 and .1485 (the lower version is kept).  lxcore.sys (the Linux subsystem) is in the list because
System Informer needs it; `file` tells it from a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

from bugcheck.knowledge.tables import find_row
from bugcheck.records import dataclass


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """One released image.

    Attributes:
        architecture: "x64" or "arm64".
        version: file version, "10.0.19041.804".
        file: "ntoskrnl.exe", "ntkrla57.exe" (five-level paging) or "lxcore.sys".
        offsets_id: which line of kernel_offsets.tsv holds for this image.
    """

    architecture: str
    version: str
    file: str
    offsets_id: str

    @property
    def build(self) -> int:
        """Build number, the third part of the version."""
        return int(self.version.split(".")[2])

    @property
    def revision(self) -> int:
        """Update revision (UBR), the last part of the version."""
        return int(self.version.split(".")[3])

    @property
    def offsets(self) -> Mapping[str, int]:
        """Byte offsets by System Informer's field name ("EpObjectTable"), read when asked for."""
        row = find_row("kernel_offsets.tsv", self.offsets_id)
        pairs = (pair.partition("=") for pair in row[1].split(" ")) if row else ()
        return {name: int(value, 16) for name, _, value in pairs}


def find_kernel(time_date_stamp: int, size_of_image: int) -> KernelFacts | None:
    """Return the image with this PE TimeDateStamp (u32) and SizeOfImage (bytes), or None when it is not in the list."""
    row = find_row("kernels.tsv", f"{time_date_stamp:08x}{size_of_image:08x}")
    return None if row is None else KernelFacts(row[1], row[2], row[3], row[4])
