"""A machine's modules → the symbol and image files they need, and what was found for each."""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.errors import BugcheckError
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.images.pe_header import FileImage
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass
from bugcheck.symbols.store import Search
from bugcheck.symbols.wanted import WantedFile, wanted_file


@dataclass(frozen=True, slots=True)
class CheckedModule:
    """What symbols one module has.

    Attributes:
        module: debugger name. kind: "pdb", "isf", "breakpad", "export", "none", or "mismatch".
        source: file they come from, "" when there are none. missing: what would be needed and why it is not used.
        attempts: everything tried, as (place, outcome, detail).
    """

    module: str
    kind: str
    source: str
    missing: str
    attempts: tuple[tuple[str, str, str], ...]

    def as_json(self) -> dict[str, object]:
        """The row as a JSON object."""
        return {
            "module": self.module,
            "symbols": self.kind,
            "source": self.source or None,
            "missing": self.missing or None,
            "attempts": [{"place": p, "outcome": o, "detail": d} for p, o, d in self.attempts],
        }


def needed_files(machine: Machine, modules: list[Module], *, images: bool = False) -> Iterator[WantedFile]:
    """Name what symbols of these modules need: the PDB where the dump tells it, else (or as well) the image file.

    The image file leads to the PDB, so a small dump, which rarely tells PDBs, still yields a full list.
    """
    for module in modules:
        pdb = machine.details_of(module).pdb
        if pdb is not None:
            yield from _wanted(pdb)
        if pdb is None or images:
            yield from _wanted(ImageId(module.image, module.time_date_stamp, module.size))


def pdb_of_image_file(result: Search) -> list[WantedFile]:
    """The PDB that a found image file names; empty when there is none."""
    from bugcheck.archives.files import map_file

    if result.path is None or result.wanted.name.lower().endswith(".pdb"):
        return []
    try:
        image = FileImage(map_file(str(result.path)))
    except BugcheckError:
        return []
    pdb = read_debug_directory(image, image.header).pdb
    return list(_wanted(pdb)) if pdb else []


def _wanted(identity: PdbId | ImageId) -> Iterator[WantedFile]:
    try:
        yield wanted_file(identity)
    except BugcheckError:
        return  # a name that no file can have: nothing to fetch


def checked_modules(machine: Machine, modules: list[Module]) -> Iterator[CheckedModule]:
    """Look for the symbols of these modules and tell what came of it."""
    if machine.symbolizer is None:
        return
    for module in modules:
        found = machine.symbolizer.found(module)
        symbols, located = found.symbols, found.located
        kind = "none" if symbols is None else symbols.kind if symbols.matched else "mismatch"
        gap = located.gap if located else None
        attempts = tuple((a.place, a.outcome, a.detail) for a in located.attempts) if located else ()
        yield CheckedModule(module.name, kind, symbols.source if symbols else "", gap.missing if gap else "", attempts)
