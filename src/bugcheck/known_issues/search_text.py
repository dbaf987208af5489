"""Texts in any language → words a full-text index can find, and a person's words → a query for it.

Source: SQLite, "FTS5 Extension" (query syntax, unicode61).

Folklore: Chinese, Japanese and Korean write no spaces, so an index of "words" holds whole sentences and finds nothing;
SQLite's trigrams miss the words of two characters, which most Chinese words are.  So runs of these scripts are indexed
as overlapping pairs, and a single character is found as the beginning of a pair.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_QUERY, MOST_TERMS = 1000, 24
_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(f"([{_CJK}]+)|([^\\W_]+)")
_CJK_CHAR = re.compile(f"[{_CJK}]")


def indexed(text: str) -> str:
    """Prepare a text for the index."""
    return " ".join(_tokens(text))


def _tokens(text: str) -> Iterator[str]:
    for cjk, word in _runs(text):
        if cjk:
            yield from (cjk[place : place + 2] for place in range(len(cjk) - 1))
            yield cjk[-1]
        else:
            yield word


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Split a text into runs of East Asian characters and words of others."""
    for match in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        if match[1]:
            yield match[1], ""
            continue
        # a word may hold both: "vista系统"
        for piece in re.split(f"([{_CJK}]+)", match[2]):
            if piece:
                yield (piece, "") if _CJK_CHAR.match(piece) else ("", piece)


def query(words: str, joined_by: str = "AND") -> str:
    """Make a query of a person's words; "" when they hold no word.

    Every word must be there (or, joined by OR, one of them); each may be the beginning of a longer one.
    """
    terms: list[str] = []
    for word in words[:LONGEST_QUERY].split():
        for cjk, plain in _runs(word):
            if cjk:
                pairs = [cjk[place : place + 2] for place in range(len(cjk) - 1)]
                terms.append(f'"{" ".join(pairs)}"' if pairs else f'"{cjk}"*')
            else:
                terms.append(f'"{plain}"*')
    return f" {joined_by} ".join(terms[:MOST_TERMS])
