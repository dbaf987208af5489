"""An image's identity → the best symbols there are for it, and a record of everything that was tried.

Source: "Symbol path for Windows debuggers" (windows-driver-docs) for the order of places; Volatility 3 and Breakpad for
where their files lie in a folder.

The kinds are tried in the order of what they know: PDB, Volatility table, Breakpad file, and at last the exports.  Only
a file that proves its identity is used; another one of the same name only when the user allowed it, and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bugcheck.archives.files import map_file
from bugcheck.errors import BugcheckError, CorruptDump, DumpError, UsageError
from bugcheck.gaps import Gap
from bugcheck.images.exports import Exports
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.images.pe_header import Section
from bugcheck.records import dataclass, replace
from bugcheck.symbols.cache import SymbolCache
from bugcheck.symbols.exports import ExportSymbols, file_exports
from bugcheck.symbols.identify import describe_identity
from bugcheck.symbols.path import PathElement, Place, places_of
from bugcheck.symbols.store import Attempt, LocalStore, Search
from bugcheck.symbols.symbols import Symbols
from bugcheck.symbols.wanted import WantedFile, wanted_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bugcheck.symbols.server import SymbolClient

FETCH = "bugcheck symbols fetch DUMP --symbols ms"
"""The remedy when the caller has no better one, with its dump's name."""

INDEX_FOLDER = "indexes"
"""Where in the cache the indexes of PDBs and tables lie."""

_ISF_FOLDERS = ("", "windows", "symbols/windows")
_ISF_SUFFIXES = (".json.xz", ".json", ".json.gz")
_Opener = Callable[[str, bool], Symbols]


@dataclass(frozen=True, slots=True)
class Image:
    """What is known of an image: its identity, its PDB's (None when the dump tells none), its sections, its exports.

    `exports` reads the export table from the dump's memory when it is asked; None when there is nothing to read.
    """

    id: ImageId
    pdb: PdbId | None = None
    sections: Sequence[Section] = ()
    exports: Callable[[], Exports] | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """What was found for an image.

    Attributes:
        symbols: the best there are, or None. attempts: everything tried, in order.
        gap: what is missing and how to get it; None when a PDB (or as good) was found.
    """

    symbols: Symbols | None
    attempts: tuple[Attempt, ...]
    gap: Gap | None


