"""Blocks of a small dump → PDB identities of modules whose headers the dump does not hold.

Source: the RSDS record as `images/identity.py` reads it.

Folklore: a small dump keeps the header page of hardly any module, but blocks around pointers to code.  A small driver
has its debug record right behind its code, so the block around an address near its end holds it: two of the corpus' six
machines tell a PDB so, one of them the suspect's.  A record counts where it lies in the module itself and is the only
one there; copies of image files in data (of a process that reads them) lie elsewhere.
"""

from __future__ import annotations

from bisect import bisect_right

from bugcheck.dump.dump import Dump
from bugcheck.images.identity import PATH_LIMIT, PdbId, parse_codeview
from bugcheck.machine.modules import ModuleList

_SIGNATURE = b"RSDS"
_HEAD = 24
MAX_RECORDS = 4096
"""Places with the signature that are looked at."""
MAX_AGE = 0x10000


def loose_pdbs(dump: Dump, modules: ModuleList) -> dict[int, PdbId]:
    """Find the debug records in a small dump's blocks; returns module base → identity."""
    found: dict[int, set[PdbId]] = {}
    if dump.triage is not None:
        runs = sorted((run.file_offset, run.size, run.start) for run in dump.virtual)
        for offset in _places(dump):
            index = bisect_right(runs, (offset, 1 << 64, 0)) - 1
            start, size, address = runs[index] if index >= 0 else (0, 0, 0)
            module = modules.at(address + offset - start) if offset < start + size else None
            record = dump.file.read_up_to(offset, min(start + size - offset, _HEAD + PATH_LIMIT)) if module else b""
            pdb = _sound(record)
            if module is not None and pdb is not None:
                found.setdefault(module.base, set()).add(pdb)
    return {base: pdbs.pop() for base, pdbs in found.items() if len(pdbs) == 1}


def _places(dump: Dump) -> list[int]:
    places: list[int] = []
    data = dump.file.data if not isinstance(dump.file.data, memoryview) else bytes(dump.file.data)
    offset = data.find(_SIGNATURE)
    while offset >= 0 and len(places) < MAX_RECORDS:
        places.append(offset)
        offset = data.find(_SIGNATURE, offset + 1)
    return places


def _sound(record: bytes) -> PdbId | None:
    """The identity in a record that ends with its NUL and names a PDB; None for four letters by chance."""
    path, ended, _ = record[_HEAD:].partition(b"\0")
    if not ended or not path.isascii() or not path.lower().endswith(b".pdb"):
        return None
    pdb = parse_codeview(record)
    if pdb is None or not 0 < pdb.age < MAX_AGE:
        return None
    return pdb if pdb.path.isprintable() else None
