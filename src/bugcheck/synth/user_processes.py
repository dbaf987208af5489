"""An architecture → a ready-made process description with every stream in use.

Source: addresses have the shape of real processes; names and ids are invented. WOW64: the x86 CONTEXT lies behind four
bytes of WOW64_CPURESERVED, which slot 1 of the 64-bit TEB's TlsSlots (TEB+0x1488) points at (winsiderss/phnt, MIT).

Folklore: a WOW64 process dumped by a 64-bit tool is an x64 minidump: its contexts stand in wow64cpu, and the x86
registers are found through memory only.
"""

from collections.abc import Mapping
from dataclasses import replace

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.contexts import build_context
from bugcheck.synth.description import ExceptionDescription, PdbDescription
from bugcheck.synth.images import ImageSpec, build_image, image_file
from bugcheck.synth.process_blocks import TEB_SIZE, build_parameters, build_peb, build_teb
from bugcheck.synth.process_description import (
    HandleDescription,
    MemoryRegion,
    ProcessTimes,
    UnloadedModule,
    UserModule,
    UserProcessDescription,
    UserThread,
)
from bugcheck.synth.record import Record

_TIME = 1_605_526_400
_PID = 1960
_STACK_SIZE = 0x1000
_STACK_USED = 0x400
_CODE = b"\x90" * 0x40 + b"\xc3"


def user_process(architecture: Architecture = Architecture.X64) -> UserProcessDescription:
    """A two-thread process that wrote to a null pointer in its own code; raises ValueError for x86 PAE."""
    if architecture is Architecture.X86_PAE:
        raise ValueError("a process does not know of PAE: use X86")
    wide = architecture.is_64bit
    base, high = (0x7FF6A0000000, 0x7FFB10000000) if wide else (0x00400000, 0x77000000)
    stack, blocks = (0x5C7F0FE000, 0x5C7EF00000) if wide else (0x0012E000, 0x7EFD0000)
    modules = _modules(base, high)
    fault = base + 0x1020
    threads = (
        _thread(architecture, 2208, blocks, stack, fault, "main", base),
        _thread(architecture, 2212, blocks + TEB_SIZE, stack + 0x100000, high + 0x1010, "", base),
    )
    memory = {base: _image(architecture, modules[0]), **_blocks(architecture, modules[0], threads, blocks)}
    return UserProcessDescription(
        architecture=architecture,
        pid=_PID,
        time=_TIME,
        version=(10, 0, 19041) if wide else (6, 1, 7601),
        times=ProcessTimes(_TIME - 3600, 12, 3),
        modules=modules,
        threads=threads,
        memory=memory,
        exception=ExceptionDescription(0xC0000005, fault, (1, 4)),
        service_pack_text="" if wide else "Service Pack 1",
        unloaded=(UnloadedModule("oldplugin.dll", high + 0x800000, 0x9000, 0x4A5BDFFF, 0xBEEF),),
        regions=_regions(memory, threads, base),
        handles=(
            HandleDescription(0x4, "Event", "", 0x1F0003),
            HandleDescription(0x1C, "File", "\\Device\\HarddiskVolume3\\Windows", 0x100020),
        ),
        other_streams={0x4B1D0001: b"a stream nobody knows"},
    )


def wow64_process() -> UserProcessDescription:
    """An x86 process as a 64-bit tool dumps it: x64 contexts, x86 registers in memory."""
    process = user_process(Architecture.X64)
    base, cpu_area, thread = 0x00400000, 0x003FE000, process.threads[0]
    x86 = build_context(Architecture.X86, {"eip": base + 0x1020, "esp": 0x0019F000, "ebp": 0x0019F080, "cs": 0x23})
    teb = Record(TEB_SIZE)
    teb.put(0, process.memory[thread.teb])
    teb.u64(0x1488, cpu_area)  # TlsSlots[1]
    area = Record(0x1000)
    area.u16(2, Architecture.X86.machine)  # WOW64_CPURESERVED: flags, machine, CONTEXT
    area.put(4, x86)
    system = process.modules[1].base
    modules = (
        replace(process.modules[0], base=base),
        process.modules[1],
        UserModule("C:\\Windows\\System32\\wow64.dll", system + 0x400000, 0x59000, 0x5E0EB67D, 0x5A5A5),
        UserModule("C:\\Windows\\System32\\wow64cpu.dll", 0x77640000, 0xA000, 0x5E0EB67E, 0x5A5A6),
        UserModule("C:\\Windows\\SysWOW64\\ntdll.dll", 0x77650000, 0x1A3000, 0x5E0EB67F, 0x5A5A7),
    )
    registers = {**thread.registers, "rip": 0x77641CBC, "cs": 0x33}
    threads = (replace(thread, registers=registers), process.threads[1])
    memory = {address: data for address, data in process.memory.items() if address != process.modules[0].base}
    memory.update({thread.teb: teb.done(), cpu_area: area.done(), base: _image(Architecture.X86, modules[0])})
    return replace(
        process,
        modules=modules,
        threads=threads,
        memory=memory,
        regions=_regions(memory, threads, base),
        exception=ExceptionDescription(0xC0000005, base + 0x1020, (1, 4)),
    )


