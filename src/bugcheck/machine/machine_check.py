"""MCi_STATUS of a machine-check bank → what failed: cache, TLB, bus, memory controller, the processor's inside.

Source: Intel SDM volume 3, "Machine-Check Architecture" (IA32_MCi_STATUS, compound error codes, table of simple error
codes); AMD64 Architecture Programmer's Manual volume 2, chapter 9, for the same layout of the code.

Folklore: the low 16 bits mean the same on both makers' processors; what a bank's number stands for differs by model, so
no name is given to it.  A status whose VAL bit is clear says nothing.
"""

from __future__ import annotations

from bugcheck.records import dataclass

VENDORS = {1: "Intel", 2: "AMD"}
_SIMPLE = {
    0x0000: "no error",
    0x0001: "an unclassified error",
    0x0002: "a parity error in the processor's microcode ROM",
    0x0003: "an error signalled from outside the processor",
    0x0004: "a mismatch between redundant processors",
    0x0005: "a parity error inside the processor",
    0x0006: "an access violation of system management code",
    0x0400: "a timeout inside the processor (it made no progress)",
    0x0E0B: "an I/O error",
}
_TYPES = ("instruction ", "data ", "", "")
_LEVELS = ("level 0", "level 1", "level 2", "any level")
_REQUESTS = (
    "", "reading", "writing", "reading data", "writing data", "fetching an instruction", "prefetching",
    "evicting", "snooping",
)  # fmt: skip
_TRANSACTIONS = ("", "reading", "writing", "an address or command", "scrubbing")


@dataclass(frozen=True, slots=True)
class MachineCheckBank:
    """The registers of a bank that reported an error.

    Attributes:
        status: MCi_STATUS. bank, processor: their numbers, None where only the status is known.
        vendor: 1 Intel, 2 AMD, else unknown. instruction: RIP as recorded, 0 for none.
        address, misc: MCi_ADDR and MCi_MISC; they mean something where the status says so.
    """

    status: int
    bank: int | None = None
    processor: int | None = None
    vendor: int = 0
    instruction: int = 0
    address: int = 0
    misc: int = 0

    @property
    def is_valid(self) -> bool:
        """Tell whether the bank holds an error at all (VAL)."""
        return bool(self.status >> 63)

    @property
    def is_uncorrected(self) -> bool:
        """Tell whether the hardware could not correct the error (UC)."""
        return bool(self.status >> 61 & 1)

    @property
    def has_address(self) -> bool:
        """Tell whether `address` is valid (ADDRV)."""
        return bool(self.status >> 58 & 1)

    @property
    def is_context_corrupt(self) -> bool:
        """Tell whether the processor's own state may be damaged (PCC)."""
        return bool(self.status >> 57 & 1)

    @property
    def code(self) -> int:
        """MCA error code, 16 bits."""
        return self.status & 0xFFFF

    @property
    def model_code(self) -> int:
        """Model-specific error code, 16 bits."""
        return self.status >> 16 & 0xFFFF

    @property
    def component(self) -> str:
        """The part concerned: "processor cache", "memory controller", "processor TLB", "bus", "processor"."""
        return _describe(self.code)[0]

    @property
    def words(self) -> str:
        """What happened, to stand behind "reported": `an error of the level 1 data cache while reading data`."""
        return _describe(self.code)[1]


def _describe(code: int) -> tuple[str, str]:
    if code in _SIMPLE:
        return "processor", _SIMPLE[code]
    code &= ~0x1000  # the filter bit of corrected errors
    level, kind = _LEVELS[code & 3], _TYPES[code >> 2 & 3]
    if code >> 2 == 3:
        return "processor cache", f"an error of the cache, {level}"
    if code >> 4 == 1:
        return "processor TLB", f"an error of the {kind}TLB, {level}"
    if code >> 7 in (1, 5):
        channel = f"channel {code & 15}" if code & 15 != 15 else "an unnamed channel"
        doing = _pick(_TRANSACTIONS, code >> 4 & 7)
        return "memory controller", f"an error of the memory controller, {channel}{_while(doing)}"
    doing = _while(_pick(_REQUESTS, code >> 4 & 15))
    if code >> 8 == 1:
        return "processor cache", f"an error of the {kind}cache, {level}{doing}"
    if code >> 11 == 1:
        timeout = ", after a timeout" if code >> 8 & 1 else ""
        return "bus", f"an error of the bus or interconnect{doing}{timeout}"
    if code >> 10 == 1:
        return "processor", f"an error inside the processor, code {code:#06x}"
    return "processor", f"an error with the code {code:#06x}"


def _pick(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else ""


def _while(doing: str) -> str:
    return f" while {doing}" if doing else ""
