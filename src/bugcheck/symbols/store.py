"""A folder or store on disk → the file of an identity, verified, with a record of what was tried.

Source: "Symbol path for Windows debuggers" (the three folders of an element), "Symbol Store Folder Tree" (index2.txt),
"Symbol Storage Format" (file.ptr), all windows-driver-docs; dbghelp's own log (`!sym noisy`) for the order file,
compressed file, file.ptr.

Folklore:
    file.ptr holds a bare path, "PATH:…", or "MSG: …" for people ("MSG: Filtered").
    Linux tells upper from lower case, stores filled by Windows tools do not: names are compared without case when the
    exact one is not there.
    A folder may be a store and a heap of loose files at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError, DumpError
from bugcheck.records import dataclass
from bugcheck.symbols.cache import SymbolCache, drop
from bugcheck.symbols.identify import mismatch
from bugcheck.symbols.unpack import is_packed, unpack
from bugcheck.symbols.wanted import WantedFile

POINTER_LIMIT = 0x1000
"""Bytes of a file.ptr that are read."""

LISTING_LIMIT = 100_000
"""Entries of a folder that are compared without case."""

_IMAGE_FOLDERS = ("dll", "exe", "sys")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One look for a file.

    Attributes:
        place: path or address that was looked at.
        outcome: "found", "missing", "mismatch", "damaged", "refused" (server or disk said no), "skipped".
        detail: one clause, "" when the outcome says it all.
    """

    place: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What came of looking for a file.

    Attributes:
        wanted: what was looked for.
        path: where it lies, or None.
        matched: False when it was accepted despite another identity.
        attempts: everything tried, in order.
    """

    wanted: WantedFile
    path: Path | None
    matched: bool
    attempts: tuple[Attempt, ...]

    @property
    def why_not(self) -> str:
        """Say in a clause why the file is not there: what was wrong with one that was, else who has none."""
        last = self.attempts[-1] if self.attempts else None
        if last is None:
            return "nowhere to look"
        for outcomes in (("mismatch", "damaged", "refused"), ("failed", "skipped")):
            for attempt in self.attempts:
                if attempt.outcome in outcomes:
                    return f"{attempt.place}: {attempt.detail or attempt.outcome}"
        roots = dict.fromkeys(attempt.place.partition(f"/{self.wanted.name}/")[0] for attempt in self.attempts)
        return f"none at {' and '.join(roots)}" + (f" ({last.detail})" if last.detail else "")

    @property
    def is_unreachable(self) -> bool:
        """Whether no server answered at all."""
        return bool(self.attempts) and self.path is None and self.attempts[-1].outcome in ("failed", "skipped")


class LocalStore:
    """A folder that symbols are looked for in.

    Attributes:
        folder: its root.
        cache: where compressed files are unpacked to; None: they cannot be used.
    """

    def __init__(self, folder: str | Path, cache: SymbolCache | None = None) -> None:
        self.folder = Path(folder)
        self.cache = cache
        self._listings: dict[Path, dict[str, str]] = {}

    def search(self, wanted: WantedFile, loose: bool = False) -> Search:
        """Look for a file; with `loose`, one of the right name and kind but another identity will do."""
        attempts: list[Attempt] = []
        second_best: Path | None = None
        if not _exists(self.folder):
            return Search(wanted, None, False, (Attempt(str(self.folder), "missing", "no such folder"),))
        for path in self._candidates(wanted):
            attempt, usable = self._try(path, wanted)
            attempts.append(attempt)
            if attempt.outcome == "found":
                return Search(wanted, usable, True, tuple(attempts))
            if attempt.outcome == "mismatch" and loose and second_best is None:
                second_best = usable
        if not attempts:
            attempts.append(Attempt(str(self.folder), "missing"))
        return Search(wanted, second_best, False, tuple(attempts))

    def _candidates(self, wanted: WantedFile) -> Iterator[Path]:
        """List the files that exist under any of the names a file may have here."""
        suffix = wanted.name.rpartition(".")[2].lower()
        kinds = _IMAGE_FOLDERS if suffix == "pdb" else (suffix,)
        for folder in [*[("symbols", kind) for kind in kinds], *[(kind,) for kind in kinds], ()]:
            for name in (wanted.name, wanted.packed_name):
                if (path := self._find(*folder, name)) and _is_file(path):
                    yield path
        tiers: list[tuple[str, ...]] = [(wanted.name, wanted.key)]
        if self._find("index2.txt"):
            tiers.insert(0, (wanted.name[:2], wanted.name, wanted.key))
        for tier in tiers:
            for name in (wanted.name, wanted.packed_name):
                if (path := self._find(*tier, name)) and _is_file(path):
                    yield path
            if pointer := self._find(*tier, "file.ptr"):
                yield pointer

    def _find(self, *names: str) -> Path | None:
        """Follow names downwards, each as written or, failing that, whatever its case."""
        path = self.folder
        for name in names:
            exact = path / name
            if not _exists(exact):
                found = self._listing(path).get(name.lower())
                if found is None:
                    return None
                exact = path / found
            path = exact
        return path

    def _listing(self, folder: Path) -> dict[str, str]:
        if folder not in self._listings:
            names: dict[str, str] = {}
            try:
                with os.scandir(folder) as entries:
                    for entry, _ in zip(entries, range(LISTING_LIMIT), strict=False):
                        names.setdefault(entry.name.lower(), entry.name)
            except OSError:
                names = {}
            self._listings[folder] = names
        return self._listings[folder]

    def _try(self, path: Path, wanted: WantedFile) -> tuple[Attempt, Path]:
        pointer = path.name.lower() == "file.ptr"
        try:
            if pointer:
                path, refusal = _follow(path)
                if refusal:
                    return Attempt(str(path), "refused", refusal), path
            view = map_file(str(path))
            if is_packed(view):
                return self._try_packed(path, view, wanted)
            fault = mismatch(view, wanted.identity)
        except BugcheckError as error:
            reason = error.reason if isinstance(error, DumpError) else str(error)
            return Attempt(str(path), "damaged", reason), path
        return Attempt(str(path), _outcome(fault), fault), path

    def _try_packed(self, path: Path, view: BinaryView, wanted: WantedFile) -> tuple[Attempt, Path]:
        if self.cache is None:
            return Attempt(str(path), "skipped", "compressed, and there is no cache to unpack it to"), path
        final, fault = unpack_verified(view, wanted, self.cache)
        return Attempt(str(path), _outcome(fault), fault), final or path


def unpack_verified(view: BinaryView, wanted: WantedFile, cache: SymbolCache) -> tuple[Path | None, str]:
    """Unpack a compressed file into a cache when it holds what is wanted; otherwise say what is wrong.

    Raises DumpError (CorruptDump, LimitExceeded) when it cannot be unpacked.
    """
    new = cache.private_path(wanted)
    try:
        unpack(view, new)
        if fault := mismatch(map_file(str(new)), wanted.identity):
            return None, fault
        return cache.adopt(new, wanted), ""
    finally:
        drop(new)


def _outcome(fault: str) -> str:
    if not fault:
        return "found"
    return "mismatch" if fault.startswith("it is ") else "damaged"


def _follow(pointer: Path) -> tuple[Path, str]:
    """Read a file.ptr: the path it names, or why it cannot be followed."""
    try:
        with pointer.open("rb") as file:
            text = read_pointer(file.read(POINTER_LIMIT))
    except OSError as error:
        return pointer, f"cannot be read: {error.strerror or error}"
    if text.upper().startswith("MSG:"):
        return pointer, f"the store says: {text[4:].strip()}"
    path = Path(text)
    if not text.isprintable() or not text:
        return pointer, "holds no path"
    return (path if path.is_absolute() else pointer.parent / path), ""


def read_pointer(data: bytes) -> str:
    """Read the text of a file.ptr, without its PATH: prefix."""
    text = data.decode("utf-8-sig", "replace").strip("\0 \r\n\t")
    return text[5:].strip() if text[:5].upper() == "PATH:" else text


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
