"""A machine → nt's global variables: the lists' heads, KDBG and what KDBG points at.

Source: names and meanings from WDBGEXTS.H and nt's public symbols; KiBugCheckData holds the code and four parameters
(bug check documentation, Microsoft Learn); DBGKD_GET_VERSION64 from the same public types.
"""

from collections.abc import Mapping

from bugcheck.synth.architecture import Architecture, sign_extended
from bugcheck.synth.description import MachineDescription
from bugcheck.synth.images import TEXT_RVA
from bugcheck.synth.kdbg import build_kdbg, scramble_kdbg
from bugcheck.synth.kernel_data import KernelData, pointer_bytes
from bugcheck.synth.kernel_layouts import kdbg_fields, kernel_layout
from bugcheck.synth.paging import PROTOTYPE_BASE_X86
from bugcheck.synth.record import Record

_LITERALS = {"MmPageSize": 0x1000}
_CODE = {"BpStatus": 0x10, "KiCallUserMode": 0x20}
EXPORTED = ("KiBugCheckData", "NtBuildLab", "PsLoadedModuleList", "PsActiveProcessHead", "KdDebuggerDataBlock")


def reserve_variables(description: MachineDescription, data: KernelData) -> None:
    """Give every variable its address, with its value where it is known already."""
    width = description.architecture.pointer_size
    for head in ("PsLoadedModuleList", "PsActiveProcessHead", "KdpDebuggerDataListHead"):
        data.reserve(head, 2 * width)
    data.reserve("KdDebuggerDataBlock", kernel_layout(description.layout)["kdbg"]["Size"])
    data.reserve("KdVersionBlock", 0x28)
    data.reserve("KiProcessorBlock", 64 * width)
    data.reserve("KiBugCheckData", 5 * width)
    data.reserve("NtBuildLab", 0x80)
    data.fill("NtBuildLab", description.build_lab.encode() + b"\0")
    data.reserve("CmNtCSDVersion", 4, 4)
    data.fill("CmNtCSDVersion", (description.service_pack << 8).to_bytes(4, "little"))
    for name in ("MmUnloadedDrivers", "MmLastUnloadedDriver"):
        data.pointer(name, 0)
    for name in ("KiWaitNever", "KiWaitAlways"):
        data.reserve(name, 8, 8)
    data.reserve("KdpDataBlockEncoded", 1, 1)
    values = _memory_limits(description)
    for name, _, size in kdbg_fields():
        if size == 8 and name not in data.symbols and name not in (*_LITERALS, *_CODE, "KernBase", "PteBase"):
            data.pointer(name, values.get(name, 0))


def fill_variables(description: MachineDescription, data: KernelData, prcbs: list[int]) -> bytes:
    """Write the variables that name other things; returns the KDBG block as it reads decoded."""
    architecture = description.architecture
    data.fill("KiProcessorBlock", pointer_bytes(architecture, *prcbs))
    data.fill(
        "KiBugCheckData", pointer_bytes(architecture, description.bugcheck.code, *description.bugcheck.parameters)
    )
    data.fill("KdVersionBlock", _version_block(description, data))
    head, block = data.symbols["KdpDebuggerDataListHead"], data.symbols["KdDebuggerDataBlock"]
    data.fill("KdpDebuggerDataListHead", pointer_bytes(architecture, block, block))
    offsets = dict(kernel_layout(description.layout)["kdbg"])
    if architecture is not Architecture.ARM64:
        pae = architecture in (Architecture.X86_PAE, Architecture.X64)
        offsets["Flags"] = int(pae) | (5 << 2 if description.five_level_paging else 0)
    kdbg = build_kdbg(head, _kdbg_addresses(description, data.symbols), offsets)
    encoding = description.kdbg_encoding
    if encoding is None:
        data.fill("KdDebuggerDataBlock", kdbg)
        return kdbg
    data.fill("KiWaitNever", encoding.wait_never.to_bytes(8, "little"))
    data.fill("KiWaitAlways", encoding.wait_always.to_bytes(8, "little"))
    data.fill("KdpDataBlockEncoded", b"\x01")
    data.fill("KdDebuggerDataBlock", scramble_kdbg(kdbg, encoding, data.symbols["KdpDataBlockEncoded"]))
    return kdbg


def _kdbg_addresses(description: MachineDescription, symbols: Mapping[str, int]) -> dict[str, int]:
    """What KDBG's 8-byte fields hold: symbols, code addresses, and a few plain values."""
    base = description.modules[0].base
    # KDBG spells this symbol differently from nt.
    out = {**symbols, **_LITERALS, "KernBase": base, "KiBugcheckData": symbols["KiBugCheckData"]}
    out.update({name: base + TEXT_RVA + offset for name, offset in _CODE.items()})
    out["SavedContext"] = 0
    if description.architecture is Architecture.X64:
        out["PteBase"] = 0xFFED000000000000 if description.five_level_paging else 0xFFFFF68000000000
    return out


def _memory_limits(description: MachineDescription) -> dict[str, int]:
    """Values of the memory manager's variables; pages are 4 KiB frames."""
    wide = description.architecture.is_64bit
    return {
        "MmLowestPhysicalPage": min(first for first, _ in description.physical_layout),
        "MmHighestPhysicalPage": max(first + count for first, count in description.physical_layout) - 1,
        "MmNumberOfPhysicalPages": sum(count for _, count in description.physical_layout),
        "MmHighestUserAddress": 0x7FFFFFFEFFFF if wide else 0x7FFEFFFF,
        "MmUserProbeAddress": 0x7FFFFFFF0000 if wide else 0x7FFF0000,
        "MmSystemRangeStart": description.architecture.kernel_start,
        "MmPfnDatabase": 0xFFFFFA8000000000 if wide else 0x81000000,
        "MmPagedPoolStart": 0xFFFFA00000000000 if wide else PROTOTYPE_BASE_X86,
        "KeTimeIncrement": 156250,
    }


def _version_block(description: MachineDescription, data: KernelData) -> bytes:
    """DBGKD_GET_VERSION64, 0x28 bytes."""
    record = Record(0x28)
    record.u16(0x00, description.major_version)
    record.u16(0x02, description.build)
    record.u8(0x04, 6)  # ProtocolVersion
    record.u16(0x06, 1 | (4 if description.architecture.is_64bit else 0))  # MP kernel, 64-bit pointers
    record.u16(0x08, description.architecture.machine)
    record.u64(0x10, sign_extended(description.modules[0].base))
    record.u64(0x18, sign_extended(data.symbols["PsLoadedModuleList"]))
    record.u64(0x20, sign_extended(data.symbols["KdpDebuggerDataListHead"]))
    return record.done()
