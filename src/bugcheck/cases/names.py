"""Names met in a case → which of them can be told from the words around them, and how to find them in any text.

Folklore: a host called A, a domain called OFFICE and a user called Service are words as well.  A distinct name is
replaced wherever its letters stand, within file names too; a short or common one only as a whole word in its own
spelling, or where the place (`OFFICE\\x`, `\\Users\\x`) shows what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

from bugcheck.cases.name_matcher import alternatives
from bugcheck.cases.pseudonyms import DOMAIN, HOST, USER
from bugcheck.cases.redaction_words import is_kept, words_in

LONGEST = 253
DISTINCT = 5
"""Letters of a name that is found inside longer words."""
_LITTLE = frozenset(
    [
        *("am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "me", "my", "no", "of", "on"),
        *("or", "so", "to", "up", "us", "we"),
    ]
)
_HEXADECIMAL = frozenset("0123456789abcdef-")


class Names:
    """What is known to be a name.

    Attributes:
        kinds: folded name → kind. canonical: folded name → the folded name whose pseudonym it shares.
    """

    def __init__(self, common: Collection[str] = ()) -> None:
        """Take words (lower case) that are no names to whoever reads them: products, drivers, our own wording."""
        self.common = words_in("words") | frozenset(common)
        self.kinds: dict[str, str] = {}
        self.canonical: dict[str, str] = {}
        self._spelled: dict[str, set[str]] = {}

    def add(self, kind: str, name: str, *, like: str = "") -> None:
        """Enter a name; `like` is another name of the same person or machine."""
        name = name.strip().strip("\"'")
        if not name or len(name) > LONGEST or is_kept(kind, name) or not any(char.isalnum() for char in name):
            return
        folded = name.casefold()
        if folded not in self.kinds:
            self.kinds[folded] = kind
            self.canonical[folded] = self.canonical.get(like.casefold(), like.casefold()) if like else folded
        self._spelled.setdefault(folded, set()).add(name)

    def add_host(self, name: str, *, like: str = "") -> None:
        """Enter a host by any of its names: with `$`, with slashes, with its domain; `like` is another of its names."""
        name = name.strip().lstrip("\\").rstrip("$.")
        short, _, domain = name.partition(".")
        if not any(char.isalpha() for char in short) or ":" in name or is_kept(HOST, short):
            return
        self.add(HOST, short, like=like)
        if domain:
            self.add_domain(domain)

    def add_domain(self, name: str) -> None:
        """Enter a domain, and what it is called without its ending: contoso.example is Contoso's."""
        name = name.strip().strip(".")
        self.add(DOMAIN, name)
        labels = name.split(".")
        for label in labels[:-1] if len(labels) > 1 else []:
            if len(label) >= 4 and label.lower() not in self.common:
                self.add(DOMAIN, label)

    def add_user(self, name: str) -> None:
        """Enter a person or account; a name of several words is known by each of the longer ones, too."""
        name = name.strip()
        if name.endswith("$"):
            self.add_host(name)
            return
        words = name.split()
        if len(words) > 4 or len(name) > 64 or is_kept(USER, name):
            return
        self.add(USER, name)
        for word in words if len(words) > 1 else []:
            if len(word) >= 4 and word.casefold() not in self.common and not is_kept(USER, word):
                self.add(USER, word.strip(",.()"), like=name)

    def pattern(self) -> str:
        """An expression that finds every name, as one alternative."""
        loud, bounded, whole, exact = set[str](), set[str](), set[str](), set[str]()
        for folded, spellings in self._spelled.items():
            foreign = {each.lower() for each in spellings if not each.isascii() and len(each) > 1}
            loud |= foreign | {quote(each).lower() for each in foreign}
            if not folded.isascii():
                continue  # where its folding is ASCII (ß is ss), that is one more of its spellings
            if len(folded) < 3 or folded in self.common:
                exact |= {each for each in spellings if each != each.lower() or _is_short(each)}
            elif set(folded) <= _HEXADECIMAL:
                whole.add(folded)
            else:
                (loud if len(folded) >= DISTINCT else bounded).add(folded)
        self.loud = re.compile(f"(?i:{alternatives(loud)})")
        return (
            f"(?i:{alternatives(loud)})|(?<![^\\W\\d_])(?i:{alternatives(bounded)})(?![^\\W\\d_])"
            f"|(?<![\\w.-])(?i:{alternatives(whole)})(?![\\w-])|(?<![\\w'-])(?:{alternatives(exact)})(?![\\w'-]|:\\\\)"
        )


def _is_short(name: str) -> bool:
    """A name of two letters that is no word of a sentence."""
    return len(name) == 2 and name not in _LITTLE
