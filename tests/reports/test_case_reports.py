"""Reports of a case: one screen, JSON, and a page that is usable and harmless whatever evidence says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bugcheck.api.incident import render_case
from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.weighing import weigh
from bugcheck.plans.plan import make_plan
from bugcheck.reports.case_document import case_document
from bugcheck.reports.case_json import case_json
from bugcheck.reports.case_words import ENGLISH
from bugcheck.reports.escape import printable
from bugcheck.reports.formats.text import draw
from bugcheck.reports.language_files import language_file, languages
from bugcheck.reports.widths import columns, wrapped
from tests.reports.case_of import NOW, build
from tests.reports.html_reader import faults, read
from tests.reports.test_html import HOSTILE
from tests.reports.test_markdown import TRICKS, markup_in
from tests.timeline.cases import timeline_with

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"


@pytest.fixture(scope="module")
def plain() -> Investigated:
    return build()


def test_the_screen(plain: Investigated, snapshot: SnapshotAssertion) -> None:
    text = render_case(plain)
    assert text == snapshot
    assert text.count("\n") <= 45
    assert all(columns(line) <= 120 for line in text.splitlines() if "→" not in line)


def test_the_screen_in_chinese(plain: Investigated, snapshot: SnapshotAssertion) -> None:
    text = render_case(plain, language="zh")
    assert text == snapshot
    assert all(columns(line) <= 120 for line in text.splitlines() if "→" not in line)


def test_markdown(plain: Investigated, snapshot: SnapshotAssertion) -> None:
    assert render_case(plain, "markdown") == snapshot


def test_the_page(plain: Investigated, snapshot: SnapshotAssertion) -> None:
    page = render_case(plain, "html")
    assert faults(page) == []
    assert (
        re.sub(r"<style>.*?</style>|<script>.*?</script>|sha256-[^']*|bugcheck [0-9][^ ]*", "", page, flags=re.S)
        == snapshot
    )


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {key for name, each in value.items() for key in (name, *(keys_of(each) if name != "analysis" else ()))}
    return {key for each in value for key in keys_of(each)} if isinstance(value, list) else set()


def test_every_key_of_the_json_is_in_the_reference(plain: Investigated) -> None:
    text = REFERENCE.read_text("utf-8").partition("bugcheck.case/1")[2]
    made = json.loads(render_case(plain, "json"))
    missing = {key for key in keys_of(made) if not re.search(rf"\b{key}\b", text)}
    assert missing - {"schema", "bugcheck_version"} == set()  # these two stand in the reference's first part
    assert made["crashes"][0]["analysis"]["stack"][1]["name"] == "acme+0x1234"


def test_log_odds_add_up(plain: Investigated) -> None:
    for each in case_json(plain.case)["hypotheses"]:
        counted = sum(one["weight"] for one in each["predictions"] if one["counted"])
        added = sum(one["add"] for one in each["judgements"])
        assert each["log_odds"] == pytest.approx(each["prior"] + counted + added, abs=0.01)


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_evidence_makes_a_harmless_page(words: str, language: str) -> None:
    words = words.replace("\x00", "")
    page = render_case(build(words), "html", language=language)
    assert faults(page) == []
    text = read(page).all("main")[0].text
    assert text.count(printable(words)[:8]) > 20  # in files, events, facts, notes, issues, gaps …
    drawn = draw(case_document(build(words), verbose=True, language=language), colour=False, width=120)
    assert all(line.isprintable() for line in drawn.split("\n"))


@pytest.mark.parametrize("words", [*HOSTILE, *TRICKS])
def test_hostile_evidence_makes_harmless_markdown(words: str) -> None:
    page = render_case(build(words.replace("\x00", "").replace("\n", " ")), "markdown", verbose=True)
    assert markup_in(page) - {"heading_open", "fence"} == set()


def test_a_case_of_nothing() -> None:

    timeline = timeline_with({})
    investigation = Investigation(timeline)
    weighed = weigh(investigation)
    plan = make_plan(investigation, weighed)
    case = Investigated(Case("x", NOW, "", timeline, investigation, weighed, (), plan, (), ()))
    for language in ("en", "zh"):
        assert faults(render_case(case, "html", language=language)) == []
    assert "No crash" in render_case(case)


@pytest.mark.parametrize("language", languages()[1:])
def test_every_language_has_every_word_and_each_hole(language: str) -> None:
    found = language_file(language)
    assert ENGLISH.keys() == found.words.keys()
    for key, words in ENGLISH.items():
        assert set(re.findall(r"\{[^}]*\}", words)) == set(re.findall(r"\{[^}]*\}", found.words[key])), key
    for told, text in found.sentences:
        holes = [set(re.findall(r"\{(\w+)", each)) for each in (told, text)]
        assert holes[1] <= holes[0], told
        assert "d2" in holes[0] or holes[0] == holes[1], told
    told = [told for told, _ in found.sentences]
    assert len(told) == len(set(told))


def test_chinese_takes_two_columns() -> None:
    # Unicode Standard Annex 11: ideographs are wide
    assert columns("崩溃 ok") == 7
    assert wrapped("最可能：一二三四五六", 12) == ["最可能：一二", "三四五六"]
    assert wrapped("plain words here", 11) == ["plain words", "here"]
