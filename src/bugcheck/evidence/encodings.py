"""The first bytes of a text → the encoding it is in.

Source: Unicode's byte order marks and code charts; the lead and trail bytes of GB 2312, Big5, Shift-JIS and KS X 1001;
Microsoft's code pages 1250 to 1253 (ANSI) and 437, 850, 852, 866 (console).

Folklore: which code page a text without a mark has, its bytes tell only by what they would spell.  Nearly any bytes
decode in GBK, so decoding proves nothing: a Portuguese report read as GBK has Chinese letters of the rarest kind, a
Korean one only such as begin with 0xB0 to 0xC8, a German console's words have quotes in their middle when read as
Windows-1252, and a Russian one's are Cyrillic from end to end only in the right page.  UTF-16 without a mark exists
(WER), told by every second byte being zero.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
EAST_ASIAN = ("shift_jis", "euc_kr", "gbk", "big5")
SINGLE = ("cp1252", "cp1251", "cp866", "cp850", "cp1253", "cp1250", "cp852")
"""Code pages of one byte a letter, the likeliest first: where two spell alike, the first stands."""
_NO_TEXT = bytes([*range(7), *range(14, 26), 28, 29, 30, 31])
"""Bytes no text of one-byte units has; 26 (Ctrl-Z) ended files of CP/M's heirs."""
ODD, FIRST = 2000, 1024
"""One byte in so many, and none of the first, may be no text's: values of a registry are printed as they are."""
_HIGH = re.compile(rb"[\x80-\xff]")
_RUN = re.compile(r"[^\W\d_]{0,64}[^\x00-\x7f]+(?:[^\W\d_]|[^\x00-\x7f])*")
_SIGNS = frozenset("©®™°µ·«»¿¡“”„‘’‚–—…€£§±²³×º¹ª¼½¾№\xa0")
"""What Western texts have beside letters."""
_SAMPLE = 0x8000
_RUNS = 2000
_MIXED = re.compile(
    r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][a-z]|[\uff61-\uff9f]|(?<![^\x00-\x7f])[^\x00-\x7f](?![^\x00-\x7f])"
)
"""What a few letters of a script do not: stand in Latin words, or alone as a degree sign read wrongly does."""
FEW = 8
"""Letters of a script below which their being common proves little."""
ENOUGH = 0.9
"""Share of an East Asian text's letters that must be common ones."""


def encoding_of(head: bytes, *, whole: bool = True, candidates: Sequence[str] = EAST_ASIAN) -> str:
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
    if b"\0" in head and (name := _unmarked_utf16(head)):
        return name
    odd = len(head) - len(head.translate(None, _NO_TEXT))
    if odd > len(head) // ODD or (odd and head[:FIRST].translate(None, _NO_TEXT) != head[:FIRST]):
        return ""
    if head.isascii() or _decoded(head, "utf-8", whole) is not None:
        return "utf-8"
    return next((name for name in candidates if _reads_as(head, name, whole)), "") or _one_byte(head)


def _unmarked_utf16(head: bytes) -> str:
    even, odd = head[0:0x1000:2].count(0), head[1:0x1000:2].count(0)
    pairs = max(1, min(len(head), 0x1000) // 2)
    if odd > pairs * 0.7 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.7 and odd == 0 else ""


def _decoded(head: bytes, name: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(head, final=whole)
    except UnicodeDecodeError:
        return None


def _reads_as(head: bytes, name: str, whole: bool) -> bool:
    """Tell whether a text decodes in an East Asian code page, and mostly into letters common there."""
    text = _decoded(head, name, whole) or ""
    foreign = [char for char in text if char > "\x7f"]
    common = sum(_COMMON[name](char) for char in foreign)
    if len(foreign) < FEW:
        # two letters of Chinese or two accented capitals: only whole words of their own tell them apart
        return len(foreign) > 1 and common == len(foreign) and name != "euc_kr" and not _MIXED.search(text)
    if name == "shift_jis" and not any(len(char.encode(name, "replace")) == 2 for char in foreign):
        return False  # halfwidth kana alone are accented capitals
    return common > ENOUGH * len(foreign)


def _pair(char: str, name: str) -> tuple[int, int]:
    raw = char.encode(name, "replace")
    return (raw[0], raw[1]) if len(raw) == 2 else (0, 0)


def _chinese(char: str) -> bool:
    """Tell the letters of GB 2312's first level, which are nearly all of a text's, and its punctuation."""
    lead, trail = _pair(char, "gbk")
    return trail >= 0xA1 and (0xB0 <= lead <= 0xD7 or lead in (0xA1, 0xA3))


def _traditional(char: str) -> bool:
    lead, _ = _pair(char, "big5")
    return 0xA1 <= lead <= 0xC6


def _japanese(char: str) -> bool:
    """Tell kana, and kanji of the first level."""
    lead, _ = _pair(char, "shift_jis")
    return 0x81 <= lead <= 0x97 or "\uff61" <= char <= "\uff9f"


def _korean(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3" or _pair(char, "euc_kr")[0] in (0xA1, 0xA3)


_COMMON = {"gbk": _chinese, "big5": _traditional, "shift_jis": _japanese, "euc_kr": _korean}


def _one_byte(head: bytes) -> str:
    """Return the code page of one byte a letter in which the words are best spelt."""
    places = [found.start() for found in _HIGH.finditer(head)]
    head = head[max(0, places[0] - 40) :][:_SAMPLE]
    return max(SINGLE, key=lambda name: (round(_spelling(head.decode(name, "replace")), 2), -SINGLE.index(name)))


def _spelling(text: str) -> float:
    """Tell which share of a text's pieces with foreign characters are words of one script, or signs as people use."""
    good = total = 0.0
    for count, found in enumerate(_RUN.finditer(text)):
        if count == _RUNS:
            break
        foreign = sum(char > "\x7f" for char in found[0])
        total += foreign
        good += foreign * _word(found[0], text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1])
    return good / total if total else 0.0


def _word(word: str, before: str, behind: str) -> float:
    """Judge one piece: 1 for a word of one script in one case or capitalised, or a sign; 0 for what nobody writes."""
    bare = word.strip("".join(_SIGNS))
    if not bare or bare.isascii():
        return 0.9  # a sign may stand anywhere; a letter in a word says more
    if not bare.isalpha() or (before.isdigit() and behind.isdigit()):
        return 0.0
    scripts = {_script(char) for char in bare}
    if len(scripts) > 1:
        return 0.0
    if scripts == {"LATIN"} and len(bare) > 2 and sum(char > "\x7f" for char in bare) > 0.6 * len(bare):
        return 0.1  # hardly a word has more accented letters than plain ones; a Russian one read wrongly has
    if bare.islower() or bare.istitle() or bare.isupper():
        return 1.0 if len(bare) > 1 else 0.6
    return 0.1


def _script(char: str) -> str:
    return "LATIN" if char < "\x80" else unicodedata.name(char, "?").partition(" ")[0]
