"""A path → the files below it that may hold known issues: of a folder, an archive, archives in it, one at a time.

Source: Python's `os.scandir`; `archives`.

Folklore: the CVE list is 300,000 small files in folders, or a zip of a zip of them.  Nothing here is kept longer than
the file being looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain

from bugcheck.archives.files import map_file
from bugcheck.archives.packed import Limits, Member, Unpacking, container_of
from bugcheck.archives.spool import spool, system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError, NotADump
from bugcheck.records import dataclass

SUFFIXES = (".toml", ".json", ".yaml", ".yml", ".csv")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".cab")
LIMITS = Limits(members=1_000_000, nesting=3)
FILES, FOLDER_DEPTH = 2_000_000, 32
SMALL = 8 << 20
"""Bytes up to which a member is unpacked in memory; a larger one goes to a temporary file."""
Told = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file by its name as shown ("cves.zip/CVE-2006-4541.json"), and its bytes."""

    name: str
    view: BinaryView


def files_in(path: str, told: Told) -> Iterator[PackageFile]:
    """Yield the files of a path with a known suffix; what cannot be read is told (name, reason) and passed over.

    Raises NotADump when the path itself cannot be opened.
    """
    if os.path.isdir(path):  # noqa: PTH112
        for number, name in enumerate(_walk(path, 0)):
            if number >= FILES:
                told(path, f"files beyond the first {FILES:,} are not read (the limit)")
                return
            try:
                yield from _opened(map_file(name), name, told)
            except NotADump as error:
                if error.reason != "the file is empty":
                    told(name, error.reason)
        return
    yield from _opened(map_file(path), path, told, named=True)


def _walk(folder: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise NotADump(folder, system_words(error)) from error
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            if depth < FOLDER_DEPTH and entry.name != ".git":
                yield from _walk(entry.path, depth + 1)
        elif entry.name.lower().endswith((*SUFFIXES, *ARCHIVES)):
            yield entry.path


def _opened(view: BinaryView, name: str, told: Told, *, named: bool = False) -> Iterator[PackageFile]:
    container = container_of(view)
    if container is not None:
        yield from _members(view, name, Unpacking(LIMITS), 1, told)
    elif named or name.lower().endswith(SUFFIXES):
        yield PackageFile(name, view)


def _members(view: BinaryView, name: str, unpacking: Unpacking, depth: int, told: Told) -> Iterator[PackageFile]:
    container = container_of(view)
    if container is None:
        return
    if depth > unpacking.limits.nesting:
        told(name, f"archives nested more than {unpacking.limits.nesting} deep are not opened (the limit)")
        return
    try:
        for member in container.members(view, unpacking):
            unpacking.count_member(name)
            inner = name if container.single else f"{name}/{member.name}"
            lower = member.name.lower()
            if not (container.single or lower.endswith((*SUFFIXES, *ARCHIVES))):
                continue
            unpacked = _unpacked(member, inner, unpacking, told)
            if unpacked is None:
                continue
            if container_of(unpacked) is not None:
                yield from _members(unpacked, inner, unpacking, depth + (not container.single), told)
            elif lower.endswith(SUFFIXES):
                yield PackageFile(inner, unpacked)
    except DumpError as error:
        told(name, error.reason)


def _unpacked(member: Member, name: str, unpacking: Unpacking, told: Told) -> BinaryView | None:
    if member.reason:
        told(name, member.reason)
        return None
    if member.view is not None:
        return BinaryView(member.view.data, name)
    chunks = member.chunks() if member.chunks else iter(())
    start = bytearray()
    try:
        for chunk in chunks:
            start += chunk
            if len(start) > SMALL:
                break
            unpacking.spend(name, len(chunk))
        if len(start) <= SMALL:
            return BinaryView(bytes(start), name)
        return spool(chain([bytes(start)], chunks), name, member.packed_size, unpacking)[0]
    except DumpError as error:
        told(name, error.reason)
        return None
