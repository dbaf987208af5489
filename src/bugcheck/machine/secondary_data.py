"""A dump's secondary data → streams with names, and the decoded fields of those whose layout is public.

Source: KBUGCHECK_SECONDARY_DUMP_DATA (Microsoft); GUIDs from `knowledge/secondary_data.tsv`; the layouts' sources stand
in `machine/blackbox/`, one file per kind.

Folklore: twenty to forty streams are normal for one dump, the same GUID can come twice (a log per session), and a
stream can be empty: the writer was asked and had nothing to say.  ACPI tables hold the Windows product key and SMBIOS
the serial numbers, so no raw bytes are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, Stream
from bugcheck.errors import BugcheckError, DumpError
from bugcheck.knowledge.secondary_data import find_secondary_data
from bugcheck.records import dataclass, replace

if TYPE_CHECKING:
    from bugcheck.machine.blackbox.stream import Decoded

MAX_DECODED_SIZE = 0x10_0000
"""Longest part of a stream, in bytes, that is read."""

_DECODERS = {
    "blackbox bsd": "bsd:decode",
    "blackbox pnp": "pnp:decode",
    "blackbox ntfs": "ntfs:decode",
    "blackbox winlogon": "winlogon:decode",
    "pci configuration": "pci:decode",
    "kmdf drivers": "kmdf:decode_drivers",
    "kmdf log": "kmdf:decode_log",
    "storage requests": "storage:decode",
    "smbios": "smbios:decode",
    "processor": "processor:decode",
    "nvidia display driver": "nvidia:decode",
    "win32kbase logs": "recorder:decode",
    "win32kbase log": "recorder:decode",
    "win32kfull logs": "recorder:decode",
    "win32kfull log": "recorder:decode",
    "wdiwifi logs": "recorder:decode",
    "wdiwifi log": "recorder:decode",
    "amdppm logs": "recorder:decode",
    "amdppm log": "recorder:decode",
}
"""Name of a stream → module and function in `machine/blackbox/`, imported when a stream of that name is decoded."""


@dataclass(frozen=True, slots=True)
class SecondaryData:
    """One stream of secondary data.

    Attributes:
        guid: its tag, `{XXXXXXXX-…}` in capitals.
        name: what it is called ("blackbox pnp"), "" when the GUID is not identified.
        size: bytes of data. file_offset: where they lie in the file.
        holds: one line on what this kind of stream holds, "" when unknown.
        decoded: JSON-able fields; empty when the layout is not public or the stream is damaged. Texts are as the dump
            has them (no NULs) and must be escaped where they are shown.
        summary: one line for people, or why nothing was decoded, or "".
    """

    guid: str
    name: str
    size: int
    file_offset: int
    holds: str
    decoded: dict[str, object]
    summary: str


def list_secondary_data(dump: Dump) -> list[SecondaryData]:
    """Name a kernel dump's streams without reading any of them; empty for a user-mode dump."""
    return [_named(stream) for stream in dump.streams] if dump.is_kernel else []


def decode_secondary_data(dump: Dump) -> list[SecondaryData]:
    """Name and decode a kernel dump's streams, in file order; what cannot be decoded says why in its summary."""
    return [_decoded(dump, item) for item in list_secondary_data(dump)]


def decode_named(dump: Dump, names: Collection[str]) -> Iterator[SecondaryData]:
    """Decode only the streams of these names, in file order."""
    for item in list_secondary_data(dump):
        if item.name in names:
            yield _decoded(dump, item)


def processor_name(dump: Dump) -> str:
    """The name people know the processor by ("AMD Ryzen 7 3700X 8-Core Processor"), or "" when no stream tells."""
    streams = (item for item in list_secondary_data(dump) if item.name == "processor")
    names = (_decoded(dump, item).decoded.get("name") for item in streams)
    return next((" ".join(name.split()) for name in names if isinstance(name, str)), "")


def _named(stream: Stream) -> SecondaryData:
    kind = find_secondary_data(stream.kind)
    return SecondaryData(stream.kind, kind.name, stream.size, stream.file_offset, kind.holds, {}, "")


def _decoded(dump: Dump, item: SecondaryData) -> SecondaryData:
    decoder = _decoder(item.name)
    if decoder is None:
        return item
    if not item.size:
        return replace(item, summary="empty")
    try:
        data = dump.file.read(item.file_offset, min(item.size, MAX_DECODED_SIZE), item.name)
        fields, summary = decoder(BinaryView(data, item.name), dump.architecture.pointer_size)
    except DumpError as error:
        return replace(item, summary=f"not decoded: {error.reason}")
    except BugcheckError as error:
        return replace(item, summary=f"not decoded: {error}")
    return replace(item, decoded=fields, summary=summary)


def _decoder(name: str) -> Callable[[BinaryView, int], Decoded] | None:
    place = _DECODERS.get(name)
    if place is None:
        return None
    module, _, function = place.partition(":")
    return getattr(import_module(f"bugcheck.machine.blackbox.{module}"), function)