class SymbolLocator:
    """Finds symbols along a symbol path; each image is looked for once.

    Attributes:
        places: where to look, in order. cache: folder for unpacked files and indexes.
        client: fetches from servers; None: servers are passed over, nothing is ever sent.
        loose: symbols of another identity are used when there are no others, and marked (`Symbols.matched`).
        remedy: the command that a gap names. full_names: C++ names are wanted with return type and parameters.
    """

    def __init__(
        self,
        elements: tuple[PathElement, ...],
        cache: str,
        client: SymbolClient | None = None,
        *,
        loose: bool = False,
        remedy: str = FETCH,
    ) -> None:
        self.places = places_of(elements, cache)
        self.cache = cache
        self.client = client
        self.loose = loose
        self.remedy = remedy
        self.full_names = False
        self._stores: dict[str, LocalStore] = {}
        self._located: dict[tuple[ImageId, PdbId | None], Located] = {}

    def locate(self, image: Image) -> Located:
        """Find the best symbols for an image. Never raises for what it finds; the attempts tell."""
        key = (image.id, image.pdb)
        if key not in self._located:
            attempts: list[Attempt] = []
            if image.pdb is None:
                image = replace(image, pdb=self._pdb_of_file(image.id, attempts))
            symbols = self._named(image, image.pdb, attempts) if image.pdb else None
            symbols = symbols or self._exports(image, attempts)
            self._located[key] = Located(symbols, tuple(dict.fromkeys(attempts)), self._gap(image, symbols, attempts))
        return self._located[key]

    def search(self, wanted: WantedFile) -> Search:
        """Look for a file in all places, servers too when there is a client; what is found is copied to the caches."""
        attempts: list[Attempt] = []
        second_best: Path | None = None
        for place in self.places:
            found = self._search_place(place, wanted)
            attempts.extend(found.attempts)
            if found.path is not None and found.matched:
                attempts.extend(_fill(place.caches[1:], found.path, wanted))
                return Search(wanted, found.path, True, tuple(attempts))
            second_best = second_best or found.path
        return Search(wanted, second_best, False, tuple(attempts))

    def search_image(self, image: ImageId) -> Search | None:
        """Look for an image file (for its code and unwind data); None when its name can be no file's."""
        try:
            return self.search(wanted_file(image))
        except CorruptDump:
            return None

    def _pdb_of_file(self, image: ImageId, attempts: list[Attempt]) -> PdbId | None:
        """Learn which PDB an image has from its file; small dumps often hold no headers, but always its identity."""
        from bugcheck.images.debug_directory import read_debug_directory
        from bugcheck.images.pe_header import FileImage

        found = self.search_image(image) if self.places else None
        if found is None:
            return None
        attempts.extend(found.attempts)
        if found.path is None or not found.matched:
            return None
        try:
            file = FileImage(map_file(str(found.path)))
            return read_debug_directory(file, file.header).pdb
        except BugcheckError as error:
            attempts.append(Attempt(str(found.path), "damaged", str(error)))
            return None

    def _search_place(self, place: Place, wanted: WantedFile) -> Search:
        if place.is_server:
            if self.client is None:
                return Search(wanted, None, False, (Attempt(place.location, "skipped", "no network unless asked"),))
            return self.client.fetch(wanted, place.location, SymbolCache(place.caches[0]))
        found = self._store(place.location).search(wanted, self.loose)
        if found.path is None or not found.matched or not place.caches or place.caches[0] == place.location:
            return found
        try:
            return Search(wanted, SymbolCache(place.caches[0]).copy(found.path, wanted), True, found.attempts)
        except DumpError as error:
            attempt = Attempt(error.file, "refused", error.reason)
            return Search(wanted, found.path, True, (*found.attempts, attempt))

    def _store(self, folder: str) -> LocalStore:
        return self._stores.setdefault(folder, LocalStore(folder, SymbolCache(self.cache)))

    def _named(self, image: Image, pdb: PdbId, attempts: list[Attempt]) -> Symbols | None:
        """Find a PDB or what stands for one; the first that is merely of the right name is kept for last."""
        second_best: tuple[_Opener, str] | None = None
        for opener, path, matched in self._files(image, pdb, attempts):
            if not matched:
                second_best = second_best or (opener, path)
                continue
            symbols, attempt = _open(opener, path, loose=False)
            attempts.append(attempt)
            if symbols is not None:
                return symbols
            if attempt.outcome == "mismatch":
                second_best = second_best or (opener, path)
        if self.loose and second_best is not None:
            symbols, attempt = _open(*second_best, loose=True)
            attempts.append(attempt)
            return symbols
        return None

    def _files(self, image: Image, pdb: PdbId, attempts: list[Attempt]) -> Iterator[tuple[_Opener, str, bool]]:
        """List the files that may be of use, best kind first, each with what opens it."""
        try:
            wanted = wanted_file(pdb)
        except CorruptDump as error:
            attempts.append(Attempt(error.file, "refused", error.reason))
            return
        opener = _openers(image, pdb, self.cache)
        found = self.search(wanted)
        attempts.extend(found.attempts)
        if found.path is not None:
            yield opener["pdb"], str(found.path), found.matched
        folders = dict.fromkeys(place.location for place in self.places if not place.is_server)
        for path in _existing(folders, list(_isf_names(wanted, pdb))):
            yield opener["isf"], path, True
        for path in _existing(folders, list(_breakpad_names(wanted))):
            yield opener["breakpad"], path, True

    def _exports(self, image: Image, attempts: list[Attempt]) -> Symbols | None:
        if image.exports is not None:
            try:
                exports = image.exports()
            except BugcheckError as error:
                attempts.append(Attempt(f"exports of {image.id.name}", "damaged", str(error)))
            else:
                if exports.functions:
                    attempts.append(Attempt(f"exports of {image.id.name}", "found", "in the dump"))
                    return ExportSymbols(exports, image.id.name, image.sections)
        found = self.search_image(image.id) if self.places else None
        if found is None:
            return None
        attempts.extend(found.attempts)
        if found.path is None or not found.matched:
            return None
        try:
            return file_exports(map_file(str(found.path)))
        except BugcheckError as error:
            attempts.append(Attempt(str(found.path), "damaged", str(error)))
            return None

    def _gap(self, image: Image, symbols: Symbols | None, attempts: Sequence[Attempt]) -> Gap | None:
        if symbols is not None and symbols.kind != "export" and symbols.matched:
            return None
        what = f"names in {image.id.name}"
        if image.pdb is None:
            missing = f"{image.id.name} {describe_identity(image.id)} (its PDB is named in it)"
            return Gap(what, missing, self.remedy)
        missing = f"{image.pdb.name} {describe_identity(image.pdb)}"
        other = next((attempt for attempt in attempts if attempt.outcome in ("mismatch", "damaged")), None)
        if other is not None:
            missing += f" (not used: {other.place}: {other.detail})"
        return Gap(what, missing, self.remedy)