def _blocks(
    architecture: Architecture, image: UserModule, threads: tuple[UserThread, ...], first: int
) -> dict[int, bytes]:
    """TEBs from `first` on, then PEB and process parameters, a page each."""
    peb = first + TEB_SIZE * len(threads)
    out: dict[int, bytes] = {}
    for thread in threads:
        stack = (thread.stack_start + len(thread.stack), thread.stack_start)
        out[thread.teb] = build_teb(architecture, thread.teb, peb, (_PID, thread.tid), stack).done()
    out[peb] = build_peb(architecture, image.base, peb + 0x1000)
    environment = {"COMPUTERNAME": "SYNTH", "OS": "Windows_NT"}
    out[peb + 0x1000] = build_parameters(architecture, peb + 0x1000, image.path, '"app.exe" /quiet', environment)
    return out


def _regions(memory: Mapping[int, bytes], threads: tuple[UserThread, ...], image: int) -> tuple[MemoryRegion, ...]:
    """One committed region per range of memory, as full dumps have it, and a reserved one."""
    ranges = {**memory, **{thread.stack_start: thread.stack for thread in threads}}
    regions = [
        MemoryRegion(address, len(data), protect=0x20, kind=0x1000000)
        if address == image
        else MemoryRegion(address, len(data))
        for address, data in sorted(ranges.items())
    ]
    regions.append(MemoryRegion(0x7FFE1000, 0xE000, state=0x2000, protect=0x01))
    return tuple(sorted(regions, key=lambda region: region.base))


def _modules(base: int, high: int) -> tuple[UserModule, ...]:
    pdbs = [
        PdbDescription(name, bytes(range(start, start + 16))) for name, start in (("app.pdb", 1), ("ntdll.pdb", 64))
    ]
    return (
        UserModule("C:\\Program Files\\App\\app.exe", base, 0x5000, 0x5F9B3A10, 0x1234, pdbs[0], (1, 2, 3, 4)),
        UserModule(
            "C:\\Windows\\System32\\ntdll.dll", high, 0x1F5000, 0x1D2A3B4C, 0x1F6A2B, pdbs[1], (10, 0, 19041, 1)
        ),
        UserModule("C:\\Windows\\System32\\nothing.dll", high + 0x300000, 0x3000, 0, 0),
    )


def _image(architecture: Architecture, module: UserModule) -> bytes:
    """The executable's mapped image."""
    name = module.path.rpartition("\\")[2]
    spec = ImageSpec(
        architecture, name, module.base, module.size, module.timestamp, module.checksum, _CODE,
        exports={"Start": 0x1000}, pdb=module.pdb, version=module.version, native=False,
    )  # fmt: skip
    return image_file(build_image(spec))


def _thread(architecture: Architecture, tid: int, teb: int, stack: int, code: int, name: str, base: int) -> UserThread:
    """A thread with a page of stack, at whose upper 0x400 bytes it stands; they hold return addresses."""
    width = architecture.pointer_size
    pointer = stack + _STACK_SIZE - _STACK_USED
    words = [base + 0x1030, pointer + 0x80, base + 0x1008, 0x1111 + tid]
    data = bytes(_STACK_SIZE - _STACK_USED) + b"".join(word.to_bytes(width, "little") for word in words)
    return UserThread(
        tid,
        teb,
        _registers(architecture, code, pointer),
        stack,
        data + bytes(_STACK_SIZE - len(data)),
        name,
        start_address=base + 0x1000,
        create_time=132_500_000_000_000_000 + tid,
        kernel_time=10_000,
        user_time=20_000,
    )


def _registers(architecture: Architecture, code: int, stack: int) -> Mapping[str, int]:
    """Distinct values, code and stack pointer where they belong, user-mode selectors."""
    if architecture is Architecture.X64:
        fixed = {"rip": code, "rsp": stack, "rbp": stack + 0x80, "eflags": 0x10246, "cs": 0x33, "ss": 0x2B}
        return {**fixed, "rax": 0x1001, "rcx": 0x2002, "rdx": 4, "r15": 0xF00F}
    if architecture is Architecture.ARM64:
        fixed = {"pc": code, "sp": stack, "fp": stack + 0x80, "lr": code + 8, "cpsr": 0x60000000}
        return {**fixed, **{f"x{number}": 0x1001 * number for number in range(29)}}
    if architecture is Architecture.ARM32:
        fixed = {"pc": code, "sp": stack, "lr": code + 9, "cpsr": 0x20000030}
        return {**fixed, **{f"r{number}": 0x1001 * number for number in range(13)}}
    fixed = {"eip": code, "esp": stack, "ebp": stack + 0x80, "eflags": 0x10246, "cs": 0x1B, "ss": 0x23}
    return {**fixed, "eax": 0x1001, "ecx": 0x2002, "edx": 4, "edi": 0xF00F}
