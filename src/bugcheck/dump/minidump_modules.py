"""ModuleList and UnloadedModuleList streams → raw modules.

Source: "MINIDUMP_MODULE structure", "MINIDUMP_UNLOADED_MODULE structure", "VS_FIXEDFILEINFO structure" (Microsoft);
IMAGE_DEBUG_MISC from winnt.h.

Folklore: a module's CodeView record is copied as it is, RSDS, NB10 or something only its writer knows.  The misc
record, of the time before Visual Studio 6, names either the image or the .dbg file it was stripped into; only the
former is kept.  MiniDumpFilterModulePaths cuts paths to base names.
"""

from __future__ import annotations

from bugcheck.binary import Layout, Record, decode_ascii, decode_utf16
from bugcheck.dump.dump import RawModule, RawUnloadedModule
from bugcheck.dump.minidump_streams import Minidump, StreamKind, narrow

MODULE_LIMIT = 0x1000
CODEVIEW_LIMIT = 0x1000
_FIXED_INFO_SIGNATURE = 0xFEEF_04BD
_EXE_NAME = 1  # IMAGE_DEBUG_MISC_EXENAME

MODULE = Layout(
    "MINIDUMP_MODULE",
    108,
    base=(0, 8),
    size=(8, 4),
    checksum=(12, 4),
    time_date_stamp=(16, 4),
    name=(20, 4),
    version_signature=(24, 4),
    version_high=(32, 4),
    version_low=(36, 4),
    codeview_size=(76, 4),
    codeview=(80, 4),
    misc_size=(84, 4),
    misc=(88, 4),
)
UNLOADED_MODULE = Layout(
    "MINIDUMP_UNLOADED_MODULE",
    24,
    base=(0, 8),
    size=(8, 4),
    checksum=(12, 4),
    time_date_stamp=(16, 4),
    name=(20, 4),
)
_MISC = Layout("IMAGE_DEBUG_MISC", 12, data_type=(0, 4), length=(4, 4), unicode=(8, 1))


def module_entries(minidump: Minidump) -> list[Record]:
    """Place MINIDUMP_MODULE on every entry of the module list."""
    stream = minidump.find(StreamKind.MODULE_LIST)
    if stream is None:
        return []
    entries = minidump.list_entries(stream, MODULE.size, MODULE_LIMIT)
    return [MODULE.at(minidump.view, offset) for offset in entries]


def read_modules(minidump: Minidump, entries: list[Record], bits: int) -> list[RawModule]:
    """Read the loaded modules in the file's order; `bits` is the width of an address."""
    return [_module(minidump, entry, bits) for entry in entries]


def _module(minidump: Minidump, module: Record, bits: int) -> RawModule:
    return RawModule(
        path=minidump.string(module.name, "module names"),
        base=narrow(module.base, bits),
        size=module.size,
        time_date_stamp=module.time_date_stamp,
        checksum=module.checksum,
        codeview=_codeview(minidump, module),
        version=_version(module),
        image=_image(minidump, module),
    )


def _codeview(minidump: Minidump, module: Record) -> bytes:
    if not module.codeview_size or not module.codeview:
        return b""
    if module.codeview_size > CODEVIEW_LIMIT:
        minidump.damage("debug identities of modules", "a CodeView record claims an absurd size", module.offset + 76)
    return minidump.copy(module.codeview, min(module.codeview_size, CODEVIEW_LIMIT), "debug identities of modules")


def _version(module: Record) -> str:
    if module.version_signature != _FIXED_INFO_SIGNATURE:
        return ""
    high, low = module.version_high, module.version_low
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _image(minidump: Minidump, module: Record) -> str:
    if module.misc_size < _MISC.size or not module.misc or module.misc + _MISC.size > minidump.view.size:
        return ""
    misc = _MISC.at(minidump.view, module.misc)
    if misc.data_type != _EXE_NAME or not _MISC.size < misc.length <= CODEVIEW_LIMIT:
        return ""
    data = minidump.copy(module.misc + _MISC.size, misc.length - _MISC.size, "image names of modules")
    name = decode_utf16(data) if misc.unicode else decode_ascii(data)
    name = name.replace("/", "\\").rsplit("\\", 1)[-1]
    return "" if name.lower().endswith(".dbg") else name


def read_unloaded_modules(minidump: Minidump, bits: int) -> list[RawUnloadedModule]:
    """Read the modules the process had unloaded, in the file's order; these dumps do not say when."""
    stream = minidump.find(StreamKind.UNLOADED_MODULE_LIST)
    if stream is None:
        return []
    entries = minidump.headed_entries(stream, UNLOADED_MODULE.size, MODULE_LIMIT)
    return [_unloaded(minidump, UNLOADED_MODULE.at(minidump.view, offset), bits) for offset in entries]


def _unloaded(minidump: Minidump, module: Record, bits: int) -> RawUnloadedModule:
    base = narrow(module.base, bits)
    return RawUnloadedModule(
        name=minidump.string(module.name, "names of unloaded modules"),
        base=base,
        end=base + module.size,
        time_date_stamp=module.time_date_stamp,
        checksum=module.checksum,
    )
