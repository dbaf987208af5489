"""This bugcheck → a word for how it reads evidence: another word, and what is stored is read anew.

Source: the package's own files.  A version number would do for releases, but not for a parser that is being written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from bugcheck import __version__

READING = (
    *("archives", "dump", "evidence", "findings", "images", "machine", "memory", "stack", "symbols", "timeline"),
    "verdict",
)
"""Folders whose code decides what is read out of a file."""


@cache
def fingerprint() -> str:
    """The version, and a hash of the code that reads."""
    digest = sha256()
    package = files("bugcheck")
    for folder in READING:
        _add(digest.update, package / folder)
    return f"{__version__} {digest.hexdigest()[:12]}"


def _add(update: Callable[[bytes], None], place: Traversable) -> None:
    for each in sorted(place.iterdir(), key=lambda each: each.name):
        if each.is_dir() and not each.name.startswith("__"):
            _add(update, each)
        elif each.name.endswith(".py"):
            update(each.name.encode())
            update(each.read_bytes())
