"""Hostile words in the free text of every kind of evidence, through parsers, investigation, reports and case folder.

For each sample of each parser the values it tells are found again in the file and made hostile there, one after
another, as long as the file stays what it is.  So the words stand wherever a stranger can put words, and nothing here
knows a format.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from bugcheck.api.incident import investigate, render_case
from bugcheck.cases.session import Investigated
from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import PARSERS, CrashSeen, Event, EvidenceParser, Fact, Record, parser_of
from tests.evidence.test_every_parser import OWN, source_of
from tests.reports.html_reader import faults, read
from tests.reports.test_markdown import markup_in

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>[a](javascript:alert(1))"
CONTROL = "\x1b[2J\x1b]0;t\x07\u202e\u2066../../../../evil\\..\\..\\evil"
SHORT = {MARKUP: "<img/on=", CONTROL: "\x1b[2J/../"}
"""What fits into a value of a binary file, whose lengths are told elsewhere in it."""
TRACE = {MARKUP: re.compile("<script|<img"), CONTROL: re.compile(r"evil|\[2J")}
TRIED = 5
SILENT = frozenset((
    "registry_log--system.LOG1",  # says nothing by itself
    "windows_version--ver.txt", "windows_re--ReAgent.xml", "setupapi_old--setupapi.log",  # numbers and strict names
    "directory_listing--dumps.txt",  # the names of dumps
))  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A sample with hostile words, and in how many of its values they arrive."""

    data: bytes
    arrived: int


def told(parser: EvidenceParser, data: bytes, name: str) -> list[Record]:
    records: list[Record] = []
    with contextlib.suppress(BugcheckError):
        records.extend(parser.read(source_of(data, name)))
    return records


def words_of(records: list[Record]) -> Iterator[str]:
    for record in records:
        if isinstance(record, Event):
            yield from (record.source, record.host, *record.fields.values(), record.text)
        elif isinstance(record, Fact):
            yield from (record.name, record.value, record.host, *record.fields.values())
        elif isinstance(record, CrashSeen):
            yield from (record.host, record.os, record.process, *(each.name for each in record.modules))


def hostile(path: Path, payload: str) -> Made:
    """Put a payload behind each value the sample tells, where the file bears it."""
    parser = next(each for each in PARSERS if each.name == path.name.partition("--")[0])
    data, arrived = path.read_bytes(), 0
    candidates = {word for word in words_of(told(parser, data, path.name)) if len(word) >= 4 and not word.isdecimal()}
    for word in sorted(candidates, key=len, reverse=True)[: 4 * TRIED]:
        for changed in variants(data, path.name, word, payload):
            given = source_of(changed, path.name)
            found = parser_of(given)
            if found is parser and any(
                TRACE[payload].search(each) for each in words_of(told(parser, changed, path.name))
            ):
                data, arrived = changed, arrived + 1
                break
        if arrived >= TRIED:
            break
    return Made(data, arrived)


def variants(data: bytes, name: str, word: str, payload: str) -> Iterator[bytes]:
    """Yield the file with the payload at a value: behind it in a text, over it in anything else."""
    encoding = source_of(data, name).encoding
    if encoding:
        text = data.decode(encoding, "replace")
        marked = escape(payload) if text.lstrip("\ufeff \r\n").startswith("<") else payload
        if word in text:
            yield text.replace(word, word + marked, 1).encode(encoding, "replace")
    for form in ("utf-16-le", "latin-1"):
        raw, short = word.encode(form, "replace"), SHORT[payload].encode(form)
        if raw in data and len(short) <= len(raw):
            yield data.replace(raw, short + raw[len(short) :], 1)


@cache
def made(payload: str) -> dict[str, Made]:
    return {path.name: hostile(path, payload) for path in OWN}


@dataclass(frozen=True)
class Told:
    """An investigation of all hostile samples, and the folder around it."""

    case: Investigated
    around: Path
    folder: Path


@pytest.fixture(scope="module", params=[MARKUP, CONTROL], ids=["markup", "control"])
def investigated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Told]:
    payload: str = request.param
    around = tmp_path_factory.mktemp("around")
    folder = around / "a" / "b" / "case"
    folder.mkdir(parents=True)
    for name, each in made(payload).items():
        (folder / name).write_bytes(each.data)
    if os.name != "nt":
        (folder / "<img src=x onerror=alert(1)>\x1b[2J.txt").write_text("nothing")
    return payload, Told(investigate(folder), around, folder)


def test_hostile_words_arrive_from_nearly_every_sample() -> None:
    """Else the tests below would look at nothing."""
    silent = {name for name in made(MARKUP) if not made(MARKUP)[name].arrived and not made(CONTROL)[name].arrived}
    assert silent <= SILENT
    assert sum(each.arrived for each in made(MARKUP).values()) > 250


def test_the_page_is_harmless(investigated: tuple[str, Told]) -> None:
    payload, found = investigated
    page = render_case(found.case, "html", verbose=True)
    assert faults(page) == []
    assert len(TRACE[payload].findall(read(page).all("main")[0].text)) > 20
    assert not [char for char in page if char in "\x1b\x9b\x00\x07\u202e\u2066"]


def test_markdown_and_terminal_are_harmless(investigated: tuple[str, Told]) -> None:
    _, found = investigated
    page = render_case(found.case, "markdown", verbose=True)
    assert markup_in(page) - {"heading_open", "fence"} == set()
    for text in (page, render_case(found.case, "text", verbose=True)):
        odd = {char for char in text if not char.isprintable() and char not in "\n\u2060"}  # a joiner breaks up links
        assert odd == set()


def test_json_says_it_escaped(investigated: tuple[str, Told]) -> None:
    _, found = investigated
    text = render_case(found.case, "json")
    assert json.loads(text)["schema"].startswith("bugcheck.case/")
    assert not [char for char in text if char < " " and char != "\n"]


def test_the_case_folder_has_our_names_only_and_nothing_lies_beside_it(investigated: tuple[str, Told]) -> None:
    _, found = investigated
    written = {path for path in found.around.rglob("*") if path.is_file() and found.folder not in path.parents}
    assert not written
    kept = [path for path in (found.folder / ".bugcheck").rglob("*") if path.is_file()]
    assert kept
    assert all(re.fullmatch(r"[\w.-]+", part) for path in kept for part in path.relative_to(found.folder).parts)
    outside = {path.name for path in found.folder.iterdir()} - set(made(MARKUP)) - {".bugcheck"}
    assert all(name.startswith("<img") for name in outside)
