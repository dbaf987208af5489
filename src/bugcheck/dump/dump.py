"""A file's headers → a Dump: what the writer kept, what it left out, and the raw records in it.

A reader in `formats/` fills a Dump and interprets nothing beyond the file: addresses stay as the file has them,
contexts and records stay bytes with their place, and what could not be read is a Gap.  Memory is described (where
each run lies in the file) and read by the next stage.

The records are named tuples rather than dataclasses: making one of those classes costs a tenth, and every start makes
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bugcheck.binary import BinaryView
from bugcheck.extensions import Registry
from bugcheck.gaps import Gap
from bugcheck.records import dataclass, field

if TYPE_CHECKING:
    from bugcheck.dump.log.facts import LogFacts


class Architecture(Enum):
    """A processor architecture as the page tables and registers see it."""

    X86 = "x86"
    X86_PAE = "x86_pae"
    X64 = "x64"
    ARM32 = "arm32"
    ARM64 = "arm64"

    @property
    def bits(self) -> int:
        """Width of an address in bits: 32 or 64."""
        return 64 if self in (Architecture.X64, Architecture.ARM64) else 32

    @property
    def pointer_size(self) -> int:
        """Width of a pointer in bytes: 4 or 8."""
        return self.bits // 8

    @property
    def is_x86(self) -> bool:
        """Tell whether this is 32-bit x86, with or without PAE."""
        return self in (Architecture.X86, Architecture.X86_PAE)


MACHINE_TYPES = {
    0x014C: Architecture.X86,
    0x8664: Architecture.X64,
    0x01C4: Architecture.ARM32,
    0x01C0: Architecture.ARM32,
    0xAA64: Architecture.ARM64,
}
"""IMAGE_FILE_MACHINE_* values (PE format specification) → architecture."""


class VirtualRun(NamedTuple):
    """Bytes the dump holds by virtual address (a named tuple: a dump may have hundreds of thousands).

    Attributes:
        start: first virtual address.
        size: length in bytes.
        file_offset: where the bytes lie in the file.
        what: why the writer kept them ("call stack", "data block", "memory list").
    """

    start: int
    size: int
    file_offset: int
    what: str


class PhysicalMap(Protocol):
    """Where the dump keeps physical pages."""

    @property
    def page_count(self) -> int:
        """Number of 4 KiB pages the dump claims to hold."""
        ...

    def locate(self, page_frame: int) -> int | None:
        """File offset of a 4 KiB page frame, or None when the dump does not hold it."""
        ...

    def runs(self) -> Iterator[tuple[int, int]]:
        """(first page frame, number of pages) of each contiguous stretch, ascending, streamed."""
        ...


class RawContext(NamedTuple):
    """A processor context as bytes.

    Attributes:
        source: what it is the context of ("header", "processor 3", "exception", "thread 1234").
        data: the CONTEXT structure of the dump's architecture (or of `machine_type` when given).
        file_offset: where it lies in the file, or None when it was read through memory.
    """

    source: str
    data: bytes
    file_offset: int | None = None


class RawException(NamedTuple):
    """An exception record, widened to 64 bits.

    Attributes:
        code: NTSTATUS of the exception. flags: 1 is noncontinuable. address: faulting code address.
        parameters: up to 15 exception parameters. thread_id: user dumps, the thread it happened on.
    """

    code: int
    flags: int
    record: int
    address: int
    parameters: tuple[int, ...]
    thread_id: int | None = None


class RawModule(NamedTuple):
    """A loaded image as the dump lists it.

    Attributes:
        path: the name the dump holds: a full path, or only a base name. base: image base. size: SizeOfImage in bytes.
        codeview: the CodeView debug record (RSDS/NB10), empty when the dump has none.
        version: file version a.b.c.d from VS_FIXEDFILEINFO, or "".
        image: PE file name when it differs from the path's last part (nt's ntkrnlmp.exe, say), or "".
        signature: KLDR_DATA_TABLE_ENTRY.u1 as the loader wrote it (64-bit, Windows 8.1 and later), or 0.
    """

    path: str
    base: int
    size: int
    time_date_stamp: int
    checksum: int
    codeview: bytes = b""
    version: str = ""
    image: str = ""
    signature: int = 0


class RawUnloadedModule(NamedTuple):
    """An image that is no longer loaded. `end` is the first address after it; `unloaded_at` is a FILETIME or 0."""

    name: str
    base: int
    end: int
    unloaded_at: int = 0
    time_date_stamp: int = 0
    checksum: int = 0


class RawThread(NamedTuple):
    """A thread of a user-mode dump."""

    id: int
    teb: int
    stack_start: int
    stack_size: int
    context: RawContext
    suspend_count: int = 0
    priority: int = 0
    priority_class: int = 0
    name: str = ""
    create_time: int = 0
    start_address: int = 0


class Stream(NamedTuple):
    """A stream or secondary-data blob: its kind (a number, a GUID), a name when the kind is known, place and size."""

    kind: str
    name: str
    file_offset: int
    size: int


class KernelHeader(NamedTuple):
    """The fields of DUMP_HEADER32/64 as the file holds them (32-bit addresses zero-extended).

    Times are 100 ns ticks; `bugcheck_parameters` are the four parameters; None marks fields whose place holds the
    header filler `PAGE`, which the writer left unset.
    """

    dump_type: int
    major_version: int
    build: int
    directory_table_base: int
    pfn_database: int
    loaded_module_list: int
    active_process_head: int
    machine_type: int
    processor_count: int
    bugcheck_code: int
    bugcheck_parameters: tuple[int, int, int, int]
    debugger_data_block: int
    pae_enabled: bool | None
    comment: str
    system_time: int | None
    system_up_time: int | None
    required_dump_space: int | None
    mini_dump_fields: int | None
    secondary_data_state: int | None
    product_type: int | None
    suite_mask: int | None
    writer_status: int | None
    kd_secondary_version: int | None
    attributes: int | None
    boot_id: int | None


class TriageFacts(NamedTuple):
    """What a small (triage) kernel dump says of itself beyond the common header.

    Offsets are file offsets, 0 where the writer left the part out; `process_offset`, `thread_offset` and
    `prcb_offset` point at raw copies of the current EPROCESS, ETHREAD and KPRCB, `mm_offset` at memory-manager
    totals; `valid` tells whether the TRGD/DGRT trailer stands where the header says.
    """

    service_pack_build: int
    size_of_dump: int
    valid: bool
    prcb_offset: int
    process_offset: int
    thread_offset: int
    mm_offset: int
    call_stack_offset: int
    call_stack_size: int
    top_of_stack: int
    debugger_data_offset: int
    debugger_data_size: int
    triage_options: int
    broken_driver: str
    data_block_count: int


class UserFacts(NamedTuple):
    """What a user-mode minidump says of its system and process (MINIDUMP_SYSTEM_INFO, MINIDUMP_MISC_INFO).

    `time` is seconds since 1970; `flags` MINIDUMP_TYPE; versions as in the stream; `cpu` a vendor or CPUID text;
    `process_create_time` seconds since 1970, 0 when unknown; `comment` of the comment streams.
    """

    flags: int
    time: int
    processor_count: int
    product_type: int
    major_version: int
    minor_version: int
    build: int
    platform_id: int
    service_pack: str
    suite_mask: int
    processor_level: int
    processor_revision: int
    cpu: str
    process_id: int | None
    process_create_time: int
    comment: str
    requesting_thread_id: int | None = None


@dataclass(slots=True)
class Dump:
    """An open dump: header, memory it kept, memory it left out, raw records.

    Attributes:
        format: name of the dump format, as in the JSON contract ("kernel_triage", "user_minidump", …).
        architecture: of the machine (kernel) or process (user; a WOW64 process dumped by a 32-bit writer is x86).
        file: the bytes. `path` is shown to people; `size` is the opened (unpacked) size in bytes.
        physical: pages by physical address, or None when the dump has none.
        virtual: bytes by virtual address, ascending by start.
        debugger_data: KDBG bytes as stored in the file (maybe encoded), b"" when only an address is known.
        truncated_at: file offset where the file ends too early, or None.
        gaps: what the reader could not read.
        log: what a debugger's log says, where the file is one and no dump; `virtual` then refers to the log's bytes.
    """

    format: str
    architecture: Architecture
    file: BinaryView
    kernel: KernelHeader | None = None
    triage: TriageFacts | None = None
    user: UserFacts | None = None
    physical: PhysicalMap | None = None
    virtual: Sequence[VirtualRun] = ()
    modules: Sequence[RawModule] = ()
    unloaded_modules: Sequence[RawUnloadedModule] = ()
    threads: Sequence[RawThread] = ()
    context: RawContext | None = None
    exception: RawException | None = None
    debugger_data: bytes = b""
    streams: Sequence[Stream] = ()
    left_out: Sequence[str] = ()
    truncated_at: int | None = None
    gaps: list[Gap] = field(default_factory=list[Gap])
    log: LogFacts | None = None

    @property
    def is_kernel(self) -> bool:
        """Tell whether this is a dump of a whole machine rather than of a process."""
        return self.kernel is not None

    @property
    def complete(self) -> bool:
        """Tell whether the file holds all that its headers promise."""
        return self.truncated_at is None and not any(gap.damage for gap in self.gaps)

    def damage(self, what: str, missing: str, offset: int | None = None) -> None:
        """Record that the file is truncated or corrupt somewhere, and go on."""
        where = "" if offset is None else f" (offset {offset:#x})"
        self.gaps.append(Gap(what, missing + where, damage=True))


class DumpFormat(NamedTuple):
    """A registered dump format.

    Attributes:
        name: as in the JSON contract.
        magic: first bytes, any of which makes the format a candidate.
        probe: decides from the opened view whether it is this format; must not raise for short files.
        read: fills a Dump. Raises DumpError when nothing useful can be read.
        what: one line for people and the catalog.
    """

    name: str
    magic: tuple[bytes, ...]
    probe: Callable[[BinaryView], bool]
    read: Callable[[BinaryView], Dump]
    what: str


DUMP_FORMATS: Registry[DumpFormat] = Registry("dump format", "bugcheck.dump.formats")


def dump_format(
    name: str, *, magic: tuple[bytes, ...], probe: Callable[[BinaryView], bool], what: str
) -> Callable[[Callable[[BinaryView], Dump]], Callable[[BinaryView], Dump]]:
    """Register the decorated reader as a dump format (see docs/how-to/add-a-dump-format.md)."""

    def register(read: Callable[[BinaryView], Dump]) -> Callable[[BinaryView], Dump]:
        DUMP_FORMATS.add(DumpFormat(name, magic, probe, read, what))
        return read

    return register
