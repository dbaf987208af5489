"""Addresses with names, module lines and fields of a log → its modules, as far as their places can be told.

Source: `lm` and `lmv` of the debugger documentation; `module+offset` gives a base by subtraction; FAULTING_MODULE and
the preamble's "Kernel base" give theirs.

Folklore: a function's name tells an address in its module and no base.  Such a module gets a place that just covers
the addresses seen; the reader says so in a gap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from bugcheck.dump.dump import RawModule, RawUnloadedModule
from bugcheck.dump.log.sections import Log, number
from bugcheck.records import dataclass

MAX_MODULES = 4096
PAGE = 0x1000
LOWEST_DRIVER = 0x8000_0000
"""Below this address no kernel module lies, on whatever machine."""
NO_MODULES = frozenset(
    ["unknown_module", "memory_corruption", "heap_corruption", "stack_corruption", "hardware", "unknown",
     "nt_wrong_symbols", ""]
)  # fmt: skip
"""What stands where a debugger names no module."""
_ADDRESS = r"[0-9a-fA-F]{8}`[0-9a-fA-F]{8}|[0-9a-fA-F]{8}|[0-9a-fA-F]{16}"
_LM = re.compile(rf"^({_ADDRESS})\s+({_ADDRESS})\s+([A-Za-z_][\w.$-]{{0,79}})\s*(.*)$")
_IMAGE = re.compile(r"\b([\w$. -]{1,80}\.(?:sys|dll|exe|drv|SYS|DLL|EXE))\b")
_STAMP = re.compile(r"\(([0-9A-Fa-f]{8})\)\s*$")
_KERNEL_BASE = re.compile(r"^Kernel base = 0x([0-9a-fA-F`]{8,17})\b")
_FAULTING = re.compile(rf"^({_ADDRESS})\s+([A-Za-z_][\w.$-]{{0,79}})$")
UNLOADED = "<Unloaded_"
STARTS = frozenset(
    ["main", "wmain", "WinMain", "wWinMain", "mainCRTStartup", "wmainCRTStartup", "WinMainCRTStartup", "invoke_main",
     "wWinMainCRTStartup", "__tmainCRTStartup", "__scrt_common_main", "__scrt_common_main_seh"]
)  # fmt: skip
"""Functions that only a program has: the language's main and what the C run-time starts it with."""
KERNEL_FILES = frozenset(["ntkrnlmp", "ntkrnlpa", "ntkrpamp", "ntoskrnl"])
"""What the kernel is called where a debugger without its symbols did not know it as nt."""
KERNEL_LIBRARIES = frozenset(
    ["atmfd", "bootvid", "cdd", "ci", "framebuf", "hal", "kdcom", "kdstub", "mcupdate_authenticamd", "pshed", "rdpdd",
     "mcupdate_genuineintel", "tsddd", "vboxdisp", "vga", "vga256", "vga64k"]
)  # fmt: skip
"""Kernel modules whose file is a .dll, though most are a .sys: fonts, display, boot and debug support."""


@dataclass(slots=True)
class Place:
    """What is known of a module so far. `low` and `high` enclose the addresses seen in it."""

    name: str
    base: int = 0
    end: int = 0
    low: int = 0
    high: int = 0
    image: str = ""
    stamp: int = 0
    version: str = ""
    is_program: bool = False

    def see(self, address: int, offset: int, *, from_base: bool) -> None:
        """Take in an address, and the start of its function or module."""
        start = address - offset
        if start < 0:
            return
        if from_base and not start % PAGE and not self.base:
            self.base = start
        self.low = min(self.low or start, start)
        self.high = max(self.high, address)

    @property
    def is_covering(self) -> bool:
        """Tell whether the place only covers the addresses seen."""
        return not self.base and bool(self.high)


