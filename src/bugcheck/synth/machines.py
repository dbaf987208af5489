"""Nothing → ready-made machine descriptions, one per architecture, each with every page state that architecture has.

Source: addresses have the shape real dumps show (corpus/kernel, story); names, ids and times are invented.

Folklore: physical runs leave holes, and large pages reach beyond their run, because real machines do both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import (
    BugCheckDescription,
    ExceptionDescription,
    KdbgEncoding,
    LargePage,
    MachineDescription,
    ModuleDescription,
    PagedOutPage,
    PdbDescription,
    ProcessDescription,
    ProcessorDescription,
    PrototypePage,
    SecondaryBlob,
    ThreadDescription,
    TransitionPage,
    UnloadedDriver,
)
from bugcheck.synth.kernel_data import pointer_bytes

_CRASH_TIME = 132_500_000_000_000_000  # 2020-11-16 UTC
_UPTIME = 27_840_000_000_0  # 7 h 44 min
_CODE = b"\x90" * 0x40 + b"\xc3" + b"\xcc" * 0x3F
_CODE_RVA = 0x1000


@dataclass(frozen=True, slots=True)
class Platform:
    """Where one architecture's machine puts things. Addresses are virtual; runs are `(first page, pages)`."""

    architecture: Architecture
    layout: str
    build: int
    build_lab: str
    nt: tuple[int, int, int, int]
    """Base, SizeOfImage, TimeDateStamp, CheckSum."""
    drivers: int
    stacks: int
    pool: int
    kpcrs: tuple[int, ...]
    shared_user_data: int
    odd_pages: int
    """Start of a region for the large, transition, prototype and paged-out pages."""
    prototype_pool: int
    runs: tuple[tuple[int, int], ...]
    large_page: tuple[int, int]
    """Size and first frame."""
    user_base: int


_X64 = Platform(
    Architecture.X64, "x64-19041", 19041, "19041.1.amd64fre.vb_release.191206-1406",
    (0xFFFFF8047BA00000, 0x1046000, 0x0D8333E6, 0xA5938C), 0xFFFFF8048B400000, 0xFFFF850429880000,
    0xFFFF9B0002000000, (0xFFFFF804782D4000, 0xFFFF9B00021FF000), 0xFFFFF78000000000, 0xFFFFA90000000000,
    0xFFFFB28100000000, ((1, 0x9F), (0x100, 0x40), (0x400, 0x20), (0x40000, 8)), (0x200000, 0x400), 0x7FF600000000,
)  # fmt: skip
_X86 = Platform(
    Architecture.X86, "x86-3790", 3790, "3790.srv03_sp1_rtm.050324-1447",
    (0x80800000, 0x254000, 0x42435E60, 0x2541F7), 0xF5300000, 0xF4C00000,
    0x84FB0000, (0xFFDFF000, 0xF7727000), 0xFFDF0000, 0x9C000000,
    0xE1000000 + 0x3000, ((1, 0x9E), (0x100, 0x20), (0x800, 0x20)), (0x400000, 0x800), 0x00400000,
)  # fmt: skip
_X86_PAE = Platform(
    Architecture.X86_PAE, "x86-7601", 7601, "7601.17514.x86fre.win7sp1_rtm.101119-1850",
    (0x82A00000, 0x412000, 0x4CE78A09, 0x3CB6E9), 0x8D000000, 0x8D800000,
    0x85000000, (0x82F00000, 0x807C0000), 0xFFDF0000, 0x9C000000,
    0xA0003000, ((1, 0x9E), (0x100, 0x20), (0x100200, 0x20)), (0x200000, 0x100200), 0x00400000,
)  # fmt: skip
_ARM64 = Platform(
    Architecture.ARM64, "arm64-22000", 22000, "22000.1.arm64fre.co_release.210604-1628",
    (0xFFFFF803F2E00000, 0x1180000, 0x6151A5DF, 0xB79213), 0xFFFFF803E8400000, 0xFFFFE0EE4BC00000,
    0xFFFFBB8EB1000000, (0xFFFFF803EFD00000, 0xFFFFBB8EB0000000), 0xFFFFF78000000000, 0xFFFFA90000000000,
    0xFFFFB28100000000, ((1, 0x9F), (0x100, 0x40), (0x400, 0x20), (0x40000, 8)), (0x200000, 0x400), 0x7FF600000000,
)  # fmt: skip
_ARM32 = Platform(
    Architecture.ARM32, "arm32-17134", 17134, "17134.1.armfre.rs4_release.180410-1804",
    (0x80C06000, 0x5B1000, 0x5ACD88B6, 0x55BCD7), 0x87000000, 0x80A70000,
    0x8C1E0000, (0x80307000,), 0xFFFF9000, 0x9C000000,
    0xA0003000, ((0x7200, 0x9E),), (0, 0), 0x00400000,
)  # fmt: skip


