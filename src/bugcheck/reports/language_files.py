"""A language's code → its file: fixed words by key, and sentences with their translations.

Source: the files of `languages/`; the first lines of each say what its columns mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("languages")


@dataclass(frozen=True, slots=True)
class LanguageFile:
    """What one file holds: words by key; sentences, as told, with what they are in this language."""

    words: dict[str, str]
    sentences: tuple[tuple[str, str], ...]


def languages() -> list[str]:
    """Codes of the languages a report can speak, English first."""
    return ["en", *sorted(path.stem for path in FOLDER.glob("*.tsv"))]


@cache
def language_file(code: str) -> LanguageFile:
    """The file of a language; an empty one for English, and for a language that is not there."""
    words: dict[str, str] = {}
    sentences: list[tuple[str, str]] = []
    if code not in languages()[1:]:
        return LanguageFile(words, ())
    for line in (FOLDER / f"{code}.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, key, text = line.split("\t")
            if kind == "word":
                words[key] = text
            else:
                sentences.append((key, text))
    return LanguageFile(words, tuple(sentences))