def find_modules(log: Log, named: Iterable[tuple[int, str, str, int]], is_kernel: bool) -> list[Place]:
    """Collect the modules of a log, nt first."""
    places: dict[str, Place] = {}
    for line in log.loose:
        _take_line(line, places)
    for lines in (lines for _, lines in log.fields[-3:]):
        for line in lines:
            _take_line(line, places)
    match = _FAULTING.match(log.first("FAULTING_MODULE"))
    if match is not None:
        _place(places, match[2]).base = int(match[1].replace("`", ""), 16)
    for address, module, function, offset in named:
        if module.lower() in NO_MODULES or module.startswith(UNLOADED):
            continue
        if len(places) < MAX_MODULES:
            place = _place(places, module)
            place.see(address, offset, from_base=not function)
            place.is_program = place.is_program or function in STARTS
    _take_fields(log, places)
    return sorted(places.values(), key=lambda place: (not (is_kernel and place.name == "nt"), place.base or place.low))


def _place(places: dict[str, Place], name: str) -> Place:
    return places.setdefault(name.lower(), Place(name))


def _take_line(line: str, places: dict[str, Place]) -> None:
    kernel = _KERNEL_BASE.match(line)
    if kernel is not None:
        _place(places, "nt").base = int(kernel[1].replace("`", ""), 16)
    match = _LM.match(line) if len(places) < MAX_MODULES else None
    if match is None:
        return
    base, end = (int(match[n].replace("`", ""), 16) for n in (1, 2))
    if not base < end < base + (1 << 31) or base % PAGE:
        return
    place = _place(places, match[3])
    image, stamp = _IMAGE.search(match[4]), _STAMP.search(match[4])
    place.base, place.end = base, end
    place.image = place.image or (image[1].strip() if image else "")
    place.stamp = place.stamp or (int(stamp[1], 16) if stamp else 0)


def _take_fields(log: Log, places: dict[str, Place]) -> None:
    """The blamed module's file, time stamp and version."""
    words = log.first("MODULE_NAME").split()
    if not words or words[0].lower() in NO_MODULES:
        return
    place = _place(places, words[0])
    image = log.first("IMAGE_NAME").split("<-")[0].strip()
    if "." in image and len(image) <= 80:
        place.image = image
    stamp = number(log.first("DEBUG_FLR_IMAGE_TIMESTAMP"))
    place.stamp = place.stamp or (stamp if stamp is not None and stamp < 1 << 32 else 0)
    place.version = log.first("IMAGE_VERSION")[:40]


def raw_modules(places: list[Place], is_kernel: bool, program: str, top: int) -> list[RawModule]:
    """Give every module a place in memory that overlaps no other."""
    starts = sorted(start for place in places if (start := _start(place)))
    return [_raw(place, _next(starts, _start(place), top), is_kernel, program) for place in places]


def _next(starts: list[int], start: int, top: int) -> int:
    following = bisect_right(starts, start)
    return starts[following] if following < len(starts) else top


def _start(place: Place) -> int:
    return place.base or place.low & ~(PAGE - 1)


def _raw(place: Place, limit: int, is_kernel: bool, program: str) -> RawModule:
    start = _start(place)
    end = place.end or ((place.high | (PAGE - 1)) + 1 if place.high >= start > 0 else start)
    image = place.image or _image(place, is_kernel, program)
    suffix = image.rpartition(".")[2]
    size = max(0, min(end, limit) - start)
    return RawModule(f"{place.name}.{suffix}", start, size, place.stamp, 0, version=place.version, image=image)


def _image(place: Place, is_kernel: bool, program: str) -> str:
    """The usual file name of a module whose file the log does not tell."""
    name = place.name.lower()
    if is_kernel and name == "nt":
        return "ntoskrnl.exe"
    if is_kernel and name in KERNEL_FILES:
        return f"{name}.exe"
    if program.rpartition(".")[0].lower() == name:
        return program
    if place.is_program:
        return f"{place.name}.exe"
    is_driver = is_kernel and name not in KERNEL_LIBRARIES and _start(place) >= LOWEST_DRIVER
    return f"{place.name}.{'sys' if is_driver else 'dll'}"


def unloaded_modules(named: Iterable[tuple[int, str, str, int]]) -> list[RawUnloadedModule]:
    """Modules that stand on the stack as `<Unloaded_name>`."""
    found: dict[str, RawUnloadedModule] = {}
    for address, module, function, offset in named:
        if module.startswith(UNLOADED) and not function and address >= offset:
            name = module.removeprefix(UNLOADED).rstrip(">")
            end = (address | (PAGE - 1)) + 1
            found.setdefault(name, RawUnloadedModule(name, address - offset, end))
    return list(found.values())
