"""A manifest's lines ↔ the files they name: what a machine without network asks another one to fetch.

Source: "Using a Manifest File with SymChk" (windows-driver-docs) for the use; the form of a line, "name,KEY,1", as
microsoft/pdblister's documentation and its sources say symchk writes it (`symchk /om`) and reads it (`symchk /im`).

Folklore:
    The key is GUID and age for a PDB, TimeDateStamp and SizeOfImage for an image; the last field is always 1.
    Lists from Windows end in CR LF, come as UTF-8 with a mark or as UTF-16 (PowerShell's `>`), and have blank lines.
    A list may have been written by someone else: its names are checked before anything is done with them.
"""

from __future__ import annotations

from collections.abc import Iterable

from bugcheck.errors import LimitExceeded
from bugcheck.records import dataclass
from bugcheck.symbols.wanted import WantedFile, wanted_by_key

SIZE_LIMIT = 16 << 20
"""Bytes of a manifest; all of Windows has some 30,000 files of 80 bytes."""

LINE_LIMIT = 200_000
LINE_LENGTH_LIMIT = 0x400
FAULT_LIMIT = 100
"""Lines that are reported one by one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest names: files in its order, each once, and the lines that name none (as "line 7: …")."""

    files: tuple[WantedFile, ...]
    faults: tuple[str, ...]


def write_manifest(files: Iterable[WantedFile]) -> str:
    """Write files as a manifest, each once, in the order given; "" for none."""
    return "".join([f"{line}\n" for line in dict.fromkeys(f"{file.name},{file.key},1" for file in files)])


def read_manifest(data: bytes, name: str = "manifest") -> Manifest:
    """Read a manifest's bytes. Raises LimitExceeded when it is too long to be one; other faults are listed."""
    if len(data) > SIZE_LIMIT:
        raise LimitExceeded(name, f"a manifest of {len(data):#x} bytes (limit {SIZE_LIMIT:#x})")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = data.decode(encoding, "replace").splitlines()
    if len(lines) > LINE_LIMIT:
        raise LimitExceeded(name, f"a manifest of {len(lines)} lines (limit {LINE_LIMIT})")
    files: dict[tuple[str, str], WantedFile] = {}
    faults: list[str] = []
    unreported = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        wanted = _read_line(line)
        if wanted is not None:
            files.setdefault((wanted.name.lower(), wanted.key.upper()), wanted)
        elif len(faults) < FAULT_LIMIT:
            faults.append(f"line {number}: {line[:80]!a} names no file")
        else:
            unreported += 1
    if unreported:
        faults.append(f"{unreported} more lines name no file")
    return Manifest(tuple(files.values()), tuple(faults))


def _read_line(line: str) -> WantedFile | None:
    if len(line) > LINE_LENGTH_LIMIT:
        return None
    fields = line.strip().rsplit(",", 2)  # a name may hold commas, a key may not
    if len(fields) != 3 or not (fields[2].isascii() and fields[2].isdigit()):
        return None
    return wanted_by_key(fields[0].strip(), fields[1].strip())