def x64_machine() -> MachineDescription:
    """A 19041 client: two processors, bug check 0xD1 in a third-party driver, 2 MiB and 1 GiB pages."""
    machine = _machine(_X64)
    base = _X64.odd_pages + 0x40000000
    huge = LargePage(base, 1 << 30, 0x40000, {0x2F00: b"in the huge page" * 32})
    return replace(machine, large_pages=(*machine.large_pages, huge))


def x64_encoded_machine() -> MachineDescription:
    """As `x64_machine`, with KDBG scrambled in memory."""
    return replace(x64_machine(), kdbg_encoding=KdbgEncoding(0x9C5D4F1E2A7B3866, 0x00CF2FB5A0E1D347))


def x64_five_level_machine() -> MachineDescription:
    """As `x64_machine` under 5-level paging; kernel addresses keep their canonical 48-bit values."""
    return replace(x64_machine(), five_level_paging=True)


def x86_machine() -> MachineDescription:
    """A Server 2003 SP1 without PAE: two processors, 4 MiB pages, KDBG of 0x318 bytes."""
    machine = _machine(_X86)
    return replace(machine, product_type=3, suite_mask=0x112, service_pack=1, service_pack_text="Service Pack 1")


def x86_pae_machine() -> MachineDescription:
    """A Windows 7 SP1 with PAE: two processors, a 2 MiB page above 4 GiB."""
    machine = _machine(_X86_PAE)
    return replace(machine, service_pack=1, service_pack_text="Service Pack 1")


def arm64_machine() -> MachineDescription:
    """A 22000 client on ARM64 with the 4 KiB granule."""
    return _machine(_ARM64)


def arm32_machine() -> MachineDescription:
    """A 17134 IoT machine on ARM: triage dumps only."""
    return replace(_machine(_ARM32), large_pages=(), transition_pages=(), prototype_pages=(), paged_out_pages=())


def _machine(platform: Platform) -> MachineDescription:
    modules = _modules(platform)
    faulting = modules[2].base + _CODE_RVA + 0x20
    processes = _processes(platform)
    pointer = platform.stacks + 0x3000 - 0x400
    return MachineDescription(
        architecture=platform.architecture,
        layout=platform.layout,
        build=platform.build,
        build_lab=platform.build_lab,
        modules=modules,
        processes=processes,
        processors=_processors(platform, faulting, pointer),
        bugcheck=BugCheckDescription(0xD1, (0x10, 2, 1, faulting)),
        physical_layout=platform.runs,
        pool_base=platform.pool,
        shared_user_data=platform.shared_user_data,
        system_time=_CRASH_TIME,
        uptime=_UPTIME,
        unloaded=_unloaded(platform),
        exception=ExceptionDescription(0xC0000005, faulting, (1, 0x10)),
        memory=_memory(platform, modules, pointer),
        read_only=frozenset({platform.pool + 0x400000}),
        executable=frozenset({platform.pool + 0x401000}),
        large_pages=_large_pages(platform),
        transition_pages=(TransitionPage(platform.odd_pages + 0x800000, _pattern(0x21)),),
        prototype_pages=(
            PrototypePage(platform.odd_pages + 0x801000, platform.prototype_pool + 0x40, _pattern(0x43)),
            PrototypePage(platform.odd_pages + 0x802000, platform.prototype_pool + 0x48, _pattern(0x65), True),
        ),
        paged_out_pages=(PagedOutPage(platform.odd_pages + 0x803000, 1, 0x1234),),
        broken_driver="flaky.sys",
        blobs=(SecondaryBlob(bytes(range(16)), b"written by a bug check callback"),),
    )


def _pattern(seed: int) -> bytes:
    """A page of bytes that differ from each other and from other seeds."""
    return bytes((seed + index * 7 + (index >> 8)) & 0xFF for index in range(0x1000))


def _pdb(name: str, seed: int) -> PdbDescription:
    return PdbDescription(name, bytes((seed * 16 + index) & 0xFF for index in range(16)))


def _modules(platform: Platform) -> tuple[ModuleDescription, ...]:
    """nt, hal, the driver at fault, one without a readable header, one with a long name."""
    root = "\\SystemRoot\\system32\\"
    base, size, timestamp, checksum = platform.nt
    drivers = platform.drivers
    version = (10, 0, platform.build, 804) if platform.architecture.is_64bit else (5, 2, platform.build, 1830)
    return (
        ModuleDescription(
            "ntoskrnl.exe", root + "ntoskrnl.exe", base, size, timestamp, checksum,
            _pdb("ntkrnlmp.pdb", 1), version, _CODE,
        ),
        ModuleDescription(
            "hal.dll", root + "hal.dll", drivers, 0x6000, 0x5A1B2C3D, 0x1A2B3, _pdb("hal.pdb", 2), version, _CODE
        ),
        ModuleDescription(
            "flaky.sys", root + "drivers\\flaky.sys", drivers + 0x10000, 0x8000, 0x3F99BC4F, 0xD4E5,
            _pdb("D:\\build\\flaky.pdb", 3), (3, 6, 0, 1), _CODE,
        ),
        ModuleDescription(
            "disk.sys", root + "drivers\\disk.sys", drivers + 0x20000, 0xC000, 0x4A5BC117, 0x1111, has_header=False
        ),
        ModuleDescription(
            "averylongdrivername.sys", "\\??\\C:\\tools\\averylongdrivername.sys",
            drivers + 0x30000, 0x5000, 0x600DCAFE, 0,
        ),
    )  # fmt: skip


