"""A case's folder → Sources: every file, those in archives included, each once, in the order of their names.

Source: the containers are those of `archives/`; nothing is executed and nothing written but nameless temporary
files.

Folklore: support collections (Sysnative's, vendors' "get logs" tools) are zips of folders of text files and dumps,
with zips inside.  An Office document and a .jar are zips too: they are kept whole, for nobody here reads their
parts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import chain, takewhile
from typing import Any
from zlib import crc32

from bugcheck.archives.files import map_file
from bugcheck.archives.packed import DEFAULT_LIMITS, Container, Limits, Member, Unpacking, container_of, shown_name
from bugcheck.archives.spool import spool, system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError, DumpError, LimitExceeded
from bugcheck.evidence.source import Source

CASE_FOLDER = ".bugcheck"
MAX_FILES = 200_000
PROGRAMS, MOST_SAME = (".sys", ".exe", ".dll"), 4
"""Suffixes of program files, and how many of one name are held against a dump."""
_PATH_LIMIT = 0x8000
_WHOLE = (".docx", ".xlsx", ".pptx", ".jar", ".odt", ".ods", ".msix", ".appx", ".nupkg", ".whl")
"""Suffixes of files that are zips and yet one document."""


_Beside = Callable[[str, str], Source | None]
"""Takes (a member's path in its archive, the wanted file's base name)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be opened, or a member that could not be unpacked: its path and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Intake:
    """How a folder is taken in.

    Attributes:
        folder: the case's folder, or one file. limits: how far archives are followed. password: for encrypted ones.
        symbols: as in Source. skip: paths (relative, with slashes) not to look at: our own reports.
        also: further files, by such a path or a full one: what a watch has brought.
    """

    folder: str
    limits: Limits = DEFAULT_LIMITS
    password: bytes | None = None
    symbols: Any = None
    skip: frozenset[str] = field(default_factory=lambda: frozenset[str]())
    also: tuple[str, ...] = ()
    _programs: dict[str, list[str]] = field(default_factory=dict[str, list[str]], init=False, repr=False, compare=False)

    def files(self) -> list[str]:
        """Paths of all files, relative with slashes, sorted, as the system names them. Raises LimitExceeded."""
        if not os.path.isdir(self.folder):  # noqa: PTH112
            return [os.path.basename(self.folder)]  # noqa: PTH119
        found: list[str] = []
        closed: list[str] = []
        for root, folders, names in os.walk(self.folder, onerror=lambda error: closed.append(str(error.filename))):
            folders[:] = sorted(name for name in folders if name != CASE_FOLDER)
            links = [name for name in folders if os.path.islink(os.path.join(root, name))]  # noqa: PTH114, PTH118
            for name in names + links:
                path = os.path.relpath(os.path.join(root, name), self.folder).replace(os.sep, "/")  # noqa: PTH118
                if path not in self.skip:
                    found.append(path)
            if len(found) > MAX_FILES:
                raise LimitExceeded(self.folder, f"more than {MAX_FILES:,} files (the limit)")
        found += [os.path.relpath(path, self.folder).replace(os.sep, "/") for path in closed]
        found += [path for path in self.also if path not in found and os.path.isfile(self._full_path(path))]  # noqa: PTH113
        return sorted(found)

    def sources(self) -> Iterator[Source | Unreadable]:
        """Open every file, one after another."""
        for path in self.files():
            yield from self.open(path)

    def open(self, path: str) -> Iterator[Source | Unreadable]:
        """Open a file of the folder, or what is in it when it is an archive; what cannot be opened is told."""
        try:
            source = self._source(path)
        except BugcheckError as error:
            yield Unreadable(shown_path(path), getattr(error, "reason", str(error)))
            return
        if source is None:
            yield Unreadable(shown_path(path), "the file is empty")
            return
        container = None if path.lower().endswith(_WHOLE) else container_of(source.view)
        if container is None:
            yield source
        else:
            yield from _Archive(self, Unpacking(self.limits, self.password)).open(source, container, 1)

    def whole(self, path: str) -> Source | None:
        """A file as it lies in the folder, an archive unopened; None for an empty one. Raises BugcheckError."""
        return self._source(path)

    def _full_path(self, path: str) -> str:
        if path in self.also and os.path.isabs(path):  # noqa: PTH117
            return path
        return os.path.join(self.folder, *path.split("/")) if os.path.isdir(self.folder) else self.folder  # noqa: PTH112, PTH118

    def _source(self, path: str) -> Source | None:
        full = self._full_path(path)
        try:
            status = os.stat(full)  # noqa: PTH116
        except OSError as error:
            raise DumpError(path, system_words(error)) from error
        if os.path.isdir(self.folder) and self._leads_out(full):  # noqa: PTH112
            raise DumpError(path, "a link that leads out of the folder: it is not followed; copy the file itself")
        if stat.S_ISDIR(status.st_mode):
            raise DumpError(path, "a folder that may not be listed, or a link to one")
        if not stat.S_ISREG(status.st_mode):
            raise DumpError(path, "no regular file: a pipe, socket or device is not read")
        if not status.st_size:
            return None
        modified = datetime.fromtimestamp(max(0.0, status.st_mtime), UTC)
        return self.make(shown_path(path), map_file(full), lambda name: self._neighbour(path, name), modified)

    def _leads_out(self, full: str) -> bool:
        """Tell whether a path ends outside the folder: evidence packed by others may hold links to our own files."""
        root = os.path.realpath(self.folder)
        real = os.path.realpath(full)
        return os.path.commonpath([root, real]) != root if _same_drive(root, real) else True

    def make(
        self,
        path: str,
        view: BinaryView,
        neighbours: Callable[[str], Source | None],
        modified: datetime | None,
        damage: str = "",
    ) -> Source:
        """Make a Source with this intake's options."""

        def programs(name: str) -> Iterator[Source]:
            return self.programs(name, path)

        view = BinaryView(view.data, path)
        return Source(path, view, neighbours, modified, self.password, self.symbols, damage, programs)

    def programs(self, name: str, near: str = "") -> Iterator[Source]:
        """Yield the case's program files of this base name: the nearest to `near` in its folders; not in archives."""
        found = self._program_paths().get(name.lower(), [])
        shared = [_shared_folders(path, near) for path in found]
        for path in [path for path, depth in zip(found, shared, strict=True) if depth == max(shared)][:MOST_SAME]:
            try:
                source = self._source(path)
            except BugcheckError:
                continue  # it is told of when its own turn comes
            if source is not None:
                yield source

    def programs_mark(self) -> str:
        """A word for which program files there are: another word, and dumps may be held against other files."""
        paths = sorted(path for found in self._program_paths().values() for path in found)
        if not paths:
            return ""
        told: list[str] = []
        for path in paths:
            try:
                status = os.stat(self._full_path(path))  # noqa: PTH116
            except OSError:
                continue
            told.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return f"{crc32(chr(10).join(told).encode('utf-8', 'surrogatepass')):08x}"

    def _program_paths(self) -> dict[str, list[str]]:
        """Paths of the program files by base name in lower case, listed once."""
        if not self._programs:
            self._programs[""] = []
            for path in self.files():
                name = path.rpartition("/")[2].lower()
                if name.endswith(PROGRAMS):
                    self._programs.setdefault(name, []).append(path)
        return self._programs

    def _neighbour(self, path: str, name: str) -> Source | None:
        folder = os.path.dirname(self._full_path(path))  # noqa: PTH120
        try:
            wanted = next((each for each in os.listdir(folder) if each.lower() == name.lower()), None)  # noqa: PTH208
            parent = path.rpartition("/")[0]
            return self._source(f"{parent}/{wanted}" if parent else wanted) if wanted else None
        except (OSError, BugcheckError):
            return None


