"""A packed file → its members, counted against limits.

A container in `containers/` lists Members; `spool.py` unpacks the bytes of one.  Nothing is ever written under a name
that came from an archive: a member's name is only shown.

Source: RFC 1951 for Deflate's extreme; those of the other compressors were measured on zeros.

Folklore: a complete dump of an idle machine is mostly zeros, so a ratio alone says little.  Deflate cannot exceed
1032:1, which such a dump may come near; bzip2 reaches 10**6:1 and xz 7000:1 only on nothing but zeros.  Hence the ratio
limit stands just above Deflate's own, and the size limits do the work.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded
from bugcheck.extensions import Registry
from bugcheck.records import dataclass

GIB = 1 << 30
CHUNK = 0x10000
"""Bytes unpacked at a time."""
_HOSTILE_INPUT = (EOFError, OSError, ValueError, RuntimeError, LookupError, ArithmeticError, MemoryError, struct.error)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a packed file is followed.

    Attributes:
        member_bytes: unpacked size of one member; the largest dumps seen in the field are of that order.
        total_bytes: unpacked size of everything one file holds, nested members included.
        ratio: unpacked bytes per packed byte, looked at once more than `ratio_floor` bytes have come out.
        members: number of members, nested ones included.
        nesting: containers inside each other (a .cab in a .zip is 2); a .tar.gz counts once.
        name_length: characters of a member's name.
    """

    member_bytes: int = 16 * GIB
    total_bytes: int = 64 * GIB
    ratio: int = 1100
    ratio_floor: int = 64 << 20
    members: int = 10_000
    nesting: int = 2
    name_length: int = 1024


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Unpacking:
    """One packed file being opened, everything nested in it included: the options, and what has been used up.

    Attributes:
        folder: where temporary files go; None is the system's choice.
        unpacked: bytes unpacked so far. members: members met so far.
        exhausted: True once a limit on the whole file is reached, after which no further member is opened.
    """

    limits: Limits = DEFAULT_LIMITS
    password: bytes | None = None
    folder: str | None = None
    unpacked: int = 0
    members: int = 0
    exhausted: bool = False

    def count_member(self, name: str) -> None:
        """Count a member of the archive `name`. Raises LimitExceeded."""
        self.members += 1
        if self.members > self.limits.members:
            self.exhausted = True
            raise LimitExceeded(name, f"holds more than {self.limits.members} members (the limit)")

    def spend(self, name: str, size: int) -> None:
        """Count `size` bytes more as unpacked from `name`. Raises LimitExceeded."""
        self.unpacked += size
        if self.unpacked > self.limits.total_bytes:
            self.exhausted = True
            raise LimitExceeded(name, f"more than {self.limits.total_bytes:#x} bytes in total unpacked (the limit)")

    def check_size(self, name: str, size: int, packed_size: int) -> None:
        """Check what a member has grown to (or says it will). `packed_size` 0: unknown. Raises LimitExceeded."""
        if size > self.limits.member_bytes:
            raise LimitExceeded(name, f"unpacks to more than {self.limits.member_bytes:#x} bytes (the limit)")
        if packed_size and size > self.limits.ratio_floor and size > packed_size * self.limits.ratio:
            raise LimitExceeded(name, f"unpacks to more than {self.limits.ratio} times its packed size (the limit)")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a container: exactly one of `chunks`, `view` and `reason` is set.

    Attributes:
        name: as shown to people (see `shown_name`).
        packed_size: in bytes, 0 when unknown.
        chunks: starts unpacking and yields pieces of at most CHUNK bytes; raises CorruptDump.
        view: the bytes, when they lie unpacked already.
        reason: why it cannot be unpacked ("encrypted…").
        damage: what is wrong with the bytes in `view`, or "".
    """

    name: str
    packed_size: int = 0
    chunks: Callable[[], Generator[bytes]] | None = None
    view: BinaryView | None = None
    reason: str = ""
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A registered kind of packed file.

    Attributes:
        name: "zip", "cab", …
        probe: decides from the first 512 bytes.
        members: lists what the file holds, in its order. Raises DumpError.
        single: True for compressors, which wrap one file.
        what: one line for people and the catalog.
    """

    name: str
    probe: Callable[[bytes], bool]
    members: Callable[[BinaryView, Unpacking], Iterator[Member]]
    single: bool
    what: str


CONTAINERS: Registry[Container] = Registry("container", "bugcheck.archives.containers")
_Lister = Callable[[BinaryView, Unpacking], Iterator[Member]]


def container(
    name: str, *, probe: Callable[[bytes], bool], what: str, single: bool = False
) -> Callable[[_Lister], _Lister]:
    """Register the decorated lister of members as a kind of container."""

    def register(members: _Lister) -> _Lister:
        CONTAINERS.add(Container(name, probe, members, single, what))
        return members

    return register


def container_of(view: BinaryView) -> Container | None:
    """Find what kind of container a file is, by its first bytes."""
    head = view.read_up_to(0, 512)
    return next((candidate for candidate in CONTAINERS if candidate.probe(head)), None)


def shown_name(name: str, limit: int) -> str:
    """Make a member's name safe to show: control, format and unpaired characters escaped, cut after `limit`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:limit])
    return shown + ("…" if len(name) > limit else "") or "(no name)"


def base_name(path: str) -> str:
    """Cut a path after its last slash or backslash."""
    return path.replace("\\", "/").rpartition("/")[2]


def unwrapped_name(path: str, suffixes: dict[str, str]) -> str:
    """Name what a compressed file holds: `a.tgz` → `a.tar`; a name without a known suffix stays."""
    name = base_name(path)
    for suffix, replacement in suffixes.items():
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + replacement
    return name


@contextmanager
def unpacking_errors(name: str, *kinds: type[Exception]) -> Generator[None]:
    """Turn what the standard library raises on hostile input, and `kinds`, into CorruptDump for the file `name`."""
    try:
        yield
    except DumpError:
        raise
    except (*kinds, *_HOSTILE_INPUT) as error:
        raise CorruptDump(name, f"cannot be unpacked: {error or type(error).__name__}") from error
