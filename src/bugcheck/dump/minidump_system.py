"""SystemInfo, MiscInfo, comment and Breakpad streams → UserFacts and the processor architecture.

Source: "MINIDUMP_SYSTEM_INFO structure", "MINIDUMP_MISC_INFO structure" (Microsoft); platforms from 0x8101 and
processor 0x8003 are Breakpad's (minidump_format.h, MDOSPlatform, MDCPUArchitecture), and so is MINIDUMP_BREAKPAD_INFO.

Folklore: Breakpad and Crashpad write the same format for other systems, told apart only by PlatformId; they are named
and refused.  A 64-bit writer dumps a 32-bit (WOW64) process as an x64 one: only its module wow64.dll tells.  VendorId
holds text only for x86; the same bytes are feature bits elsewhere.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView, Layout, Record, decode_ascii, decode_utf16
from bugcheck.dump.dump import Architecture, RawContext, UserFacts
from bugcheck.dump.minidump_streams import Minidump, StreamKind
from bugcheck.errors import NotADump

SYSTEM_INFO = Layout(
    "MINIDUMP_SYSTEM_INFO",
    56,
    architecture=(0, 2),
    level=(2, 2),
    revision=(4, 2),
    processors=(6, 1),
    product_type=(7, 1),
    major=(8, 4),
    minor=(12, 4),
    build=(16, 4),
    platform=(20, 4),
    service_pack=(24, 4),
    suite_mask=(28, 2),
)
_VENDOR = 32
MISC_INFO = Layout("MINIDUMP_MISC_INFO", 24, flags=(4, 4), process_id=(8, 4), create_time=(12, 4))
_HAS_PROCESS_ID, _HAS_TIMES = 1, 2
BREAKPAD_INFO = Layout("MINIDUMP_BREAKPAD_INFO", 12, validity=(0, 4), requesting_thread_id=(8, 4))
_HAS_REQUESTING_THREAD = 2
_COMMENT_LIMIT = 0x1_0000

ARCHITECTURES = {
    0: Architecture.X86,
    5: Architecture.ARM32,
    9: Architecture.X64,
    10: Architecture.X86,  # IA32_ON_WIN64
    12: Architecture.ARM64,
    13: Architecture.ARM32,  # ARM32_ON_WIN64
    14: Architecture.X86,  # IA32_ON_ARM64
    0x8003: Architecture.ARM64,  # Breakpad's, before Microsoft had a number
}
"""PROCESSOR_ARCHITECTURE_* → architecture."""

_FOREIGN_PROCESSORS = {
    1: "a MIPS",
    2: "an Alpha",
    3: "a PowerPC",
    4: "a SuperH",
    6: "an Itanium",
    7: "an Alpha64",
    0x8001: "a SPARC",
    0x8002: "a PowerPC64",
    0x8004: "a MIPS64",
    0x8005: "a RISC-V",
    0x8006: "a RISC-V 64",
}
_FOREIGN_PLATFORMS = {
    0x8000: "a Unix",
    0x8101: "a macOS",
    0x8102: "an iOS",
    0x8201: "a Linux",
    0x8202: "a Solaris",
    0x8203: "an Android",
    0x8204: "a PlayStation 3",
    0x8205: "a Native Client",
    0x8206: "a Fuchsia",
}
_WINDOWS_PLATFORMS = (0, 1, 2, 3)  # VER_PLATFORM_WIN32s, _WIN32_WINDOWS, _WIN32_NT, _WIN32_CE
_CONTEXT_FLAGS = (
    (0, 0x0001_0000, 0x2CC, Architecture.X86),
    (0x30, 0x0010_0000, 0x4D0, Architecture.X64),
    (0, 0x0020_0000, 0x1A0, Architecture.ARM32),
    (0, 0x0040_0000, 0x390, Architecture.ARM64),
)
"""Offset of ContextFlags, its processor bit, size of the CONTEXT without extended state."""


def read_system_info(minidump: Minidump) -> Record | None:
    """Read the SystemInfo stream, None when there is none.

    Raises:
        NotADump: the process ran on another system than Windows or on a processor bugcheck does not know.
    """
    stream = minidump.find(StreamKind.SYSTEM_INFO)
    if stream is None:
        return None
    system = minidump.place(stream, SYSTEM_INFO)
    name = minidump.view.name
    if system.platform in _FOREIGN_PLATFORMS:
        writer = "Crashpad" if minidump.find(StreamKind.CRASHPAD_INFO) else "Breakpad"
        platform = _FOREIGN_PLATFORMS[system.platform]
        raise NotADump(name, f"a minidump of {platform} process ({writer}), not of Windows", stream.file_offset)
    if system.architecture in _FOREIGN_PROCESSORS:
        processor = _FOREIGN_PROCESSORS[system.architecture]
        raise NotADump(name, f"a minidump of {processor} process, which bugcheck does not read", stream.file_offset)
    if system.platform not in _WINDOWS_PLATFORMS:
        minidump.damage("operating system", f"platform {system.platform:#x} is unknown", stream.file_offset + 20)
    return system


def known_architecture(minidump: Minidump, system: Record | None) -> Architecture | None:
    """Take the architecture from SystemInfo; None when it names none."""
    if system is None:
        return None
    architecture = ARCHITECTURES.get(system.architecture)
    if architecture is None:
        stream = minidump.find(StreamKind.SYSTEM_INFO)
        offset = stream.file_offset if stream else None
        minidump.damage("processor", f"processor architecture {system.architecture:#x} is unknown", offset)
    return architecture


def architecture_of_context(context: RawContext) -> Architecture | None:
    """Recognise a CONTEXT by its ContextFlags and its size; None when it fits no processor."""
    for offset, bit, size, architecture in _CONTEXT_FLAGS:
        flags = int.from_bytes(context.data[offset : offset + 4], "little")
        if len(context.data) >= size and flags & 0x0FFF_0000 == bit:
            return architecture
    return None


def read_user_facts(minidump: Minidump, system: Record | None) -> UserFacts:
    """Gather what the file says of its system and process; what a missing stream would have said is 0, "" or None."""
    process_id, create_time = _process(minidump)
    system = system or SYSTEM_INFO.at(BinaryView(bytes(SYSTEM_INFO.size), minidump.view.name), 0)
    return UserFacts(
        flags=minidump.header.flags,
        time=minidump.header.time,
        processor_count=system.processors,
        product_type=system.product_type,
        major_version=system.major,
        minor_version=system.minor,
        build=system.build,
        platform_id=system.platform,
        service_pack=minidump.string(system.service_pack, "service pack"),
        suite_mask=system.suite_mask,
        processor_level=system.level,
        processor_revision=system.revision,
        cpu=_vendor(system),
        process_id=process_id,
        process_create_time=create_time,
        comment=_comment(minidump),
        requesting_thread_id=_requesting_thread(minidump),
    )


def _vendor(system: Record) -> str:
    if ARCHITECTURES.get(system.architecture) is not Architecture.X86:
        return ""
    text = decode_ascii(system.view.read(system.offset + _VENDOR, 12))
    return text if len(text) == 12 and text.isprintable() else ""


def _process(minidump: Minidump) -> tuple[int | None, int]:
    stream = minidump.find(StreamKind.MISC_INFO)
    if stream is None:
        return None, 0
    misc = minidump.place(stream, MISC_INFO)
    process_id = misc.process_id if misc.flags & _HAS_PROCESS_ID else None
    return process_id, misc.create_time if misc.flags & _HAS_TIMES else 0


def _comment(minidump: Minidump) -> str:
    parts: list[str] = []
    for kind, decode in ((StreamKind.COMMENT_A, decode_ascii), (StreamKind.COMMENT_W, decode_utf16)):
        stream = minidump.find(kind)
        if stream is not None:
            parts.append(decode(minidump.view.read_up_to(stream.file_offset, min(stream.size, _COMMENT_LIMIT))))
    return "\n".join(part.strip() for part in parts if part.strip())


def _requesting_thread(minidump: Minidump) -> int | None:
    stream = minidump.find(StreamKind.BREAKPAD_INFO)
    if stream is None:
        return None
    info = minidump.place(stream, BREAKPAD_INFO)
    return info.requesting_thread_id if info.validity & _HAS_REQUESTING_THREAD else None
