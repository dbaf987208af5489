"""A file of a case → what a parser reads: its head, its bytes, its lines in the right encoding, its neighbours.

A Source is never loaded as a whole: `view` is a map, `lines()` streams and gives its pages back.

Source of truth: Unicode's byte order marks.  Windows tools write text as UTF-16 with a mark (msinfo32, `reg export`),
as the system's ANSI or OEM code page without one (systeminfo, driverquery, pfirewall.log), seldom as UTF-8.

Folklore: which code page a text without a mark has, its bytes tell only statistically.  A parser that knows its
headings in several languages passes the encodings to try; otherwise it is UTF-8, then GBK, Big5, Shift-JIS or EUC-KR
where the head decodes so without an error and mostly into letters of that script, then Windows-1252.  UTF-16 files
without a mark exist (WER), told by every second byte being zero.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, BinaryIO, cast

from bugcheck.archives.files import release, sha256_of
from bugcheck.archives.spool import ViewReader
from bugcheck.binary import BinaryView

HEAD = 0x10000
"""Bytes that probes may look at."""
LINE_LIMIT = 0x10000
"""Characters after which a line is cut: a file without line ends must not fill the memory."""
TEXT_LIMIT = 64 << 20
"""Bytes `text()` reads at most: for documents (XML, TOML) that cannot be streamed."""
PIECE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EAST_ASIAN = ("gbk", "big5", "shift_jis", "euc_kr")
_BINARY = bytes([*range(1, 7), *range(14, 26), 28, 29, 30, 31])
"""Bytes no text of one-byte units has; 26 (Ctrl-Z) ended files of CP/M's heirs."""


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
        damage: what is wrong with the bytes: an archive that broke off within this member; "" when nothing is.
    """

    path: str
    view: BinaryView
    neighbours: Callable[[str], Source | None] = field(default=lambda _: None)
    modified: datetime | None = None
    password: bytes | None = None
    symbols: Any = None
    damage: str = ""

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


def encoding_of(head: bytes, *, whole: bool = True, candidates: Sequence[str] = _EAST_ASIAN) -> str:
    """Tell the encoding of a text by its first bytes; "" when they are no text.

    Args:
        head: the first bytes. whole: they are all there is; else a character may be cut at the end.
        candidates: multi-byte code pages to try after UTF-8.
    """
    if not head:
        return ""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _unmarked_utf16(head)
    if head.translate(None, _BINARY) != head:
        return ""
    if head.isascii() or _decodes(head, "utf-8", whole):
        return "utf-8"
    return next((name for name in candidates if _looks_like(head, name, whole)), "cp1252")


def _unmarked_utf16(head: bytes) -> str:
    even, odd = head[0:0x1000:2].count(0), head[1:0x1000:2].count(0)
    pairs = max(1, min(len(head), 0x1000) // 2)
    if odd > pairs * 0.7 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.7 and odd == 0 else ""


def _decodes(head: bytes, name: str, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(name)("strict").decode(head, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _looks_like(head: bytes, name: str, whole: bool) -> bool:
    """Tell whether the head decodes in an East Asian code page mostly into that script's common letters."""
    if not _decodes(head, name, whole):
        return False
    text = codecs.getincrementaldecoder(name)("strict").decode(head, final=whole)
    foreign = [char for char in text if char > "\x7f"]
    common = sum(_is_common(char) for char in foreign)
    return len(foreign) >= 4 and common > 0.9 * len(foreign)


def _is_common(char: str) -> bool:
    code = ord(char)
    return (
        0x4E00 <= code < 0x9FB0  # unified ideographs
        or 0x3000 <= code < 0x3100  # East Asian punctuation, kana
        or 0xAC00 <= code < 0xD7B0  # hangul
        or 0xFF00 <= code < 0xFF60  # full width forms
    )
