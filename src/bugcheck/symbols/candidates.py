"""Folders of symbols and a few known addresses → PDB identities worth trying for a kernel of unknown identity.

Source: file naming of Volatility tables (`NAME-GUID-AGE.json.xz`, `windows/NAME/GUID-AGE.json.xz`) and of symbol stores
(`NAME/GUIDAGE/NAME`).  A Volatility table is pre-checked on its text, which is much quicker than reading it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from bugcheck.images.identity import PdbId
from bugcheck.symbols.path import Place
from bugcheck.symbols.wanted import wanted_by_key

KERNEL_PDBS = ("ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrpamp.pdb", "ntkrnlpa.pdb", "ntkrla57.pdb")
MAX_CANDIDATES = 256
MAX_TABLE = 256 << 20
_TABLE_SUFFIXES = (".json.xz", ".json.gz", ".json")


def candidate_pdbs(places: Sequence[Place], addresses: Mapping[str, int]) -> Iterator[PdbId]:
    """Yield identities of kernel symbol files in local places, those a quick look contradicts left out.

    Args:
        places: where to look; servers are passed over.
        addresses: RVAs of kernel variables, for the quick look.
    """
    seen: set[PdbId] = set()
    for place in places:
        if place.is_server:
            continue
        for name in KERNEL_PDBS:
            for pdb, table in _in_folder(place.location, name):
                if pdb in seen or len(seen) >= MAX_CANDIDATES:
                    continue
                seen.add(pdb)
                if table is None or not _contradicts(table, addresses):
                    yield pdb


def _in_folder(folder: str, name: str) -> Iterator[tuple[PdbId, str | None]]:
    for entry in _names(folder):
        if entry.lower().startswith(name + "-"):
            yield from _table(os.path.join(folder, entry), name, entry[len(name) + 1 :])  # noqa: PTH118
    for below in (name, f"windows/{name}", f"symbols/windows/{name}"):
        for entry in _names(os.path.join(folder, below)):  # noqa: PTH118
            wanted = wanted_by_key(name, entry)
            if wanted is not None and isinstance(wanted.identity, PdbId):
                yield wanted.identity, None
            yield from _table(os.path.join(folder, below, entry), name, entry)  # noqa: PTH118


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _table(path: str, name: str, stem: str) -> Iterator[tuple[PdbId, str]]:
    suffix = next((suffix for suffix in _TABLE_SUFFIXES if stem.endswith(suffix)), None)
    guid, _, age = stem.removesuffix(suffix or "").rpartition("-")
    if suffix is None or len(guid) != 32 or not age.isdigit():
        return
    wanted = wanted_by_key(name, f"{guid}{int(age):X}")
    if wanted is not None and isinstance(wanted.identity, PdbId):
        yield wanted.identity, path


def _contradicts(path: str, addresses: Mapping[str, int]) -> bool:
    """Tell whether the text of a Volatility table puts one of the variables elsewhere; False when it does not say."""
    text = _text(path)
    for name, rva in addresses.items():
        at = text.find(f'"{name}":'.encode())
        place = text.find(b'"address":', at, at + 200) if at >= 0 else -1
        if place >= 0:
            digits = text[place + 10 : place + 40].strip().split(b",")[0].split(b"}")[0].split()
            return bool(digits) and digits[0].isdigit() and int(digits[0]) != rva
    return False


def _text(path: str) -> bytes:
    import gzip
    import lzma
    import zlib

    opener = lzma.open if path.endswith(".xz") else gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            return file.read(MAX_TABLE)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return b""
