"""The lines of STACK_TEXT → LogFrames, whatever happened to the lines.

Source: STACK_TEXT of the logs in docs/logs-read.md: x86 `ChildEBP RetAddr three words symbol`; 64 bits
`Child-SP RetAddr : four words : symbol`.

Folklore: the return address of one line is the instruction pointer of the next.  A line that a mailer wrapped has no
symbol, and the next one goes on with it, or ends in the middle of its name or offset; a 64-bit address that lost its
back-tick is one word or two.  Behind the symbol stand source file and line, FPO data, and what people write there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bugcheck.dump.log.facts import LogFrame

MAX_FRAMES = 1024
MAX_JOINED = 4
WORDS = {32: 5, 64: 6}
"""Numbers in front of a symbol."""
_WORD = re.compile(r"[0-9a-fA-F]{8}`[0-9a-fA-F]{8}(?![0-9a-fA-F])|[0-9a-fA-F]{16}(?![\w`])|[0-9a-fA-F]{8}(?![\w`])")
_INDEX = re.compile(r"^(?:#?\s?[0-9a-fA-F]{2} )(?=[0-9a-fA-F]{8})")
_INLINE = re.compile(r"^\(Inline(?: Function)?\)[-`\s]*:?[-`\s]*:?\s*(\S.*)$")
_START = re.compile(r"^[0-9a-fA-F]{8}(?:`[0-9a-fA-F]{8}|[0-9a-fA-F]{8})?[ \t]")
_SYMBOL = re.compile(r"^(\w[\w.$-]{0,79}|<Unloaded_[^>\s]{1,80}>)(?:!(.{1,1000}?))?(?:\+0x([0-9a-fA-F]{1,16}))?$")
_BEHIND = re.compile(
    r"\s(?:\s|\[[^\[\]]{1,500}(?: @ \d{1,7}\]|$)|<--|\((?:FPO|CONV|TrapFrame|Inline)\b).*$|(?:\]|\))?\s*<br ?/?>$"
)
_CUT_OFFSET = re.compile(r"\+0x[0-9a-fA-F]{0,7}$")
_REST_OF_OFFSET = re.compile(r"^[0-9a-fA-F]{1,7}$")
_BARE = re.compile(r"^0x([0-9a-fA-F]{8}`?[0-9a-fA-F]{8}|[0-9a-fA-F]{1,16})$")
_REST_OF_NAME = re.compile(r"^(?![0-9a-fA-F]{8}\b|\(Inline|[A-Z_]+:)[^!]{1,500}\+0x[0-9a-fA-F]{1,8}$")
WARNING = "WARNING:"
NOTHING = "|"


class Symbol(NamedTuple):
    """Module, function ("" without) and offset as printed."""

    module: str
    function: str
    offset: int


def parse_symbol(text: str) -> Symbol | None:
    """Read `nt!KeBugCheckEx+0x1b`, `RapDrv+0xb93`, `nt!Foo`; None for a bare address and what is none of these."""
    match = _SYMBOL.match(_BEHIND.sub("", text.strip()).strip())
    if match is None or (match[2] is None and match[3] is None):
        return None
    return Symbol(match[1], (match[2] or "").removesuffix("+0x"), int(match[3] or "0", 16))


def read_stack(lines: Iterable[str], first_ip: int, bits: int) -> tuple[LogFrame, ...]:
    """Read the levels; `first_ip` is the instruction pointer of the first, 0 when it is not known."""
    frames: list[LogFrame] = []
    ip, warning = first_ip, ""
    for line in _joined(list(lines), bits):
        if line.startswith(WARNING):
            warning = line
            continue
        frame = _frame(line, ip, warning, bits)
        if frame is None:
            continue
        frames.append(frame)
        warning = ""
        ip = ip if frame.inline else frame.return_address
        if len(frames) == MAX_FRAMES:
            break
    return tuple(frames)


def _joined(lines: list[str], bits: int) -> Iterator[str]:
    """Put wrapped lines together: one that begins with an address and has no symbol goes on in the next."""
    position = 0
    while position < len(lines):
        line = _INDEX.sub("", lines[position].strip())
        position += 1
        for _ in range(MAX_JOINED):
            following = lines[position].strip() if position < len(lines) else ""
            if not following or not (glue := _glue(line, following, bits)):
                break
            line = f"{line}{glue.strip(NOTHING)}{following}"
            position += 1
        yield line


def _glue(line: str, following: str, bits: int) -> str:
    """What stood between a line and the next one before it was wrapped: a blank, NOTHING, or "" for two lines."""
    if not _START.match(f"{line} ") and not line.startswith("(Inline"):
        return ""
    if not _is_whole(line, bits):
        return " " if _goes_on(line, following, bits) else ""
    if _CUT_OFFSET.search(line) and _REST_OF_OFFSET.match(following):
        return NOTHING
    return " " if "+0x" not in line and _REST_OF_NAME.match(following) else ""


def _goes_on(line: str, following: str, bits: int) -> bool:
    """Tell whether the next line may be the rest of this one: no level itself, or one with just the words missing."""
    if not _is_whole(following, bits):
        return True
    words = len(_words(line, bits)[0])
    return words > 0 and words + len(_words(following, bits)[0]) == WORDS[bits]


def _is_whole(line: str, bits: int) -> bool:
    return _frame(line, 0, "", bits) is not None


def _frame(line: str, ip: int, warning: str, bits: int) -> LogFrame | None:
    inline = _INLINE.match(line)
    if inline:
        symbol = parse_symbol(inline[1])
        return LogFrame(0, 0, ip, (), *symbol, inline=True, warning=warning) if symbol else None
    if not _START.match(line):
        return None
    words, rest = _words(line, bits)
    if len(words) < 2:
        return None
    bare = _BARE.match(rest)
    symbol = parse_symbol(rest)
    if bare:
        return LogFrame(
            words[0], words[1], int(bare[1].replace("`", ""), 16), tuple(words[2:]), "", "", 0, False, warning
        )
    return LogFrame(words[0], words[1], ip, tuple(words[2:]), *symbol, warning=warning) if symbol else None


def _words(line: str, bits: int) -> tuple[list[int], str]:
    """Read the numbers a line begins with, and what follows them."""
    found: list[str] = []
    at = 0
    while len(found) < 12:
        while at < len(line) and line[at] in " :\t":
            at += 1
        match = _WORD.match(line, at)
        if match is None:
            break
        found.append(match.group().replace("`", ""))
        at = match.end()
    if bits == 64 and len(found) >= 4 and not len(found) % 2 and all(len(word) == 8 for word in found):
        found = [high + low for high, low in zip(found[::2], found[1::2], strict=True)]
    return [int(word, 16) for word in found[:6]], line[at:].strip()
