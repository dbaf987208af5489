"""The story's machine → its description: a Windows Server 2003 whose RapDrv.sys wrote through a null pointer.

Source of the crash's facts: the administrator's report bugcheck was founded on (docs/adr/0001-the-house.md): addresses,
registers, instruction, time stamp; the rest is invented.  KTRAP_FRAME of x86 as ReactOS' NDK `ketypes.h` has it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from struct import pack_into

from bugcheck.synth.description import (
    BugCheckDescription,
    ExceptionDescription,
    MachineDescription,
    ModuleDescription,
    ProcessDescription,
)
from bugcheck.synth.machines import x86_machine

RAPDRV = 0xF5355000
RAPDRV_SIZE = 0xF000
RAPDRV_STAMP = 0x3F99BC4F
"""2003-10-24 23:58:23 UTC."""
RAPDRV_VERSION = (3, 6, 0, 0)
FAULT = 0x9785
"""Offset of the faulting instruction in the driver."""
_STORE = bytes.fromhex("894104")  # mov dword ptr [ecx+4],eax
_STACK = 0xF4C20000
"""Address of the crashing thread's kernel stack, three pages."""
TRAP_FRAME = _STACK + 0x2B54
_TRAP_REGISTERS = {
    0x3C: 0x00000000,  # edx
    0x40: 0x00000000,  # ecx
    0x44: 0x858B8B4C,  # eax
    0x08: 0xBADB0D00,  # the mark of a debug argument
    0x54: 0x84E2660C,  # edi
    0x58: 0x858B5000,  # esi
    0x5C: 0x00000000,  # ebx
    0x60: _STACK + 0x2BDC,  # ebp
    0x64: 0x00000002,  # error code of the page fault: a write
    0x68: RAPDRV + FAULT,  # eip
    0x6C: 0x00000008,  # cs
    0x38: 0x00000023,  # ds
    0x34: 0x00000023,  # es
    0x50: 0x00000030,  # fs
    0x70: 0x00010246,  # eflags
}
_FRAMES = ((0x2BDC, 0x2C08, 0x5A20), (0x2C08, 0x2C28, 0x6282), (0x2C28, 0x2C4C, 0x62F3))
"""Stack offset of a frame, of the one above it, and the return address's offset in the driver."""
PATCHED = 0x3000
"""Offset in the driver at which a test may have its code changed in memory."""
CRASH_TIME = datetime(2006, 4, 19, 11, 3, 27, tzinfo=UTC)
UPTIME = timedelta(days=3, hours=5, minutes=21, seconds=9)
_FILETIME_ZERO = datetime(1601, 1, 1, tzinfo=UTC)


def story_machine(
    crash: datetime = CRASH_TIME, uptime: timedelta = UPTIME, culprit: str = "RapDrv.sys", *, patch: bytes = b""
) -> MachineDescription:
    """The first processor runs blackice.exe, in a control request to RapDrv.sys.

    Args:
        crash: when it stopped, aware. uptime: how long it had run.
        culprit: the driver whose code faults; another than RapDrv.sys takes its place, and RapDrv.sys lies elsewhere.
        patch: bytes that stand at PATCHED in the driver's code in memory, not in its file.
    """
    server = x86_machine()
    nt, hal, _, disk, last = server.modules
    first, *processors = server.processors
    registers = {**first.registers, "eip": nt.base + 0x101B, "esp": _STACK + 0x2708, "ebp": _STACK + 0x2720}
    stopped, ran = _filetime(crash), uptime // timedelta(microseconds=1) * 10
    return replace(
        server,
        modules=(nt, hal, _driver(culprit, patch), disk, _bystander(culprit, last)),
        processes=_processes(server, culprit, stopped - ran),
        processors=(replace(first, process=1, thread=0, registers=registers, irql=0), *processors),
        bugcheck=BugCheckDescription(0x8E, (0xC0000005, RAPDRV + FAULT, TRAP_FRAME, 0)),
        exception=ExceptionDescription(0xC0000005, RAPDRV + FAULT, (1, 4)),
        memory={**server.memory, TRAP_FRAME: _trap_frame(), **_stack_frames()},
        unloaded=tuple(replace(driver, time=stopped - ran + 900_000_000) for driver in server.unloaded),
        system_time=stopped,
        uptime=ran,
        broken_driver="",
    )


def rapdrv(base: int = RAPDRV, patch: bytes = b"") -> ModuleDescription:
    """The driver: breakpoints, and the one instruction that matters."""
    path = "\\??\\C:\\Program Files\\ISS\\BlackICE\\RapDrv.sys"
    code = rapdrv_code()
    code = code[: PATCHED - 0x1000] + patch + code[PATCHED - 0x1000 + len(patch) :]
    return ModuleDescription("RapDrv.sys", path, base, RAPDRV_SIZE, RAPDRV_STAMP, 0, None, RAPDRV_VERSION, code)


def rapdrv_code() -> bytes:
    """The driver's code from its first section on."""
    code = bytearray(b"\xcc" * 0x9000)
    code[FAULT - 0x1000 : FAULT - 0x1000 + len(_STORE)] = _STORE
    return bytes(code)


def _driver(culprit: str, patch: bytes) -> ModuleDescription:
    if culprit == "RapDrv.sys":
        return rapdrv(patch=patch)
    path = f"\\SystemRoot\\system32\\DRIVERS\\{culprit}"
    return replace(rapdrv(), name=culprit, path=path, timestamp=0x42435E4F, version=(5, 2, 3790, 1830))


def _bystander(culprit: str, place: ModuleDescription) -> ModuleDescription:
    """Symantec's file system filter, or RapDrv.sys where another driver is at fault."""
    if culprit != "RapDrv.sys":
        return rapdrv(place.base)
    path = "\\??\\C:\\Program Files\\Symantec AntiVirus\\savrt.sys"
    return replace(place, name="savrt.sys", path=path, timestamp=0x40F30B26)


def _processes(server: MachineDescription, culprit: str, booted: int) -> tuple[ProcessDescription, ...]:
    system, application = server.processes
    name = "blackice.exe" if culprit == "RapDrv.sys" else "svchost.exe"
    return (
        replace(system, create_time=booted),
        replace(application, name=name, create_time=booted + 600_000_000),
    )


def _filetime(time: datetime) -> int:
    return (time - _FILETIME_ZERO) // timedelta(microseconds=1) * 10


def _trap_frame() -> bytes:
    """The registers at the fault, as the processor and the kernel's trap handler saved them."""
    frame = bytearray(0x74)  # kernel traps push no esp and ss
    for offset, value in _TRAP_REGISTERS.items():
        pack_into("<I", frame, offset, value)
    return bytes(frame)


def _stack_frames() -> dict[int, bytes]:
    """Saved frame pointers and return addresses of the driver's three callers."""
    frames: dict[int, bytes] = {}
    for here, above, caller in _FRAMES:
        frame = bytearray(8)
        pack_into("<II", frame, 0, _STACK + above, RAPDRV + caller)
        frames[_STACK + here] = bytes(frame)
    return frames
