"""KPRCB blocks → Processors: what each was doing, its registers and its identity.

Source: KiProcessorBlock and the KPRCB offsets in KDDEBUGGER_DATA64; KPRCB.Context (a pointer, Windows 7 and later)
before KPRCB.ProcessorState.ContextFrame, as qemu `win_dump.c` found a debugger to read them.

The letter an ARM machine stores as its vendor is MIDR_EL1.Implementer (Arm ARM, "MIDR_EL1, Main ID Register").

Folklore: in full and summary dumps the header's CONTEXT is ignored, the crashing processor's registers come from
here. A small dump holds one KPRCB, whose saved frame is empty; its context pointer is good only where the block it
points at was kept.  Large small dumps (of live debuggers) hold all of them.
"""

from __future__ import annotations

from bugcheck.binary import decode_ascii
from bugcheck.dump.dump import Architecture, Dump, RawContext
from bugcheck.dump.kernel_header import CONTEXT_SIZES, MAX_PROCESSORS
from bugcheck.machine.context import Context, decode_context
from bugcheck.machine.debugger_data import DebuggerData
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

ARM = (Architecture.ARM32, Architecture.ARM64)
ARM_IMPLEMENTERS = {
    "A": "Arm",
    "B": "Broadcom",
    "C": "Cavium",
    "F": "Fujitsu",
    "I": "Infineon",
    "M": "Motorola",
    "N": "NVIDIA",
    "P": "Applied Micro",
    "Q": "Qualcomm",
    "V": "Marvell",
    "a": "Apple",
    "i": "Intel",
    "m": "Microsoft",
}
"""MIDR_EL1.Implementer as the ASCII letter it mostly is → who designed the core."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as its KPRCB tells.

    Attributes:
        number: 0-based.
        prcb: virtual address of the KPRCB.
        context: its registers at the freeze, or None.
        current_thread: address of the ETHREAD it ran, or None.
        irql: IRQL saved for the debugger, or None.
        vendor: "GenuineIntel", "AuthenticAMD", …, on ARM who designed the core ("Qualcomm"), or "".
        family, model, stepping: as CPUID gives them; None on ARM or when unknown.
        megahertz: clock rate, or None.
    """

    number: int
    prcb: int
    context: Context | None
    current_thread: int | None
    irql: int | None
    vendor: str
    family: int | None
    model: int | None
    stepping: int | None
    megahertz: int | None

    @property
    def description(self) -> str:
        """The processor in words: `GenuineIntel family 6 model 58 stepping 9, 2594 MHz`; "" when nothing is known."""
        parts = [self.vendor] if self.vendor else []
        if self.family is not None:
            parts.append(f"family {self.family} model {self.model} stepping {self.stepping}")
        text = " ".join(parts)
        if self.megahertz:
            text += f", {self.megahertz} MHz" if text else f"{self.megahertz} MHz"
        return text


def processor_addresses(dump: Dump, memory: AddressSpace, debugger_data: DebuggerData | None) -> dict[int, int]:
    """Map processor numbers to KPRCB addresses, as far as KiProcessorBlock is readable."""
    block = debugger_data["processor_block"] if debugger_data else None
    if block is None or dump.kernel is None:
        return {}
    step = memory.pointer_size
    found: dict[int, int] = {}
    for number in range(min(dump.kernel.processor_count, MAX_PROCESSORS)):
        address = memory.try_pointer(block + number * step)
        if address:
            found[number] = address
    return found


def read_processor(number: int, prcb: int, memory: AddressSpace, layout: KernelLayout) -> Processor | None:
    """Read one KPRCB; None when it is not in the dump."""
    thread_at = layout.offset("KPRCB.CurrentThread")
    if not memory.is_readable(prcb):
        return None
    family, model, stepping = _cpu_identity(prcb, memory, layout)
    megahertz_at = layout.offset("KPRCB.MHz")
    return Processor(
        number=number,
        prcb=prcb,
        context=_context(number, prcb, memory, layout),
        current_thread=memory.try_pointer(prcb + thread_at) if thread_at is not None else None,
        irql=_irql(prcb, memory, layout),
        vendor=_vendor(prcb, memory, layout),
        family=family,
        model=model,
        stepping=stepping,
        megahertz=memory.try_u32(prcb + megahertz_at) if megahertz_at else None,
    )


def _context(number: int, prcb: int, memory: AddressSpace, layout: KernelLayout) -> Context | None:
    architecture = layout.dump.architecture
    size = CONTEXT_SIZES[architecture]
    places: list[int] = []
    pointer_at = layout.debugger_data.context_pointer_offset if layout.debugger_data else None
    if pointer_at and architecture.bits == 64:
        places.append(memory.try_pointer(prcb + pointer_at) or 0)
    frame_at = layout.offset("KPRCB.ProcessorState.ContextFrame")
    if frame_at:
        places.append(prcb + frame_at)
    for place in places:
        data = memory.try_read(place, size) if place else None
        context = decode_context(RawContext(f"processor {number}", data), architecture) if data else None
        if context is not None and context.instruction_pointer and context.stack_pointer:
            return context
    return None


def _irql(prcb: int, memory: AddressSpace, layout: KernelLayout) -> int | None:
    at = layout.offset("KPRCB.DebuggerSavedIRQL")
    value = memory.try_u8(prcb + at) if at else None
    limit = 31 if layout.dump.architecture.is_x86 else 15
    return value if value is not None and value <= limit else None


def _vendor(prcb: int, memory: AddressSpace, layout: KernelLayout) -> str:
    at = layout.offset("KPRCB.VendorString")
    raw = memory.try_read(prcb + at, 13) if at else None
    text = decode_ascii(raw) if raw else ""
    if layout.dump.architecture in ARM:
        text = ARM_IMPLEMENTERS.get(text, text)
    return text if text.isprintable() and "\\" not in text else ""


def _cpu_identity(
    prcb: int, memory: AddressSpace, layout: KernelLayout
) -> tuple[int, int, int] | tuple[None, None, None]:
    """KPRCB.CpuType (8 bits), CpuID (8 bits), CpuStep (model in the high byte, stepping in the low one)."""
    at = layout.offset("KPRCB.CpuType")
    if layout.dump.architecture in ARM or not at:
        return None, None, None
    raw = memory.try_read(prcb + at, 4)
    if not raw or not raw[0]:
        return None, None, None
    return raw[0], raw[3], raw[2]