@dataclass(frozen=True, slots=True)
class _Archive:
    """One archive being opened, all that is nested in it included."""

    intake: Intake
    unpacking: Unpacking
    paths: dict[str, int] = field(default_factory=dict[str, int])
    """How often each path was met: an archive may hold a name twice."""

    def open(self, parent: Source, container: Container, depth: int) -> Iterator[Source | Unreadable]:
        limits = self.unpacking.limits
        try:
            if depth > limits.nesting:
                raise LimitExceeded(parent.path, f"archives nested more than {limits.nesting} deep (the limit)")
            beside = self._neighbours(parent, container)
            for member in container.members(parent.view, self.unpacking):
                self.unpacking.count_member(parent.path)
                yield from self._member(parent, container, member, depth, beside)
                if self.unpacking.exhausted:
                    return
        except DumpError as error:
            yield Unreadable(parent.path, error.reason)

    def _member(
        self, parent: Source, container: Container, member: Member, depth: int, beside: _Beside
    ) -> Iterator[Source | Unreadable]:
        path = self._path(f"{parent.path}/{_relative(member.name)}")
        try:
            view, damage = self._unpack(member, path)
        except DumpError as error:
            yield Unreadable(path, error.reason)
            return
        if view is None:
            return
        source = self.intake.make(path, view, lambda name: beside(_relative(member.name), name), None, damage)
        inner = None if path.lower().endswith(_WHOLE) else container_of(view)
        if inner is None:
            yield source
        else:
            deeper = 0 if container.single and inner.name == "tar" else 1
            yield from self.open(source, inner, depth + deeper)
            if damage:
                yield Unreadable(path, damage)

    def _unpack(self, member: Member, path: str) -> tuple[BinaryView | None, str]:
        """Unpack a member: its bytes, None for an empty one or a folder, and what damage cut them short."""
        if member.reason:
            raise DumpError(path, member.reason)
        if member.view is not None:
            self.unpacking.spend(path, member.view.size)
            return (member.view if member.view.size else None), member.damage
        chunks: Iterator[bytes] = member.chunks() if member.chunks else iter(())
        first = next(chunks, b"")
        if not first:
            return None, ""
        return spool(chain([first], chunks), path, member.packed_size, self.unpacking)

    def _path(self, path: str) -> str:
        """Make a member's path its own, with a number behind one that was there before."""
        self.paths[path] = count = self.paths.get(path, 0) + 1
        return path if count == 1 else f"{path} ({count})"

    def _neighbours(self, parent: Source, container: Container) -> _Beside:
        """Make what finds a file beside a member, by listing the archive once more: neighbours are rare, members many.

        The names are remembered, for most that is asked for is not there.
        """

        def members() -> Iterator[tuple[str, Member]]:
            unpacking = Unpacking(self.unpacking.limits, self.unpacking.password)
            try:
                for other in container.members(parent.view, unpacking):
                    unpacking.count_member(parent.path)
                    yield _relative(other.name), other
            except DumpError:
                return

        @cache
        def names() -> frozenset[str]:
            return frozenset(path.lower() for path, _ in members())

        def beside(path: str, name: str) -> Source | None:
            wanted = "/".join([*path.split("/")[:-1], name]).lower()
            found = next((each for each in members() if each[0].lower() == wanted), None) if wanted in names() else None
            return self._read(f"{parent.path}/{found[0]}", found[1]) if found else None

        return beside

    def _read(self, path: str, member: Member) -> Source | None:
        unpacking = Unpacking(self.unpacking.limits, self.unpacking.password)
        try:
            view, damage = _Archive(self.intake, unpacking)._unpack(member, path)
        except DumpError:
            return None
        return self.intake.make(path, view, lambda _: None, None, damage) if view else None


def shown_path(path: str) -> str:
    """Make a file's path safe to show and to store: what is no Unicode, or no printable character, is escaped."""
    return shown_name(path, _PATH_LIMIT)


def _shared_folders(one: str, other: str) -> int:
    """How many folders, from the case's down, two paths have in common."""
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _same_drive(one: str, other: str) -> bool:
    return os.path.splitdrive(one)[0].lower() == os.path.splitdrive(other)[0].lower()


def _relative(name: str) -> str:
    """Make a member's name a path below its archive, for showing: no drive, no leading slash, no step upwards."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "(no name)"
