"""HTML reports: whole, usable, and harmless whatever a dump says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck import synth
from bugcheck.api import SymbolOptions, analyze
from bugcheck.reports.document import REPORT_FORMATS, Document, Facts, Headline, Points, Table
from bugcheck.reports.escape import printable
from bugcheck.reports.page import anchor_of
from bugcheck.reports.render import render, render_document
from bugcheck.synth import DumpKind
from tests.reports.html_reader import faults, read

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title></style></script><svg onload=alert(1)>",
    "<!-- --><![CDATA[ &lt;b&gt; &#60;i&#62;",
    "\x1b[31m\u202egpj.exe\u2028\x00",
    "<a href=//evil.example>",
)
"""Among them the classics of OWASP's cross-site scripting cheat sheet."""


def hostile_dump(text: str, kind: DumpKind) -> bytes:
    """A dump whose every name and text is `text`, as far as its fields have room."""
    machine = synth.x64_machine()
    modules = tuple(
        replace(module, name=text, path=text) if index > 1 else module for index, module in enumerate(machine.modules)
    )
    narrow = text.encode("ascii", "replace").decode()
    processes = tuple(replace(process, name=narrow[:14]) for process in machine.processes)
    machine = replace(machine, modules=modules, processes=processes, broken_driver=text[:31], comment=narrow)
    return synth.build_kernel_dump(machine, kind)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_dumps_make_harmless_pages(text: str, tmp_path: Path) -> None:
    for kind in (DumpKind.TRIAGE_FULL_PATHS, DumpKind.FULL):
        path = tmp_path / "x.dmp"
        path.write_bytes(hostile_dump(text.replace("\x00", ""), kind))
        page = render(analyze(path), "html")
        assert faults(page) == []
        assert printable(text.replace("\x00", ""))[:8] in read(page).all("main")[0].text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_file_names_make_harmless_pages(text: str, tmp_path: Path) -> None:
    path = tmp_path / text.replace("\x00", "").replace("/", "∕")
    path.write_bytes(synth.build_kernel_dump(synth.x86_machine(), DumpKind.TRIAGE_FULL_PATHS))
    assert faults(render(analyze(path), "html")) == []


words = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(words, words, words, words)
def test_documents_keep_their_text_and_nothing_else(a: str, b: str, c: str, d: str) -> None:
    blocks = (Headline(a, b, c), Facts(((b, c), ("", d))), Points(c, (d, a)), Table(d, (a, b), ((c, d), (d, a))))
    page = render_document(Document(b, blocks), "html")
    assert [fault for fault in faults(page) if "title" not in fault] == []
    text = read(page).all("body")[0].text
    assert all(printable(word) in text for word in (a, b, c, d))


def test_the_reader_finds_what_is_wrong() -> None:
    page = render_document(Document("x", (Headline("good"),)), "html")
    assert faults(page) == []
    for evil in (
        "<script>1</script>",
        "<img src=x>",
        "<p onclick=x>",
        "<a href='//e.example'>x</a>",
        "</div>",
        "<h3>x</h3>",
    ):
        assert faults(page.replace("<main", f"{evil}<main")) != [], evil
    assert faults(page.replace("default-src 'none'", "default-src *")) != []


def test_anchors_need_no_escaping() -> None:
    assert anchor_of("module", '"><script>') == "module----script"
    assert anchor_of("parameter 4") == "parameter-4"
    assert anchor_of("größe") == "gr--e"


@pytest.mark.parametrize("machine", [synth.x86_machine, synth.x64_machine, synth.arm64_machine])
@pytest.mark.parametrize("kind", [DumpKind.TRIAGE_FULL_PATHS, DumpKind.FULL, DumpKind.HEADER_ONLY])
def test_every_kind_of_dump_makes_a_good_page(machine: object, kind: DumpKind, tmp_path: Path) -> None:
    assert callable(machine)
    path = tmp_path / "x.dmp"
    path.write_bytes(synth.build_kernel_dump(machine(), kind))
    assert faults(render(analyze(path), "html")) == []


def test_html_is_registered() -> None:
    assert {"html", "markdown", "text"} <= {each.name for each in REPORT_FORMATS}


def test_the_story(shared: Path) -> None:
    options = SymbolOptions(path=str(shared / "story"))
    page = render(analyze(shared / "story" / "story.dmp", symbols=options), "html")
    assert faults(page) == []
    reader = read(page)
    # shared/story/README.md: module RapDrv at f5355000, fault at RapDrv+0x9785, ecx = 0, process blackice.exe
    assert "RapDrv+0x9785" in reader.by_id("level-0").text
    assert "blamed" in reader.by_id("level-0").attributes["class"]
    assert reader.by_id("register-ecx").text == "ecx00000000"
    assert "blackice.exe (1960)" in reader.by_id("process").text
    assert "f535e785" in reader.by_id("parameter-2").text
    # time stamp 3f99bc4f is 2003-10-24; the crash 2006-04-19: 2.5 years later
    row = reader.by_id("module-f5355000").text
    assert "2003-10-24" in row
    assert "2.5 y" in row
    links = {element.attributes["href"] for element in reader.all("a")}
    assert "#code" in links
    assert "#parameter-1" in links


def test_the_page_works_without_its_script(shared: Path) -> None:
    """Everything is in the text: the script adds no content, and modules are sorted by address already."""
    found = analyze(shared / "story" / "story.dmp")
    reader = read(render(found, "html"))
    section = reader.by_id("all-modules").text
    modules = sorted(found.machine.modules, key=lambda module: module.base)
    assert len(modules) > 20
    places = [section.find(f"{module.base:08x}") for module in modules]
    assert -1 not in places
    assert places == sorted(places)
    assert all(module.name in section for module in modules)
    script = reader.all("script")[0].text
    assert "innerHTML" not in script
    assert "createTextNode" not in script
    assert re.findall(r"textContent = (.*?);", script) == ["head.textContent", '""']  # a head's own words, moved
