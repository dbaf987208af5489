"""What a test wants → plain facts about a machine, from which every kernel dump kind is built.

Source: the builder's own vocabulary; each writer cites the format it follows.

Folklore: a description is complete. Nothing is read from the clock or from a random generator, so one description
always gives the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from bugcheck.synth.architecture import Architecture


class DumpKind(Enum):
    """Kernel dump kinds; the value is `(name, DumpType in the header)`."""

    FULL = ("full", 1)
    SUMMARY = ("summary", 2)
    HEADER_ONLY = ("header only", 3)
    TRIAGE_FULL_PATHS = ("triage, full driver paths", 4)
    TRIAGE_BASE_NAMES = ("triage, base names", 4)
    BITMAP_FULL = ("bitmap full", 5)
    BITMAP_KERNEL = ("bitmap kernel", 6)
    LIVE_KERNEL = ("live kernel", 6)
    AUTOMATIC = ("automatic", 7)
    KERNEL_MEMORY = ("kernel memory", 8)
    KERNEL_AND_USER = ("kernel and user memory", 9)
    COMPLETE = ("complete memory", 0xA)

    @property
    def dump_type(self) -> int:
        """The number in the header's DumpType field."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class PdbDescription:
    """The RSDS record of an image: GUID in its 16 on-disk bytes, age, file name."""

    name: str
    guid: bytes
    age: int = 1


@dataclass(frozen=True, slots=True)
class ModuleDescription:
    """A loaded driver; `size` is SizeOfImage in bytes, `version` the four file-version words or None."""

    name: str
    path: str
    base: int
    size: int
    timestamp: int
    checksum: int
    pdb: PdbDescription | None = None
    version: tuple[int, int, int, int] | None = None
    code: bytes = b"\xcc" * 16
    has_header: bool = True
    """False leaves the image's pages unmapped, as for discarded or paged-out headers."""


@dataclass(frozen=True, slots=True)
class UnloadedDriver:
    """An entry of MmUnloadedDrivers; `end` is exclusive, `time` a FILETIME."""

    name: str
    start: int
    end: int
    time: int


@dataclass(frozen=True, slots=True)
class ThreadDescription:
    """A kernel thread; stack addresses are virtual, `stack_base` the exclusive upper end."""

    tid: int
    stack_base: int
    stack_limit: int
    kernel_stack: int
    start_address: int = 0
    win32_start_address: int = 0
    teb: int = 0
    state: int = 5
    wait_reason: int = 0
    priority: int = 8
    create_time: int = 0


@dataclass(frozen=True, slots=True)
class ProcessDescription:
    """A process with its threads and what its user half holds (virtual address → bytes)."""

    pid: int
    parent_pid: int
    name: str
    threads: tuple[ThreadDescription, ...]
    create_time: int = 0
    peb: int = 0
    user_memory: Mapping[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass(frozen=True, slots=True)
class ProcessorDescription:
    """A processor: its KPCR's virtual address, what it runs (indexes), its registers by lower-case name."""

    kpcr: int
    process: int
    thread: int
    registers: Mapping[str, int]
    control_registers: Mapping[str, int] = field(default_factory=dict[str, int])
    mhz: int = 3000
    vendor: str = "GenuineIntel"
    irql: int = 0


@dataclass(frozen=True, slots=True)
class BugCheckDescription:
    """A bug check code with its four parameters."""

    code: int
    parameters: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ExceptionDescription:
    """An EXCEPTION_RECORD: code, flags, address of the instruction, up to 15 parameters."""

    code: int
    address: int
    parameters: tuple[int, ...] = ()
    flags: int = 0


@dataclass(frozen=True, slots=True)
class LargePage:
    """One entry that maps `size` bytes (2 MiB, 4 MiB or 1 GiB) from `physical_page` on.

    `contents` maps offsets to bytes; only the frames inside the machine's physical runs exist.
    """

    virtual_address: int
    size: int
    physical_page: int
    contents: Mapping[int, bytes]
    writable: bool = True
    executable: bool = False


@dataclass(frozen=True, slots=True)
class TransitionPage:
    """A 4 KiB page that is not valid but still in memory: its frame is in the page-table entry."""

    virtual_address: int
    contents: bytes


@dataclass(frozen=True, slots=True)
class PrototypePage:
    """A 4 KiB page whose entry points at a prototype entry elsewhere, which names the frame."""

    virtual_address: int
    prototype_address: int
    contents: bytes
    prototype_in_transition: bool = False


@dataclass(frozen=True, slots=True)
class PagedOutPage:
    """A 4 KiB page in paging file `file` at page `offset` of it: its bytes are in no dump."""

    virtual_address: int
    file: int
    offset: int


@dataclass(frozen=True, slots=True)
class KdbgEncoding:
    """The two secrets under which KDBG is scrambled in memory."""

    wait_never: int
    wait_always: int


@dataclass(frozen=True, slots=True)
class SecondaryBlob:
    """A tagged blob appended to a dump: GUID in its 16 on-disk bytes and the data."""

    tag: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class MachineDescription:
    """A stopped Windows machine. Times are FILETIMEs (`uptime` a span), runs are `(first page, pages)`."""

    architecture: Architecture
    layout: str
    """Name of the per-build structure offsets in kernel_layouts.json."""
    build: int
    build_lab: str
    modules: tuple[ModuleDescription, ...]
    """Load order; the first is nt."""
    processes: tuple[ProcessDescription, ...]
    processors: tuple[ProcessorDescription, ...]
    bugcheck: BugCheckDescription
    physical_layout: tuple[tuple[int, int], ...]
    pool_base: int
    shared_user_data: int
    system_time: int
    uptime: int
    unloaded: tuple[UnloadedDriver, ...] = ()
    exception: ExceptionDescription | None = None
    memory: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    read_only: frozenset[int] = frozenset()
    """Pages of `memory` (their addresses) that must not be writable."""
    executable: frozenset[int] = frozenset()
    """Pages of `memory` (their addresses) that may be executed."""
    large_pages: tuple[LargePage, ...] = ()
    transition_pages: tuple[TransitionPage, ...] = ()
    prototype_pages: tuple[PrototypePage, ...] = ()
    paged_out_pages: tuple[PagedOutPage, ...] = ()
    crashing_processor: int = 0
    product_type: int = 1
    suite_mask: int = 0x110
    service_pack: int = 0
    service_pack_text: str = ""
    major_version: int = 15
    five_level_paging: bool = False
    kdbg_encoding: KdbgEncoding | None = None
    broken_driver: str = ""
    blobs: tuple[SecondaryBlob, ...] = ()
    comment: str = ""
