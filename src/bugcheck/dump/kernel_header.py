"""The first page or two of a kernel dump → KernelHeader, context and exception record.

Source: DUMP_HEADER32/DUMP_HEADER64 as public readers agree on them (rizin `dmp_specs.h`, Ghidra `PagedumpFileHeader`,
kdmp-parser `structs.rs`, qemu `win_dump_defs.h`), checked against the corpus.

Folklore: a header starts its life filled with the letters `PAGE`; fields its writer never set still hold them, which is
why so many are None.  The build number is the debugger protocol's 16-bit minor version.  32-bit headers carry 32-bit
addresses, the debugger-data block inside them 64-bit ones.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView, Layout, Record, decode_ascii
from bugcheck.dump.dump import MACHINE_TYPES, Architecture, Dump, KernelHeader, RawContext, RawException
from bugcheck.errors import CorruptDump

MAGIC32 = b"PAGEDUMP"
MAGIC64 = b"PAGEDU64"
FILLER32 = 0x4547_4150
FILLER64 = 0x4547_4150_4547_4150
MAX_PROCESSORS = 2048
HEADER32_SIZE = 0x1000
HEADER64_SIZE = 0x2000
RUNS32_OFFSET = 0x64
RUNS64_OFFSET = 0x88
CONTEXT32_OFFSET = 0x320
CONTEXT64_OFFSET = 0x348
EXCEPTION32_OFFSET = 0x7D0
EXCEPTION64_OFFSET = 0xF00

CONTEXT_SIZES = {
    Architecture.X86: 0x2CC,
    Architecture.X86_PAE: 0x2CC,
    Architecture.X64: 0x4D0,
    Architecture.ARM32: 0x1A0,
    Architecture.ARM64: 0x390,
}
"""Size in bytes of CONTEXT per architecture (winnt.h)."""

HEADER32 = Layout(
    "DUMP_HEADER32",
    HEADER32_SIZE,
    major_version=(0x08, 4),
    build=(0x0C, 4),
    directory_table_base=(0x10, 4),
    pfn_database=(0x14, 4),
    loaded_module_list=(0x18, 4),
    active_process_head=(0x1C, 4),
    machine_type=(0x20, 4),
    processor_count=(0x24, 4),
    bugcheck_code=(0x28, 4),
    parameter_1=(0x2C, 4),
    parameter_2=(0x30, 4),
    parameter_3=(0x34, 4),
    parameter_4=(0x38, 4),
    pae_enabled=(0x5C, 1),
    kd_secondary_version=(0x5D, 1),
    debugger_data_block=(0x60, 4),
    attributes=(0x8A0, 4),
    boot_id=(0x8A4, 4),
    dump_type=(0xF88, 4),
    mini_dump_fields=(0xF8C, 4),
    secondary_data_state=(0xF90, 4),
    product_type=(0xF94, 4),
    suite_mask=(0xF98, 4),
    writer_status=(0xF9C, 4),
    required_dump_space=(0xFA0, 8),
    system_up_time=(0xFB8, 8),
    system_time=(0xFC0, 8),
)
COMMENT32_OFFSET = 0x820

HEADER64 = Layout(
    "DUMP_HEADER64",
    HEADER64_SIZE,
    major_version=(0x08, 4),
    build=(0x0C, 4),
    directory_table_base=(0x10, 8),
    pfn_database=(0x18, 8),
    loaded_module_list=(0x20, 8),
    active_process_head=(0x28, 8),
    machine_type=(0x30, 4),
    processor_count=(0x34, 4),
    bugcheck_code=(0x38, 4),
    parameter_1=(0x40, 8),
    parameter_2=(0x48, 8),
    parameter_3=(0x50, 8),
    parameter_4=(0x58, 8),
    debugger_data_block=(0x80, 8),
    dump_type=(0xF98, 4),
    required_dump_space=(0xFA0, 8),
    system_time=(0xFA8, 8),
    system_up_time=(0x1030, 8),
    mini_dump_fields=(0x1038, 4),
    secondary_data_state=(0x103C, 4),
    product_type=(0x1040, 4),
    suite_mask=(0x1044, 4),
    writer_status=(0x1048, 4),
    kd_secondary_version=(0x104D, 1),
    attributes=(0x1050, 4),
    boot_id=(0x1054, 4),
)
COMMENT64_OFFSET = 0xFB0

DUMP_TYPE_OFFSETS = {MAGIC32: 0xF88, MAGIC64: 0xF98}


def dump_type_of(view: BinaryView) -> int | None:
    """Read the DumpType field of a kernel dump; None when the file is too short to have one."""
    offset = DUMP_TYPE_OFFSETS.get(view.read_up_to(0, 8))
    if offset is None or offset + 4 > view.size:
        return None
    return view.u32(offset)


def is_64_bit(view: BinaryView) -> bool:
    """Tell the 64-bit header (PAGEDU64) from the 32-bit one."""
    return view.read_up_to(0, 8) == MAGIC64


def header_size(view: BinaryView) -> int:
    """Size of the header in bytes: 0x1000 or 0x2000."""
    return HEADER64_SIZE if is_64_bit(view) else HEADER32_SIZE


def read_kernel_header(view: BinaryView, name: str) -> Dump:
    """Read what all kernel dumps share into a Dump of format `name`.

    Raises:
        TruncatedDump: the file ends inside the header.
        CorruptDump: the machine type is none Windows ran on.
    """
    layout, comment_offset = (HEADER64, COMMENT64_OFFSET) if is_64_bit(view) else (HEADER32, COMMENT32_OFFSET)
    record = layout.at(view, 0)
    header = _header(record, _comment(view, comment_offset))
    dump = Dump(name, _architecture(view, header), view, kernel=header)
    _check_counts(dump, header)
    dump.context = header_context(view, dump.architecture)
    dump.exception = header_exception(view)
    return dump


def header_context(view: BinaryView, architecture: Architecture, offset: int | None = None) -> RawContext | None:
    """Copy the CONTEXT at `offset` (default: its place in the header); None when the writer left it unset."""
    if offset is None:
        offset = CONTEXT64_OFFSET if architecture.bits == 64 else CONTEXT32_OFFSET
    data = view.read_up_to(offset, CONTEXT_SIZES[architecture])
    if len(data) < CONTEXT_SIZES[architecture] or data[0x30:0x38] == b"PAGEPAGE" or not data.strip(b"\0"):
        return None
    return RawContext("header", data, offset)


def header_exception(view: BinaryView, offset: int | None = None) -> RawException | None:
    """Read the EXCEPTION_RECORD32/64 at `offset` (default: its place in the header); None when it is unset."""
    if is_64_bit(view):
        return _exception64(view, EXCEPTION64_OFFSET if offset is None else offset)
    return _exception32(view, EXCEPTION32_OFFSET if offset is None else offset)


def _exception64(view: BinaryView, offset: int) -> RawException | None:
    code, flags, record, address, count, _, *values = view.unpack("IIQQII15Q", offset)
    return _exception(code, flags, record, address, count, values)


def _exception32(view: BinaryView, offset: int) -> RawException | None:
    code, flags, record, address, count, *values = view.unpack("5I15I", offset)
    return _exception(code, flags, record, address, count, values)


def _exception(code: int, flags: int, record: int, address: int, count: int, values: list[int]) -> RawException | None:
    if code in (0, FILLER32) or count == FILLER32:
        return None
    return RawException(code, flags, record, address, tuple(values[: min(count, 15)]))


def _header(record: Record, comment: str) -> KernelHeader:
    def optional(name: str) -> int | None:
        value = getattr(record, name)
        return None if value in (FILLER32, FILLER64) else value

    is_32_bit = record.layout is HEADER32
    return KernelHeader(
        dump_type=record.dump_type,
        major_version=record.major_version,
        build=record.build,
        directory_table_base=record.directory_table_base,
        pfn_database=record.pfn_database,
        loaded_module_list=record.loaded_module_list,
        active_process_head=record.active_process_head,
        machine_type=record.machine_type,
        processor_count=record.processor_count,
        bugcheck_code=record.bugcheck_code,
        bugcheck_parameters=(record.parameter_1, record.parameter_2, record.parameter_3, record.parameter_4),
        debugger_data_block=record.debugger_data_block,
        pae_enabled=record.pae_enabled == 1 if is_32_bit else None,
        comment=comment,
        system_time=optional("system_time"),
        system_up_time=optional("system_up_time"),
        required_dump_space=optional("required_dump_space"),
        mini_dump_fields=optional("mini_dump_fields"),
        secondary_data_state=optional("secondary_data_state"),
        product_type=optional("product_type"),
        suite_mask=optional("suite_mask"),
        writer_status=optional("writer_status"),
        kd_secondary_version=record.kd_secondary_version,
        attributes=optional("attributes"),
        boot_id=optional("boot_id"),
    )


def _comment(view: BinaryView, offset: int) -> str:
    raw = view.read_up_to(offset, 128)
    return "" if raw.startswith(b"PAGE") else decode_ascii(raw)


def _architecture(view: BinaryView, header: KernelHeader) -> Architecture:
    offset = 0x30 if is_64_bit(view) else 0x20
    architecture = MACHINE_TYPES.get(header.machine_type)
    if architecture is None:
        known = {0x200: "Itanium (IA-64)", 0x184: "Alpha", 0x166: "MIPS", 0x1F0: "PowerPC"}.get(header.machine_type)
        what = f"a dump of {known}, which is not supported" if known else f"machine type {header.machine_type:#x}"
        raise CorruptDump(view.name, f"{what}: none of x86, x64, ARM, ARM64", offset)
    if (architecture.bits == 64) != is_64_bit(view):
        raise CorruptDump(view.name, f"a {architecture.value} machine in a header of the other width", offset)
    return Architecture.X86_PAE if architecture is Architecture.X86 and header.pae_enabled else architecture


def _check_counts(dump: Dump, header: KernelHeader) -> None:
    if not 1 <= header.processor_count <= MAX_PROCESSORS:
        dump.damage("number of processors", f"the header says {header.processor_count}", 0x34)
