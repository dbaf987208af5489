"""The page of a case: legible in every theme and on paper, usable by keyboard and ear, honest about what it cuts."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import product
from math import exp
from pathlib import Path

import pytest

import bugcheck.reports.html_page as html_page
from bugcheck.api.incident import investigate, render_case
from bugcheck.cases.session import Investigated
from bugcheck.reports import case_before, case_matrix, case_page, case_picture, case_ranking
from bugcheck.reports.case_before import before_crashes
from bugcheck.reports.case_confidence import confidence_of, level_word
from bugcheck.reports.case_words import words_of
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns
from bugcheck.verdict.blame import level_of
from tests.reports.case_of import build
from tests.reports.html_reader import read

CSS = Path(html_page.__file__).with_name("page.css").read_text("utf-8")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def plain() -> Investigated:
    return build()


@pytest.fixture(scope="module")
def page(plain: Investigated) -> str:
    return render_case(plain, "html")


# --- colours ---


def themes() -> dict[str, dict[str, str]]:
    """Every theme's variables: light, dark over light, print over light."""
    blocks = [
        dict(re.findall(r"--([\w-]+): *(#[0-9a-f]{3,6})", each)) for each in re.findall(r":root \{(.*?)\}", CSS, re.S)
    ]
    light, dark, paper = blocks
    assert len(light) == len(dark) >= 18
    return {"light": light, "dark": light | dark, "print": light | paper}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_says() -> None:
    # W3C, "Understanding SC 1.4.3": black on white 21:1, #777 on white 4.48:1
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


TEXTS = ("ink", "soft", "accent", "strong", "weak", "calm")
MARKS = ("l0", "l1", "l2", "l3", "l4", "l5", "strong", "calm", "soft")
BEDS = ("paper", "card", "strong-bed", "weak-bed", "good-bed")


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_is_legible(theme: str) -> None:
    colours = themes()[theme]
    for text, bed in product(TEXTS, BEDS):
        assert contrast(colours[text], colours[bed]) >= 4.5, (text, bed)  # WCAG 2.2 SC 1.4.3, level AA
    for mark, bed in product(MARKS, ("paper", "bed")):
        assert contrast(colours[mark], colours[bed]) >= 3, (mark, bed)  # SC 1.4.11, parts of a picture


def test_no_text_has_a_colour_of_its_own_or_is_faded() -> None:
    """What the test above measures is all there is: text has these variables, and nothing makes it paler."""
    used = set(re.findall(r"(?<![\w-])color: *([^;}]+)", CSS))
    assert used <= {
        f"var(--{name})" for name in ("ink", "soft", "accent", "strong", "weak", "calm", *(f"l{n}" for n in range(6)))
    }
    faded = [rule for rule in re.findall(r"[^{}]+\{[^{}]*opacity[^{}]*\}", CSS) if "button::after" not in rule]
    assert faded == []  # the arrow behind a column's head is an ornament: aria-sort says the same


# --- keyboard and ear ---


def test_the_keyboard_reaches_everything_in_reading_order(page: str) -> None:
    reader = read(page)
    reached = [each for each in reader.elements if "tabindex" in each.attributes or each.name in ("a", "summary")]
    assert reached[0].attributes.get("class") == "skip"
    assert reached[0].attributes["href"] == "#report"
    assert {each.attributes.get("tabindex", "0") for each in reached} == {"0"}  # a positive one would change the order
    assert re.search(r"\[tabindex\]:focus-visible.*?outline: 2px solid var\(--accent\)", CSS, re.S)
    assert "outline: none" not in CSS
    assert "outline: 0" not in CSS


def test_regions_and_pictures_say_what_they_are(page: str) -> None:
    reader = read(page)
    regions = [each for each in reader.elements if each.attributes.get("role") in ("region", "img")]
    assert len(regions) > 5
    assert all(each.attributes.get("aria-label", "").strip() for each in regions)
    assert all(each.attributes.get("tabindex") == "0" for each in regions if each.attributes["role"] == "region")
    assert reader.all("nav")[0].attributes["aria-label"] == "sections"
    hidden = [each for each in reader.all("svg") if each.attributes.get("aria-hidden") != "true"]
    assert hidden
    assert all(each.attributes.get("role") == "img" for each in hidden)
    assert all(each.attributes.get("scope") in ("col", "row") for each in reader.all("th"))


def test_every_section_can_be_jumped_to(page: str) -> None:
    reader = read(page)
    links = [each.attributes["href"][1:] for each in reader.all("a") if each.attributes.get("href", "").startswith("#")]
    sections = [each.attributes["id"] for each in reader.all("section") if each.attributes.get("id")]
    assert set(sections) <= set(links)
    assert len(sections) >= 8


def test_outcomes_have_a_sign_and_a_word_for_those_who_hear(page: str) -> None:
    for name, sign in (("observed", "✓"), ("contradicted", "✗"), ("untested", "?")):
        cells = [each for each in read(page).all("td") if each.attributes.get("class") == name]
        assert cells, name
        assert all(each.text.startswith(f"{sign} {name} ") and each.attributes["title"] == name for each in cells)


# --- what is told ---


