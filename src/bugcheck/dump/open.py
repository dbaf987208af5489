"""A path or a stream → open Dumps, those inside archives included.

Source: Python's `mmap` documentation; the archive formats are in `containers/`.

What is packed is unpacked to nameless temporary files; what is not is mapped where it lies and never read as a whole.

Folklore: a zip from a help forum holds dumps, logs and .cab files of Windows Error Reporting side by side.  A member's
name says little: dumps are found by their first bytes; a member that is named .dmp and is none is reported, though.  A
file that shrinks while it is mapped kills the process (SIGBUS): copy a dump that is still being written.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from bugcheck.archives.files import map_file, spooled
from bugcheck.archives.packed import (
    DEFAULT_LIMITS,
    Container,
    Limits,
    Member,
    Unpacking,
    container_of,
)
from bugcheck.archives.spool import spool
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import DUMP_FORMATS, Dump
from bugcheck.dump.file_names import ARCHIVE_SUFFIXES, DUMP_SUFFIXES, TEXT_SUFFIXES
from bugcheck.dump.recognise import describe_unknown
from bugcheck.errors import DumpError, LimitExceeded, NotADump
from bugcheck.records import dataclass

_NAMES_SHOWN = 5
_HEAD = 512
_CONTROL = bytes([*range(1, 7), *range(14, 27), 28, 29, 30, 31, 127])
"""Bytes that no text has but in UTF-16, which has any, and begins with one of these marks where editors wrote it."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Opened:
    """One dump that was found, or what stood in its way.

    Attributes:
        name: the file, or `archive/member` for a dump in an archive (as Windows Explorer shows them).
        source: the path as the caller gave it.
        size: unpacked size in bytes, as far as it is known.
        dump: the dump, or None.
        error: why there is none, or None.
        file: its bytes, or None when they could not be had.
    """

    name: str
    source: str
    size: int
    dump: Dump | None = None
    error: DumpError | None = None
    file: BinaryView | None = None


def read_dump(view: BinaryView) -> Dump:
    """Read a mapped file as a dump. Raises NotADump, saying what it is, and what the format's reader raises."""
    head = view.read_up_to(0, 16)
    for candidate in DUMP_FORMATS:
        if head.startswith(candidate.magic) and candidate.probe(view):
            return candidate.read(view)
    raise NotADump(view.name, describe_unknown(view))


def open_dumps(
    path: str, *, password: bytes | None = None, limits: Limits = DEFAULT_LIMITS, folder: str | None = None
) -> Iterator[Opened]:
    """Open a dump, or each dump in an archive; `folder` is where temporary files go.

    What is wrong with the contents is told in `Opened.error`, one for each member concerned, and one for the whole file
    when it holds no dump.

    Raises what `map_file` raises, when the file itself cannot be opened.
    """
    view = map_file(path, limits=limits, folder=folder)
    yield from _open_view(view, path, Unpacking(limits, password, folder))


def open_stream(
    stream: BinaryIO,
    name: str = "-",
    *,
    password: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
    folder: str | None = None,
) -> Iterator[Opened]:
    """Do as `open_dumps` with a stream that cannot seek, by way of a temporary file. Raises NotADump, LimitExceeded."""
    view = spooled(stream, name, Unpacking(limits, folder=folder))
    yield from _open_view(view, name, Unpacking(limits, password, folder))


def _open_view(view: BinaryView, source: str, unpacking: Unpacking) -> Iterator[Opened]:
    container = None if _is_candidate(view.read_up_to(0, 16)) else container_of(view)
    if container is None:
        yield from _read_logs(view, source) or [_read(view, source, "")]
        return
    others: list[str] = []
    found = False
    for opened in _open_members(view, container, 1, _Search(source, unpacking, others)):
        found = True
        yield opened
    if not found:
        yield Opened(view.name, source, view.size, error=NotADump(view.name, _holds(container, others)), file=view)


@dataclass(frozen=True, slots=True)
class _Search:
    """What one search shares at all depths: the path, the limits, and the names of members that are no dumps."""

    source: str
    unpacking: Unpacking
    others: list[str]


def _open_members(view: BinaryView, container: Container, depth: int, search: _Search) -> Iterator[Opened]:
    unpacking = search.unpacking
    try:
        if depth > unpacking.limits.nesting:
            raise LimitExceeded(view.name, f"archives nested more than {unpacking.limits.nesting} deep (the limit)")
        for member in container.members(view, unpacking):
            unpacking.count_member(view.name)
            yield from _open_member(member, view, container, depth, search)
            if unpacking.exhausted:
                return
    except DumpError as error:
        yield Opened(view.name, search.source, view.size, error=error, file=view)


