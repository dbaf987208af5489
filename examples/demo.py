"""A machine that never was → its crash dump → what bugcheck says about it.

Builds the dump of a Windows Server 2003 on which RapDrv.sys wrote through a null pointer (the crash bugcheck was
founded on, docs/adr/0001-the-house.md), writes it to demo/, and analyses it twice: with the command line, and from
Python.  Where the dumps of ../shared/story are at hand, the story's own dump follows.

    make demo                                  or: python examples/demo.py [FOLDER]

Source of the crash's facts: ../shared/story (addresses, registers, instruction, time stamp); the rest is invented.
KTRAP_FRAME of x86 as ReactOS' NDK `ketypes.h` has it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from struct import pack_into

import bugcheck
from bugcheck.cli.main import main as command_line
from bugcheck.synth import DumpKind, MachineDescription, build_kernel_dump, x86_machine
from bugcheck.synth.description import BugCheckDescription, ExceptionDescription, ModuleDescription

ROOT = Path(__file__).resolve().parents[1]
STORY = ROOT.parent / "shared" / "story" / "story.dmp"

RAPDRV = 0xF5355000
FAULT = 0x9785
"""Offset of the faulting instruction in RapDrv.sys."""
STORE = bytes.fromhex("894104")  # mov dword ptr [ecx+4],eax
STACK = 0xF4C20000
"""Address of the crashing thread's kernel stack, three pages."""
TRAP_FRAME = STACK + 0x2B54
TRAP_REGISTERS = {
    0x3C: 0x00000000,  # edx
    0x40: 0x00000000,  # ecx
    0x44: 0x858B8B4C,  # eax
    0x08: 0xBADB0D00,  # the mark of a debug argument
    0x54: 0x84E2660C,  # edi
    0x58: 0x858B5000,  # esi
    0x5C: 0x00000000,  # ebx
    0x60: STACK + 0x2BDC,  # ebp
    0x64: 0x00000002,  # error code of the page fault: a write
    0x68: RAPDRV + FAULT,  # eip
    0x6C: 0x00000008,  # cs
    0x38: 0x00000023,  # ds
    0x34: 0x00000023,  # es
    0x50: 0x00000030,  # fs
    0x70: 0x00010246,  # eflags
}
FRAMES = ((0x2BDC, 0x2C08, 0x5A20), (0x2C08, 0x2C28, 0x6282), (0x2C28, 0x2C4C, 0x62F3))
"""Stack offset of a frame, of the one above it, and the return address's offset in RapDrv."""
FILETIME_OF_CRASH = 127_899_182_070_000_000  # 2006-04-19 11:03:27 UTC
UPTIME = 2_784_690_000_000  # 3 days 5 hours 21 minutes 9 seconds


def main(folder: Path) -> int:
    """Build, analyse, print; returns the exit status of the analysis."""
    folder.mkdir(parents=True, exist_ok=True)
    path = build(folder)
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    print(f"A dump of a machine that never was: {path} ({path.stat().st_size:,} bytes)\n")
    print(f"$ bugcheck analyze {path}")
    status = command_line(["analyze", str(path)])
    print("\nThe same from Python:\n")
    tell(path)
    if STORY.is_file():
        print(f"\n$ bugcheck analyze {STORY}")
        status = max(status, command_line(["analyze", str(STORY)]))
    return status


def tell(path: Path) -> None:
    """Print what a program would look at first."""
    analysis = bugcheck.analyze(path)
    print(f">>> analysis = bugcheck.analyze({path.name!r})")
    print(f">>> analysis.blame.module, analysis.blame.level\n{(analysis.blame.module, analysis.blame.level)}")
    print(">>> [finding.statement for finding in analysis.findings]")
    for finding in analysis.findings:
        print(f"  {finding.weight:.2f}  {finding.statement}")
    print(">>> analysis.gaps")
    for gap in analysis.gaps or ("none",):
        print(f"  {gap}")


def build(folder: Path) -> Path:
    """Write the dump; returns its path."""
    path = folder / "server-2003.dmp"
    path.write_bytes(build_kernel_dump(machine(), DumpKind.FULL))
    return path


def machine() -> MachineDescription:
    """A Windows Server 2003 SP1 whose first processor runs blackice.exe, in a control request to RapDrv.sys."""
    server = x86_machine()
    nt, hal, _, *others = server.modules
    first, *processors = server.processors
    registers = {**first.registers, "eip": nt.base + 0x101B, "esp": STACK + 0x2708, "ebp": STACK + 0x2720}
    system, application = server.processes
    earlier = FILETIME_OF_CRASH - UPTIME
    return replace(
        server,
        modules=(nt, hal, rapdrv(), *others),
        processes=(
            replace(system, create_time=earlier),
            replace(application, name="blackice.exe", create_time=earlier + 600_000_000),
        ),
        processors=(replace(first, process=1, thread=0, registers=registers, irql=0), *processors),
        bugcheck=BugCheckDescription(0x8E, (0xC0000005, RAPDRV + FAULT, TRAP_FRAME, 0)),
        exception=ExceptionDescription(0xC0000005, RAPDRV + FAULT, (1, 4)),
        memory={**server.memory, TRAP_FRAME: trap_frame(), **stack_frames()},
        unloaded=tuple(replace(driver, time=earlier + 900_000_000) for driver in server.unloaded),
        system_time=FILETIME_OF_CRASH,
        uptime=UPTIME,
        broken_driver="",
    )


def rapdrv() -> ModuleDescription:
    """The driver: breakpoints, and the one instruction that matters."""
    code = bytearray(b"\xcc" * 0x9000)
    code[FAULT - 0x1000 : FAULT - 0x1000 + len(STORE)] = STORE
    path = "\\??\\C:\\Program Files\\ISS\\BlackICE\\RapDrv.sys"
    return ModuleDescription("RapDrv.sys", path, RAPDRV, 0xF000, 0x3F99BC4F, 0, None, (3, 6, 0, 0), bytes(code))


def trap_frame() -> bytes:
    """The registers at the fault, as the processor and the kernel's trap handler saved them."""
    frame = bytearray(0x74)  # kernel traps push no esp and ss
    for offset, value in TRAP_REGISTERS.items():
        pack_into("<I", frame, offset, value)
    return bytes(frame)


def stack_frames() -> dict[int, bytes]:
    """Saved frame pointers and return addresses of the driver's three callers."""
    frames: dict[int, bytes] = {}
    for here, above, caller in FRAMES:
        frame = bytearray(8)
        pack_into("<II", frame, 0, STACK + above, RAPDRV + caller)
        frames[STACK + here] = bytes(frame)
    return frames


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo"))