def test_minutes_before_crashes_are_aligned(plain: Investigated) -> None:
    picture = before_crashes(plain.case, words_of("en"))
    assert picture is not None
    # case_of.py: an update 2 minutes and a logon 9 minutes before each of two crashes, another host's boot with one;
    # the picture ends 1 minute after
    groups: dict[str, list[list[float]]] = {}
    for lane in picture.lanes:
        if not lane.tone:
            head = groups.setdefault(lane.label.partition(",")[0], [])
        else:
            head.append([mark.place for mark in lane.marks])
    assert groups["antivirus"] == [[pytest.approx(13 / 16)], [pytest.approx(13 / 16)]]
    assert groups["logons"] == [[pytest.approx(6 / 16)], [pytest.approx(6 / 16)]]
    assert picture.crashes == (pytest.approx(15 / 16),)
    assert "attacks (A" in picture.note.partition("silence means nothing")[0]  # covered, and none happened
    assert picture.table is not None
    assert [row.cells[1] for row in picture.table.rows] == ["−2:00", "−2:00", "−9:00", "−9:00", "+0:00"]


def test_a_crash_without_watch_is_not_called_silent(plain: Investigated) -> None:
    picture = before_crashes(plain.case, words_of("en"))
    assert picture is not None
    silent, _, unknown = picture.note.partition("Not watched")
    assert "jobs, copies" in unknown
    assert "jobs, copies" not in silent


def test_hypotheses_are_ranked_with_bars_on_the_side_of_their_odds(plain: Investigated) -> None:
    ranking = case_ranking.hypothesis_ranking(plain.case, words_of("en"))
    assert ranking is not None
    odds = [each.log_odds for each in plain.case.weighed.hypotheses]
    assert [float(row.value) for row in ranking.rows] == pytest.approx(odds, abs=0.051)
    assert all((row.part > 0) == (value > 0) for row, value in zip(ranking.rows, odds, strict=True) if value)
    assert [row.link.number for row in ranking.rows[:3]] == ["1", "2", "3"]


def test_a_column_of_the_matrix_adds_up_on_paper_too(plain: Investigated) -> None:
    found = case_matrix.evidence_matrix(plain.case, words_of("en"))
    assert found is not None
    for column, hypothesis in enumerate(plain.case.weighed.hypotheses[: len(found.columns)]):
        total = 0.0
        for row in found.rows:
            if row.tone not in ("more", "sum"):
                total += sum(float(each) for each in re.findall(r"(?<!\()[+-]\d+\.\d+", row.cells[column].weight))
        assert total == pytest.approx(hypothesis.log_odds, abs=0.02)


def test_confidence_is_the_share_of_the_odds_in_the_words_of_a_verdict(plain: Investigated) -> None:
    alive = [each for each in plain.case.weighed.hypotheses if each.state.value in ("supported", "not_eliminated")]
    expected = exp(alive[0].log_odds) / (1 + sum(exp(each.log_odds) for each in alive))
    assert confidence_of(plain.case.weighed.hypotheses) == pytest.approx(expected)
    assert level_word(expected) == level_of(expected)
    assert f"confidence {level_of(expected)}" in render_case(plain).partition("\n")[0]
    assert confidence_of([each for each in alive if each.state.value == "not_eliminated"]) is None


LIMITS = (
    (case_picture, "MOST_HOSTS", 1, "more hosts are not drawn."),
    (case_picture, "MOST_EVENTS", 1, "Only the first 1 of antivirus on A are drawn."),
    (case_before, "MOST_CRASHES", 1, "1 older crash is not drawn."),
    (case_matrix, "MOST_COLUMNS", 1, "more hypotheses have no column here"),
    (case_ranking, "MOST_RANKED", 1, "more hypotheses are not shown."),
    (case_page, "MOST_FILES", 2, "2 of 5 are shown; the JSON report has all."),
    (case_page, "MOST_CRASHES", 1, "1 of 2 are shown; the JSON report has all."),
)


@pytest.mark.parametrize(("module", "name", "limit", "said"), LIMITS)
def test_what_is_cut_is_said(
    plain: Investigated, page: str, monkeypatch: pytest.MonkeyPatch, module: object, name: str, limit: int, said: str
) -> None:
    assert said not in page
    monkeypatch.setattr(module, name, limit)
    assert said in render_case(plain, "html")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Investigated:
    folder = tmp_path_factory.mktemp("story")
    write_story(folder / "incident", Turns(sparse=10))
    return investigate(folder / "incident", keep=False)


def test_the_story_is_told_on_one_screen(story: Investigated) -> None:
    lines = render_case(story).splitlines()
    assert len(lines) <= 45  # design: what matters first; the rest with -v
    assert all(len(line) <= 120 for line in lines)
    text = "\n".join(lines)
    for head in ("Most likely", "told apart by", "not eliminated", "eliminated", "next test", "plan", "watch"):
        assert re.search(rf"^{head}\b", text, re.MULTILINE), head
    assert len(render_case(story, verbose=True).splitlines()) > 120


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_story_prints_on_two_pages(story: Investigated, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text(render_case(story, "html"), "utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={tmp_path / 'x.pdf'}", report.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "x.pdf").read_bytes()))
    assert 1 <= pages <= 2
