"""The same case in another language: sentences looked up whole, by pattern, by clause; names and evidence untouched."""

from __future__ import annotations

import re
import time

import pytest

from bugcheck.api.incident import render_case
from bugcheck.cli.main import main
from bugcheck.reports import language_files
from bugcheck.reports.case_document import change_words
from bugcheck.reports.case_words import words_of
from bugcheck.reports.language_files import language_file
from bugcheck.reports.spoken import say_in, spoken
from tests.reports.case_of import build

IDEOGRAPH = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("bad memory", "内存不良"),
        ("a defect of acme.sys", "acme.sys 的缺陷"),
        # a pattern within a pattern, its numbers in another order
        ("logon from B within 15 minutes before 4 of 5 crashes", "5 次崩溃中有 4 次之前 15 分钟内有来自 B 的登录"),
        # clauses one by one; what nobody translated stays
        ("the versions differ; acme said so", "版本不同；acme said so"),
        ("a sentence nobody translated", "a sentence nobody translated"),
        # what a person wrote is a filling, and is left as it stands
        ("eva checked: the disks: bad memory", "eva 查过：the disks: bad memory"),
        ("the Windows build is unknown", "the Windows build is unknown"),  # {n} takes numbers only
        ("", ""),
    ],
)
def test_sentences(told: str, text: str) -> None:
    assert say_in("zh")(told) == text
    assert say_in("en")(told) == told


def test_hypotheses_and_plan_are_told_in_chinese_nearly_throughout() -> None:
    """A sentence added today may be English until somebody translates it; a language must not fall behind."""
    case = spoken(build(), "zh").case
    said = [text for each in case.weighed.hypotheses for text in (each.title, each.mechanism)]
    said += [text for each in case.weighed.hypotheses for one in each.predictions for text in (one.topic, one.expect)]
    said += [text for step in case.plan.steps for text in (step.text, step.risk, step.undo)]
    english = [text for text in said if not IDEOGRAPH.search(text)]
    assert len(said) > 80
    assert len(english) <= len(said) // 10, english


def test_weights_states_and_keys_are_the_same_in_every_language() -> None:
    plain = build()
    told = spoken(plain, "zh")
    for one, other in zip(plain.case.weighed.hypotheses, told.case.weighed.hypotheses, strict=True):
        assert (one.key, one.state, one.log_odds) == (other.key, other.state, other.log_odds)
        assert len(one.counted) == len(other.counted)
    assert spoken(plain, "en") is plain
    # what programs read is English whatever the report speaks
    assert render_case(plain, "json", language="zh") == render_case(plain, "json")


def test_changes_are_told_in_the_language() -> None:
    change = build().changes[0]
    assert change_words(change, words_of("en"), say_in("en")) == change.words
    assert change_words(change, words_of("zh"), say_in("zh")).startswith("plain words: 未检验 → 有证据支持")


def test_a_hostile_sentence_costs_little() -> None:
    say = say_in("zh")
    began = time.process_time()
    for words in (
        "within before of crashes, " * 18,
        "no in the before any of crashes, which the records cover" * 8,
        "; " * 20_000,
    ):
        say(words)
        say(words[:500])
    assert time.process_time() - began < 2


def test_a_third_language_is_one_file(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("languages")
    (folder / "xx.tsv").write_text("# made up\nword\tplan\tplano\nsay\tbad memory\tmala memoro\n", "utf-8")
    monkeypatch.setattr(language_files, "FOLDER", folder)
    language_file.cache_clear()
    say_in.cache_clear()
    try:
        assert language_files.languages() == ["en", "xx"]
        text = render_case(build(), language="xx")
        assert re.search(r"^plano ", text, re.MULTILINE)
        assert "mala memoro" in text
        assert re.search(r"^watch ", text, re.MULTILINE)  # what it has not stays English
    finally:
        language_file.cache_clear()
        say_in.cache_clear()


def test_a_language_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert main(["investigate", str(tmp_path_factory.mktemp("x")), "--language", "qq"]) == 2
    assert "en, zh" in capsys.readouterr().err
