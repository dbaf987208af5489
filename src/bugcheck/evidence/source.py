"""A file of a case → what a parser reads: its head, its bytes, its lines in the right encoding, its neighbours.

A Source is never loaded as a whole: `view` is a map, `lines()` streams and gives its pages back.

Source of truth: Unicode's byte order marks.  Windows tools write text as UTF-16 with a mark (msinfo32, `reg export`),
as the system's ANSI or OEM code page without one (systeminfo, driverquery, pfirewall.log), seldom as UTF-8.

Folklore: which code page a text without a mark has, its bytes tell only statistically (`encodings.py`); a parser that
knows its headings in several languages passes the encodings to try.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, BinaryIO, cast

from bugcheck.archives.files import release, sha256_of
from bugcheck.archives.spool import ViewReader
from bugcheck.binary import BinaryView
from bugcheck.evidence.encodings import encoding_of

HEAD = 0x10000
"""Bytes that probes may look at."""
LINE_LIMIT = 0x10000
"""Characters after which a line is cut: a file without line ends must not fill the memory."""
TEXT_LIMIT = 64 << 20
"""Bytes `text()` reads at most: for documents (XML, TOML) that cannot be streamed."""
PIECE = 1 << 20


@dataclass(frozen=True, eq=False)
class Source:
    """One file.

    Attributes:
        path: relative to the case's folder, with slashes; `archive.zip/member` for a member.
        view: the bytes, mapped.
        neighbours: other files of the same folder or archive by base name, in any case: a hive's logs, a driver's
            catalog.
        modified: when the file system says it was last changed, aware UTC, or None; a copy keeps or loses it, so it
            may only fill in what nothing else tells (a year).
        password: for what is encrypted, or None.
        symbols: where the parser of dumps looks for symbols, opaque to the others.
        programs: program files of the case by base name, for a dump to be held against.
        damage: what is wrong with the bytes: an archive that broke off within this member; "" when nothing is.
    """

    path: str
    view: BinaryView
    neighbours: Callable[[str], Source | None] = field(default=lambda _: None)
    modified: datetime | None = None
    password: bytes | None = None
    symbols: Any = None
    damage: str = ""
    programs: Callable[[str], Iterator[Source]] = field(default=lambda _: iter(()))

    @property
    def base_name(self) -> str:
        """File name without its folder."""
        return self.path.rpartition("/")[2]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.view.size

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB."""
        return self.view.read_up_to(0, HEAD)

    @cached_property
    def sha256(self) -> str:
        """64 lower-case hexadecimal digits."""
        return sha256_of(self.view)

    @cached_property
    def encoding(self) -> str:
        """Python's name of the text's encoding, "" when the head is no text."""
        return encoding_of(self.head, whole=self.size <= HEAD)

    @cached_property
    def head_text(self) -> str:
        """The head decoded, without a mark and with `\\n` for every line end; "" when it is no text."""
        if not self.encoding:
            return ""
        text = self.head.decode(self.encoding, "replace").removeprefix("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def file(self, ceiling: int = 1 << 62) -> BinaryIO:
        """Open the bytes as a seekable file for a library; a single read above `ceiling` raises LimitExceeded."""
        return cast("BinaryIO", ViewReader(self.view, ceiling))

    def text(self, encoding: str = "", limit: int = TEXT_LIMIT) -> str:
        """Decode the first `limit` bytes at once; what cannot be decoded becomes U+FFFD. Line ends become `\\n`."""
        data = self.view.read_up_to(0, limit)
        text = data.decode(encoding or self.encoding or "utf-8", "replace").removeprefix("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def lines(self, encoding: str = "") -> Iterator[tuple[int, str]]:
        """Yield (line number from 1, line without its end); a line beyond LINE_LIMIT characters is cut."""
        decoder = codecs.getincrementaldecoder(encoding or self.encoding or "utf-8")("replace")
        number, rest = 1, ""
        for offset in range(0, self.size, PIECE):
            data = self.view.read_up_to(offset, PIECE)
            text = decoder.decode(data, final=offset + PIECE >= self.size)
            if not offset:
                text = text.removeprefix("\ufeff")
            release(self.view, offset, PIECE)
            pieces = (rest + text).split("\n")
            rest = pieces.pop()[:LINE_LIMIT]
            for piece in pieces:
                yield number, piece[:LINE_LIMIT].rstrip("\r")
                number += 1
        if rest:
            yield number, rest.rstrip("\r")