def _open_member(
    member: Member, parent: BinaryView, container: Container, depth: int, search: _Search
) -> Iterator[Opened]:
    name = f"{parent.name}/{member.name}"
    if member.name.lower().endswith(TEXT_SUFFIXES):
        yield from _open_text(member, name, search)
        return
    try:
        unpacked = _unpack(member, name, search.unpacking)
    except DumpError as error:
        yield Opened(name, search.source, 0, error=error)
        return
    if unpacked is None:
        search.others.append(f"{member.name} ({member.reason})" if member.reason else member.name)
        return
    view, damage = unpacked
    inner = None if _is_candidate(view.read_up_to(0, 16)) else container_of(view)
    if inner is None:
        yield _read(view, search.source, damage)
        return
    deeper = 0 if container.single and inner.name == "tar" else 1
    yield from _open_members(view, inner, depth + deeper, search)


def _open_text(member: Member, name: str, search: _Search) -> Iterator[Opened]:
    """Yield the debugger's logs in a member named like a text; one that is none is no dump, and no error."""
    from bugcheck.dump.log.sniff import SNIFFED, looks_like_log  # only where a text is met

    if member.reason or (member.view is None and member.chunks is None):
        search.others.append(member.name)
        return
    try:
        head = member.view or BinaryView(_first_bytes(member.chunks(), SNIFFED) if member.chunks else b"", name)
        looks = looks_like_log(head.read_up_to(0, SNIFFED))
        found = _read_logs(_whole(member, name, search.unpacking), search.source) if looks else []
    except DumpError as error:
        yield Opened(name, search.source, 0, error=error)
        return
    if not found:
        search.others.append(member.name)
    yield from found


def _whole(member: Member, name: str, unpacking: Unpacking) -> BinaryView:
    """Unpack a member. Raises DumpError."""
    if member.view is not None:
        unpacking.spend(name, member.view.size)
        return member.view
    return spool(member.chunks() if member.chunks else iter(()), name, member.packed_size, unpacking)[0]


def _unpack(member: Member, name: str, unpacking: Unpacking) -> tuple[BinaryView, str] | None:
    """Unpack a member that may be a dump or a container; None for any other. Raises DumpError."""
    claims_dump = member.name.lower().endswith(DUMP_SUFFIXES)
    if member.reason:
        if claims_dump or member.name.lower().endswith(ARCHIVE_SUFFIXES):
            raise DumpError(name, member.reason)
        return None
    chunks: Iterator[bytes] = member.chunks() if member.chunks else iter(())
    first = _first_bytes(chunks)
    head = member.view or BinaryView(first, name)
    if not (claims_dump or _is_candidate(head.read_up_to(0, 16)) or container_of(head)):
        return None
    if member.view is not None:
        unpacking.spend(name, member.view.size)
        return member.view, member.damage
    return spool(chain([first], chunks), name, member.packed_size, unpacking)


def _first_bytes(chunks: Iterator[bytes], enough: int = _HEAD) -> bytes:
    """Unpack enough to tell what a member is: a decompressor's first piece may be a single byte."""
    first = b""
    while len(first) < enough and (chunk := next(chunks, b"")):
        first += chunk
    return first


def _is_candidate(head: bytes) -> bool:
    return any(head.startswith(candidate.magic) for candidate in DUMP_FORMATS)


def _read_logs(view: BinaryView, source: str) -> list[Opened]:
    """Read the debugger's logs in a text file; an empty list for any other file."""
    head = view.read_up_to(0, _HEAD)
    if _is_candidate(head) or (head[:2] not in _WIDE and head.translate(None, _CONTROL) != head):
        return []
    from bugcheck.dump.log.read import read_logs  # only where a text is opened

    dumps = read_logs(view)
    names = [view.name] if len(dumps) == 1 else [f"{view.name}/log {number}" for number in range(1, len(dumps) + 1)]
    return [Opened(name, source, view.size, dump=dump, file=view) for name, dump in zip(names, dumps, strict=True)]


def _read(view: BinaryView, source: str, damage: str) -> Opened:
    try:
        dump = read_dump(view)
    except DumpError as error:
        if damage:
            error = type(error)(error.file, f"{error.reason} ({damage})", error.offset)
        return Opened(view.name, source, view.size, error=error, file=view)
    if damage:
        dump.damage(f"the end of {view.name}", damage, view.size)
    return Opened(view.name, source, view.size, dump=dump, file=view)


def _holds(container: Container, names: list[str]) -> str:
    if not names:
        return f"nothing in this {container.name} file"
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    return f"no dump in this {container.name} file: {len(names)} file{'s'[: len(names) > 1]} ({shown})"
