"""A case's folder → Sources: every file, those in archives included, each once, in the order of their names.

Source: the containers are those of `archives/`; nothing is executed and nothing written but nameless temporary
files.

Folklore: support collections (Sysnative's, vendors' "get logs" tools) are zips of folders of text files and dumps,
with zips inside.  An Office document and a .jar are zips too: they are kept whole, for nobody here reads their
parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bugcheck.archives.files import map_file
from bugcheck.archives.packed import DEFAULT_LIMITS, Container, Limits, Member, Unpacking, container_of
from bugcheck.archives.spool import spool, system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError, DumpError, LimitExceeded
from bugcheck.evidence.source import Source

CASE_FOLDER = ".bugcheck"
MAX_FILES = 200_000
_WHOLE = (".docx", ".xlsx", ".pptx", ".jar", ".odt", ".ods", ".msix", ".appx", ".nupkg", ".whl")
"""Suffixes of files that are zips and yet one document."""


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
    """

    folder: str
    limits: Limits = DEFAULT_LIMITS
    password: bytes | None = None
    symbols: Any = None
    skip: frozenset[str] = field(default_factory=lambda: frozenset[str]())

    def files(self) -> list[str]:
        """Paths of all files, relative with slashes, sorted. Raises LimitExceeded beyond MAX_FILES."""
        if not os.path.isdir(self.folder):  # noqa: PTH112
            return [os.path.basename(self.folder)]  # noqa: PTH119
        found: list[str] = []
        for root, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if name != CASE_FOLDER)
            for name in names:
                path = os.path.relpath(os.path.join(root, name), self.folder).replace(os.sep, "/")  # noqa: PTH118
                if path not in self.skip:
                    found.append(path)
            if len(found) > MAX_FILES:
                raise LimitExceeded(self.folder, f"more than {MAX_FILES:,} files (the limit)")
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
            yield Unreadable(path, getattr(error, "reason", str(error)))
            return
        if source is None:
            yield Unreadable(path, "the file is empty")
            return
        container = None if path.lower().endswith(_WHOLE) else container_of(source.view)
        if container is None:
            yield source
        else:
            yield from _Archive(self, Unpacking(self.limits, self.password)).open(source, container, 1)

    def _full_path(self, path: str) -> str:
        return os.path.join(self.folder, *path.split("/")) if os.path.isdir(self.folder) else self.folder  # noqa: PTH112, PTH118

    def _source(self, path: str) -> Source | None:
        full = self._full_path(path)
        try:
            status = os.stat(full)  # noqa: PTH116
        except OSError as error:
            raise DumpError(path, system_words(error)) from error
        if not status.st_size:
            return None
        modified = datetime.fromtimestamp(max(0.0, status.st_mtime), UTC)
        return self.make(path, map_file(full), lambda name: self._neighbour(path, name), modified)

    def make(
        self,
        path: str,
        view: BinaryView,
        neighbours: Callable[[str], Source | None],
        modified: datetime | None,
    ) -> Source:
        """Make a Source with this intake's options."""
        return Source(path, BinaryView(view.data, path), neighbours, modified, self.password, self.symbols)

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

    def open(self, parent: Source, container: Container, depth: int) -> Iterator[Source | Unreadable]:
        limits = self.unpacking.limits
        try:
            if depth > limits.nesting:
                raise LimitExceeded(parent.path, f"archives nested more than {limits.nesting} deep (the limit)")
            for member in container.members(parent.view, self.unpacking):
                self.unpacking.count_member(parent.path)
                yield from self._member(parent, container, member, depth)
                if self.unpacking.exhausted:
                    return
        except DumpError as error:
            yield Unreadable(parent.path, error.reason)

    def _member(
        self, parent: Source, container: Container, member: Member, depth: int
    ) -> Iterator[Source | Unreadable]:
        path = f"{parent.path}/{_relative(member.name)}"
        try:
            view = self._unpack(member, path)
        except DumpError as error:
            yield Unreadable(path, error.reason)
            return
        if view is None:
            return
        source = self.intake.make(path, view, lambda name: self._neighbour(parent, container, member, name), None)
        inner = None if path.lower().endswith(_WHOLE) else container_of(view)
        if inner is None:
            yield source
        else:
            deeper = 0 if container.single and inner.name == "tar" else 1
            yield from self.open(source, inner, depth + deeper)

    def _unpack(self, member: Member, path: str) -> BinaryView | None:
        """Unpack a member; None for an empty one or a folder. Raises DumpError."""
        if member.reason:
            raise DumpError(path, member.reason)
        if member.view is not None:
            self.unpacking.spend(path, member.view.size)
            return member.view if member.view.size else None
        chunks: Iterator[bytes] = member.chunks() if member.chunks else iter(())
        first = next(chunks, b"")
        if not first:
            return None
        return spool(chain([first], chunks), path, member.packed_size, self.unpacking)[0]

    def _neighbour(self, parent: Source, container: Container, member: Member, name: str) -> Source | None:
        """Look for a file beside a member, by listing the archive once more: neighbours are rare, members many."""
        folder = _relative(member.name).rpartition("/")[0]
        unpacking = Unpacking(self.unpacking.limits, self.unpacking.password)
        try:
            for other in container.members(parent.view, unpacking):
                unpacking.count_member(parent.path)
                path = _relative(other.name)
                if path.rpartition("/")[0] == folder and path.rpartition("/")[2].lower() == name.lower():
                    full = f"{parent.path}/{path}"
                    view = _Archive(self.intake, unpacking)._unpack(other, full)
                    return self.intake.make(full, view, lambda _: None, None) if view else None
        except DumpError:
            return None
        return None


def _relative(name: str) -> str:
    """Make a member's name a path below its archive, for showing: no drive, no leading slash, no step upwards."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "(no name)"