def _unloaded(platform: Platform) -> tuple[UnloadedDriver, ...]:
    base = platform.drivers + 0x80000
    return (
        UnloadedDriver("kmixer.sys", base, base + 0x2B000, _CRASH_TIME - 36_000_000_000),
        UnloadedDriver("dump_storport.sys", base + 0x40000, base + 0x4F000, _CRASH_TIME - 72_000_000_000),
    )


def _processes(platform: Platform) -> tuple[ProcessDescription, ...]:
    """System with two threads, an application with two."""
    created, user = _CRASH_TIME - _UPTIME, platform.user_base
    system = ProcessDescription(4, 0, "System", (_thread(platform, 0, 8), _thread(platform, 1, 12)), created)
    teb = user + 0x20000
    threads = (_thread(platform, 2, 2208, teb), _thread(platform, 3, 2212, teb + 0x2000))
    memory = {user: b"MZ" + bytes(62), user + 0x10FF0: b"straddles a page of the user half", teb: bytes(64)}
    return system, ProcessDescription(1960, 4, "blackwidow.exe", threads, created + 600_000_000, user + 0x10000, memory)


def _thread(platform: Platform, index: int, tid: int, teb: int = 0) -> ThreadDescription:
    """A thread whose kernel stack of 3 pages lies apart from the others'."""
    limit = platform.stacks + 0x10000 * index
    start = platform.nt[0] + _CODE_RVA
    return ThreadDescription(
        tid, limit + 0x3000, limit, limit + 0x2C00, start, start if not teb else platform.user_base + 0x1000, teb
    )


def _processors(platform: Platform, faulting: int, pointer: int) -> tuple[ProcessorDescription, ...]:
    """The first runs System's first thread and crashes, the second runs the application."""
    control = {"cr0": 0x80050033, "cr2": 0x10, "cr4": 0x6F8}
    first = ProcessorDescription(platform.kpcrs[0], 0, 0, _registers(platform, faulting, pointer), control, irql=2)
    other = _registers(platform, platform.nt[0] + _CODE_RVA + 8, platform.stacks + 0x22F00)
    rest = (ProcessorDescription(kpcr, 1, 0, other, {**control, "cr2": 0}) for kpcr in platform.kpcrs[1:])
    return first, *rest


def _registers(platform: Platform, code: int, stack: int) -> Mapping[str, int]:
    """Distinct values in every register; code and stack pointer where they belong."""
    architecture = platform.architecture
    if architecture is Architecture.X64:
        names = ("rax", "rcx", "rdx", "rbx", "rsi", "rdi", *(f"r{number}" for number in range(8, 16)))
        special = {"rip": code, "rsp": stack, "rbp": stack + 0x80, "eflags": 0x10246}
    elif architecture is Architecture.ARM64:
        names = tuple(f"x{number}" for number in range(29))
        special = {"pc": code, "sp": stack, "fp": stack + 0x80, "lr": code + 0x10, "cpsr": 0x60000344}
    elif architecture is Architecture.ARM32:
        names = tuple(f"r{number}" for number in range(13))
        special = {"pc": code, "sp": stack, "lr": code + 0x11, "cpsr": 0x20000033}
    else:
        names = ("eax", "ecx", "edx", "ebx", "esi", "edi")
        special = {"eip": code, "esp": stack, "ebp": stack + 0x80, "eflags": 0x10246}
    return {**{name: 0x1001 * (index + 1) for index, name in enumerate(names)}, **special}


def _memory(platform: Platform, modules: tuple[ModuleDescription, ...], pointer: int) -> Mapping[int, bytes]:
    """The crashing stack with its return addresses, and pages with other rights."""
    architecture = platform.architecture
    returns = [
        modules[2].base + _CODE_RVA + 0x28,
        modules[1].base + _CODE_RVA + 0x10,
        modules[0].base + _CODE_RVA + 0x30,
    ]
    frame = b"".join(pointer_bytes(architecture, pointer + 0x40, address, 0, 0) for address in returns)
    other = platform.pool + 0x400000
    return {
        pointer: frame,
        other: b"read only",
        other + 0x1000: b"executable",
        other + 0x2FF8: b"written across a page boundary",
    }


def _large_pages(platform: Platform) -> tuple[LargePage, ...]:
    size, frame = platform.large_page
    if not size:
        return ()
    contents = {0x0FF8: b"across two frames of a large page", 0x5000: _pattern(0x87)}
    return (LargePage(platform.odd_pages, size, frame, contents, executable=True),)
