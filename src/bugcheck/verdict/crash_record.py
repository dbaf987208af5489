"""An Analysis → a CrashRecord: the few facts of it that are kept when many dumps are looked at together.

An Analysis holds its dump open; a folder of ten thousand dumps must not hold ten thousand files, so what is compared
across dumps is taken out first.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import NamedTuple

from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.headline import described


class CrashRecord(NamedTuple):
    """One crash, without its dump.

    Attributes:
        path: the dump. machine_key: the hardware, which tells one machine from most others. kernel_version: of Windows,
            which updates change. machine: the machine in words.
        crash_time: UTC. code, name: the bug check. blame: what is blamed; suspect: its module in words.
        place: where the blamed module is on the stack, as symbol or module+offset, or None.
        faulting_address: virtual address of the faulting instruction, or None.
        bits: numbers of the bits that were found changed. uptime: seconds since start-up, or None.
        build: build number of Windows. drivers: `name time-stamp` lines of the loaded drivers, without the copies made
            for writing dumps and hibernation files.
    """

    path: str
    machine_key: tuple[object, ...]
    kernel_version: str
    machine: str
    crash_time: datetime | None
    code: int
    name: str
    blame: Blame
    suspect: str
    place: str | None
    faulting_address: int | None
    bits: tuple[int, ...]
    uptime: float | None
    build: int
    drivers: str

    def driver_stamps(self) -> dict[str, str]:
        """Time stamp (hexadecimal) by driver file."""
        pairs = (line.partition(" ") for line in self.drivers.splitlines())
        return {image: stamp for stamp, _, image in pairs}


def crash_record(analysis: Analysis) -> CrashRecord | None:
    """Take the record out of an analysis; None for user dumps and for stops on purpose."""
    system, check = analysis.system, analysis.bugcheck
    if system is None or check is None or check.is_manual:
        return None
    words = (system.os, system.cpu or "", f"{system.processors} CPUs")
    return CrashRecord(
        path=analysis.path,
        machine_key=(analysis.machine.architecture, system.cpu, system.processors),
        kernel_version=system.kernel_version or f"build {system.build}",
        machine=", ".join(part for part in words if part),
        crash_time=system.crash_time,
        code=check.code,
        name=check.name,
        blame=analysis.blame,
        suspect=_suspect(analysis),
        place=_place(analysis),
        faulting_address=analysis.crash.faulting_address,
        bits=_bits(analysis),
        uptime=system.uptime_seconds,
        build=system.build,
        drivers=sys.intern(_drivers(analysis)),
    )


def _bits(analysis: Analysis) -> tuple[int, ...]:
    cited = (citation for finding in analysis.findings if finding.weight for citation in finding.citations)
    return tuple(dict.fromkeys(int(each.where) for each in cited if each.kind == "bit"))


def _suspect(analysis: Analysis) -> str:
    name = analysis.blame.module
    module = analysis.modules.named(name) if name else None
    return described(analysis.crash, module) if module else name or ""


def _place(analysis: Analysis) -> str | None:
    if analysis.blame.symbol:
        return analysis.blame.symbol
    stack = analysis.crash.telling_stack
    frames = stack.frames if stack else ()
    return next((frame.name for frame in frames if frame.module and frame.module.name == analysis.blame.module), None)


def _drivers(analysis: Analysis) -> str:
    images = ((module.image.lower(), module.time_date_stamp) for module in analysis.modules)
    kept = (f"{stamp:08x} {image}" for image, stamp in images if not image.startswith(("dump_", "hiber_")))
    return "\n".join(kept)
