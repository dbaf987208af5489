"""What a test wants → plain facts about one process, from which a minidump is built.

Source: the streams of minidumpapiset.h (Microsoft Learn), whose members the fields name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import ExceptionDescription, PdbDescription


@dataclass(frozen=True, slots=True)
class UserModule:
    """A loaded image; `size` is SizeOfImage in bytes."""

    path: str
    base: int
    size: int
    timestamp: int
    checksum: int
    pdb: PdbDescription | None = None
    version: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class UnloadedModule:
    """An image that was loaded earlier."""

    path: str
    base: int
    size: int
    timestamp: int
    checksum: int


@dataclass(frozen=True, slots=True)
class UserThread:
    """A thread; times are FILETIMEs or spans in 100 ns, `stack_start` the virtual address of `stack`."""

    tid: int
    teb: int
    registers: Mapping[str, int]
    stack_start: int
    stack: bytes
    name: str = ""
    suspend_count: int = 0
    priority_class: int = 0x20
    priority: int = 0
    start_address: int = 0
    create_time: int = 0
    kernel_time: int = 0
    user_time: int = 0
    affinity: int = 1


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """A MEMORY_BASIC_INFORMATION: MEM_COMMIT/PAGE_*/MEM_* numbers, addresses virtual, size in bytes."""

    base: int
    size: int
    state: int = 0x1000
    protect: int = 0x04
    kind: int = 0x20000
    allocation_base: int | None = None


@dataclass(frozen=True, slots=True)
class HandleDescription:
    """An open handle."""

    handle: int
    type_name: str
    object_name: str
    granted_access: int
    handle_count: int = 1
    pointer_count: int = 2


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """Seconds as MiscInfo holds them: creation in Unix time, the other two as spans."""

    created: int
    user: int
    kernel: int


@dataclass(frozen=True, slots=True)
class UserProcessDescription:
    """A process at the moment its minidump was written; `time` is Unix time, `version` major, minor, build."""

    architecture: Architecture
    pid: int
    time: int
    version: tuple[int, int, int]
    times: ProcessTimes
    modules: tuple[UserModule, ...]
    threads: tuple[UserThread, ...]
    memory: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    exception: ExceptionDescription | None = None
    exception_thread: int = 0
    """Index of the thread that raised the exception."""
    service_pack_text: str = ""
    processors: int = 4
    product_type: int = 1
    suite_mask: int = 0x100
    build_string: str = "19041.1.amd64fre.vb_release.191206-1406"
    unloaded: tuple[UnloadedModule, ...] = ()
    regions: tuple[MemoryRegion, ...] = ()
    handles: tuple[HandleDescription, ...] = ()
    other_streams: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    full_memory: bool = False
    """True writes a Memory64List with everything at the file's end, False a MemoryList."""
    flags: int = 0x1105
