"""Markdown reports: read back by a CommonMark parser, text stays text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bugcheck import synth
from bugcheck.api import analyze
from bugcheck.reports.document import Document, Facts, Headline, Points, Table
from bugcheck.reports.render import render, render_document
from bugcheck.synth import DumpKind
from tests.reports.test_html import HOSTILE, hostile_dump

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKUP = {"html_inline", "html_block", "link_open", "image", "heading_open", "hr", "blockquote_open", "fence", "s_open"}
"""What a report never writes: wherever it is, it came from a dump."""


def tokens_of(text: str) -> list[Token]:
    return [inner for token in PARSER.parse(text) for inner in (token, *(token.children or ()))]


def markup_in(text: str) -> set[str]:
    return {token.type for token in tokens_of(text)} & MARKUP


TRICKS = (
    "[x](javascript:alert(1))", "![x](http://e.example/a.png)", "# a\n***", "~~~\nx", "<http://e.example>", "| a | b |",
    "`a``b```", "1. x", "- x", "&lt;script&gt;",
)  # fmt: skip


@pytest.mark.parametrize("text", [*HOSTILE, *TRICKS])
def test_hostile_strings_stay_text(text: str) -> None:
    blocks = (
        Headline(text, text),
        Facts(((text, text),)),
        Points(text, (text, f"→ {text}")),
        Table(text, (text,), ((text,),)),
    )
    assert markup_in(render_document(Document(text, blocks), "markdown")) == set()


def test_a_hostile_dump_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "x.dmp"
    path.write_bytes(hostile_dump("[x](javascript:alert(1))<b>", DumpKind.TRIAGE_FULL_PATHS))
    assert markup_in(render(analyze(path), "markdown")) == set()


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab *_`~<>[]()#!|\\&;:/.-+=@\"'1\n", max_size=20))
def test_no_punctuation_makes_markup(text: str) -> None:
    document = Document("x", (Headline(text), Points("why", (text,)), Table("t", ("a", "b"), ((text, "end"),))))
    rendered = render_document(document, "markdown")
    assert markup_in(rendered) == set()
    cells = [token for token in PARSER.parse(rendered) if token.type == "td_open"]
    assert len(cells) == 2


def test_mentions_and_addresses_are_parted() -> None:
    rendered = render_document(Document("x", (Headline("@admin see HTTPS://e.example and www.e.example"),)), "markdown")
    assert "@admin" not in rendered
    assert "HTTPS://" not in rendered
    assert "www." not in rendered


def test_commands_are_code(tmp_path: Path) -> None:
    path = tmp_path / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(synth.x64_machine(), DumpKind.TRIAGE_FULL_PATHS))
    rendered = render(analyze(path), "markdown")
    assert f"`bugcheck symbols fetch {path}`" in rendered
    inline = [token.content for token in tokens_of(rendered) if token.type == "code_inline"]
    assert any(each.startswith("bugcheck symbols fetch ") for each in inline)


def test_numbers_align_to_the_right() -> None:
    table = Table("sizes", ("name", "bytes"), (("a|b", "12"),), frozenset(["bytes"]))
    tokens = PARSER.parse(render_document(Document("x", (table,)), "markdown"))
    cells = [
        (token.attrs.get("style", ""), tokens[at + 1].children)
        for at, token in enumerate(tokens)
        if token.type == "td_open"
    ]
    assert [style for style, _ in cells] == ["", "text-align:right"]
    assert ["".join(inner.content for inner in children or ()) for _, children in cells] == ["a|b", "12"]
