"""Header fields, build strings and tables → which Windows this is, on what, and when it stopped.

Sources: the dump header (build, product, times), NtBuildLab and CmNtCSDVersion where the dump holds them, the list of
released kernels (knowledge/kernels.tsv), KUSER_SHARED_DATA.

Folklore: builds 19041 to 19045 all report 19041, 22621 and 22631 both 22621: only the update revision of the kernel
image tells them apart, so the name says "2004 to 22H2" where that is unknown.
"""

from __future__ import annotations

from datetime import datetime

from bugcheck.binary import decode_ascii
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.knowledge.kernels import KernelFacts, find_kernel
from bugcheck.knowledge.windows_versions import windows_name
from bugcheck.machine.debugger_data import DebuggerData
from bugcheck.machine.modules import ModuleList
from bugcheck.machine.processors import Processor
from bugcheck.machine.shared_user_data import SharedUserData
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.timestamps import from_filetime, from_unix, span_seconds

PRODUCT_TYPES = {1: "workstation", 2: "domain_controller", 3: "server"}
MAX_BUILD_LAB = 128
EVERYDAY_SUITES = ("Terminal Server", "single-session Remote Desktop")
"""Suites that every Windows since XP is marked with: they tell no edition."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """The stopped system; None marks what the dump does not tell.

    Attributes:
        os: Windows name with release and service pack. edition: what the suite mask hints at, or "".
        build: build number. build_lab: NtBuildLab string. kernel_version: version of the kernel image.
        product_type: "workstation", "domain_controller", "server".
        processors: number of logical processors. cpu: in words. cpu_name: as its maker sells it, "" when not told.
        crash_time: UTC. utc_offset_seconds: the machine's own zone, local minus UTC. uptime_seconds: since boot.
        process_uptime_seconds: user dumps, since the process was made.
    """

    os: str
    edition: str
    build: int
    build_lab: str | None
    kernel_version: str | None
    service_pack: int | None
    product_type: str | None
    processors: int | None
    cpu: str | None
    crash_time: datetime | None
    utc_offset_seconds: int | None
    uptime_seconds: float | None
    process_uptime_seconds: float | None = None
    cpu_name: str = ""


def kernel_facts(modules: ModuleList) -> KernelFacts | None:
    """Identify the kernel image among the released ones."""
    kernel = modules.named("nt")
    return find_kernel(kernel.time_date_stamp, kernel.size) if kernel else None


def read_build_lab(memory: AddressSpace, debugger_data: DebuggerData | None) -> str | None:
    """Read NtBuildLab ("19041.1.amd64fre.vb_release.191206-1406"), or None when the dump does not hold it."""
    address = debugger_data["build_lab"] if debugger_data else None
    text = decode_ascii(memory.read_up_to(address, MAX_BUILD_LAB)) if address else ""
    return text if text.isprintable() and text[:1].isdigit() else None


def read_service_pack(dump: Dump, memory: AddressSpace, debugger_data: DebuggerData | None) -> int | None:
    """Read the service pack number; 0 is a fact ("none"), None is not knowing.  The number is CmNtCSDVersion >> 8."""
    address = debugger_data["service_pack"] if debugger_data else None
    value = memory.try_u32(address) if address else None
    if value is None and dump.triage is not None:
        value = dump.triage.service_pack_build
    return value >> 8 & 0xFF if value is not None and value >> 16 == 0 else None


def kernel_system(
    dump: Dump,
    build_lab: str | None,
    service_pack: int | None,
    kernel: KernelFacts | None,
    processors: tuple[Processor, ...],
    shared: SharedUserData,
    cpu_name: str = "",
) -> SystemFacts:
    """Put together the facts of a kernel dump."""
    header = dump.kernel
    assert header is not None
    product = header.product_type if header.product_type in PRODUCT_TYPES else shared.product_type
    suite = header.suite_mask if header.suite_mask is not None else shared.suite_mask or 0
    build = header.build & 0xFFFF
    name = windows_name(build, product or 0, service_pack, suite, kernel.revision if kernel else _revision(build_lab))
    cpu = next((processor.description for processor in processors if processor.description), None)
    return SystemFacts(
        os=name.name,
        edition=", ".join(part for part in name.editions if part not in EVERYDAY_SUITES),
        build=build,
        build_lab=build_lab,
        kernel_version=kernel.version if kernel else None,
        service_pack=service_pack,
        product_type=PRODUCT_TYPES.get(product or 0),
        processors=header.processor_count,
        cpu=cpu,
        crash_time=from_filetime(header.system_time or 0),
        utc_offset_seconds=shared.utc_offset_seconds,
        uptime_seconds=span_seconds(header.system_up_time or 0),
        cpu_name=cpu_name,
    )


def _revision(build_lab: str | None) -> int | None:
    """Windows 8.1 and older write the update revision into the build string ("9600.18821.…"), later ones only ".1."."""
    parts = (build_lab or "").split(".")
    return int(parts[1]) if len(parts) > 2 and parts[1].isdigit() and parts[1] != "1" else None


def user_system(dump: Dump) -> SystemFacts:
    """Put together the facts of a process dump."""
    user = dump.user
    assert user is not None
    service_pack = _service_pack_number(user.service_pack)
    name = windows_name(user.build, user.product_type, service_pack, user.suite_mask, None)
    created = user.process_create_time
    return SystemFacts(
        os=name.name,
        edition=", ".join(part for part in name.editions if part not in EVERYDAY_SUITES),
        build=user.build,
        build_lab=None,
        kernel_version=None,
        service_pack=service_pack,
        product_type=PRODUCT_TYPES.get(user.product_type),
        processors=user.processor_count or None,
        cpu=_user_cpu(dump) or None,
        crash_time=from_unix(user.time),
        utc_offset_seconds=None,
        uptime_seconds=None,
        process_uptime_seconds=float(user.time - created) if 0 < created <= user.time else None,
    )


def _service_pack_number(text: str) -> int | None:
    digits = "".join(char for char in text if char in "0123456789")
    return int(digits) if digits and len(digits) < 3 else 0 if not text else None


def _user_cpu(dump: Dump) -> str:
    user = dump.user
    assert user is not None
    if dump.architecture in (Architecture.ARM32, Architecture.ARM64) or not user.processor_level:
        return user.cpu
    model, stepping = user.processor_revision >> 8, user.processor_revision & 0xFF
    return f"{user.cpu} family {user.processor_level} model {model} stepping {stepping}".strip()