def _fill(caches: Sequence[str], path: Path, wanted: WantedFile) -> Iterator[Attempt]:
    """Copy what was found to the caches further left; yields where the disk refused."""
    for folder in caches:
        cache = SymbolCache(folder)
        if cache.path_of(wanted).is_file():
            continue
        try:
            cache.copy(path, wanted)
        except DumpError as error:
            yield Attempt(error.file, "refused", error.reason)


def _open(opener: _Opener, path: str, loose: bool) -> tuple[Symbols | None, Attempt]:
    try:
        symbols = opener(path, loose)
    except (DumpError, UsageError) as error:
        reason = error.reason if isinstance(error, DumpError) else str(error)
        return None, Attempt(path, "mismatch" if "wanted was" in reason or "asks for" in reason else "damaged", reason)
    detail = f"{symbols.kind} symbols" if symbols.matched else f"{symbols.kind} symbols of another build"
    return symbols, Attempt(path, "found" if symbols.matched else "mismatch", detail)


def _openers(image: Image, pdb: PdbId, cache: str) -> dict[str, _Opener]:
    indexes = Path(cache) / INDEX_FOLDER

    def pdb_file(path: str, loose: bool) -> Symbols:
        from bugcheck.symbols.pdb.open import open_pdb

        return open_pdb(path, cache=indexes, expect=pdb, loose=loose)

    def isf_file(path: str, loose: bool) -> Symbols:
        from bugcheck.symbols.isf import open_isf

        return open_isf(path, cache=str(indexes), expect=pdb, loose=loose, sections=image.sections)

    def breakpad_file(path: str, loose: bool) -> Symbols:
        from bugcheck.symbols.breakpad import open_breakpad

        return open_breakpad(path, expect=pdb, loose=loose)

    return {"pdb": pdb_file, "isf": isf_file, "breakpad": breakpad_file}


def _existing(folders: dict[str, None], names: list[str]) -> Iterator[str]:
    for folder in folders:
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                yield str(path)


def _isf_names(wanted: WantedFile, pdb: PdbId) -> Iterator[str]:
    """Name where Volatility tables lie: `windows/NAME/GUID-AGE.json.xz`, or loose as `NAME-GUID-AGE.json.xz`."""
    guid = pdb.guid.replace("-", "")
    for stem in dict.fromkeys((guid, guid.lower())):
        for suffix in _ISF_SUFFIXES:
            yield f"{wanted.name}-{stem}-{pdb.age}{suffix}"
            for folder in _ISF_FOLDERS:
                yield f"{folder}/{wanted.name}/{stem}-{pdb.age}{suffix}".lstrip("/")


def _breakpad_names(wanted: WantedFile) -> Iterator[str]:
    """Name where Breakpad files lie: `NAME/KEY/STEM.sym`, or loose."""
    stem = wanted.name[:-4] if wanted.name.lower().endswith(".pdb") else wanted.name
    yield f"{wanted.name}/{wanted.key}/{stem}.sym"
    yield f"{stem}.sym"
    yield f"{wanted.name}.sym"
