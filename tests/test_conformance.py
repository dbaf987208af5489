"""Whatever registers itself → says what it is, lies in one file, and bears what any of its kind must bear."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bugcheck.archives.packed import CONTAINERS, Container
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import DUMP_FORMATS, Dump, DumpFormat
from bugcheck.dump.open import read_dump
from bugcheck.errors import BugcheckError
from bugcheck.extensions import Registry, modules_of
from bugcheck.findings.findings import RULES, Crash, Rule, run_rules
from bugcheck.machine.machine import Machine
from bugcheck.reports.document import REPORT_FORMATS, Document, Facts, Headline, Points, ReportFormat, Table
from bugcheck.synth import (
    DumpKind,
    build_kernel_dump,
    build_minidump,
    user_process,
    x64_machine,
    x86_machine,
)
from tests.scripts import load_script

REGISTRIES: list[Registry[Any]] = load_script("scripts/make_catalog.py").registries()
EXTENSIONS = [(registry.kind, each) for registry in REGISTRIES for each in registry]
FILES = [(registry.kind, name) for registry in REGISTRIES for name in modules_of(registry.package)]
NAMES = [f"{kind}: {each.name}" for kind, each in EXTENSIONS]
EXTENSION_CAP = 150
CUTS = (0, 1, 4, 8, 0x20, 0x88, 0x1000, 0x1FFF, 0x2000, 0x2040, 0x2100, 0x3000, 0x8000)
"""Lengths around the places where headers begin and end, in bytes."""


def test_nothing_is_broken() -> None:
    assert {registry.kind: registry.broken for registry in REGISTRIES if registry.broken} == {}
    assert len(REGISTRIES) >= 4


def test_the_registries_named_here_are_found() -> None:
    assert {id(r) for r in (DUMP_FORMATS, CONTAINERS, RULES, REPORT_FORMATS)} <= {id(r) for r in REGISTRIES}


@pytest.mark.parametrize(("kind", "extension"), EXTENSIONS, ids=NAMES)
def test_each_says_what_it_is(kind: str, extension: Any) -> None:
    name: str = extension.name
    assert name == name.lower()
    assert name.isidentifier()
    assert 8 <= len(extension.what) <= 100
    assert "\n" not in extension.what


@pytest.mark.parametrize(("kind", "module"), FILES, ids=[name for _, name in FILES])
def test_each_lies_in_one_short_file_named_like_it(kind: str, module: str) -> None:
    imported = importlib.import_module(module)
    assert imported.__file__ is not None
    assert Path(imported.__file__).read_bytes().count(b"\n") <= EXTENSION_CAP
    stem = module.rpartition(".")[2]
    names = {each.name for each_kind, each in EXTENSIONS if each_kind == kind}
    assert stem in names or any(stem.startswith(name) for name in names), f"{module} registers nothing of its name"


# --- dump formats ---


@cache
def built() -> dict[str, bytes]:
    """A dump of every format `synth` builds, under the name of the format."""
    dumps = {kind.name: build_kernel_dump(x64_machine(), kind) for kind in DumpKind}
    dumps |= {f"{kind.name} x86": build_kernel_dump(x86_machine(), kind) for kind in (DumpKind.FULL, DumpKind.SUMMARY)}
    dumps["USER"] = build_minidump(user_process())
    return {read_dump(BinaryView(data, name)).format: data for name, data in dumps.items()}


@pytest.mark.parametrize("dump_format", [*DUMP_FORMATS], ids=lambda each: each.name)
def test_each_dump_format_is_built_and_read(dump_format: DumpFormat) -> None:
    view = BinaryView(built()[dump_format.name], "built.dmp")
    assert view.read_up_to(0, 16).startswith(dump_format.magic)
    rivals = [each.name for each in DUMP_FORMATS if view.read_up_to(0, 16).startswith(each.magic) and each.probe(view)]
    assert rivals == [dump_format.name], "probes decide: one format and no other recognises its dump"
    assert dump_format.read(view).complete


@pytest.mark.parametrize("length", CUTS)
@pytest.mark.parametrize("dump_format", [*DUMP_FORMATS], ids=lambda each: each.name)
def test_each_dump_format_bears_its_first_bytes(dump_format: DumpFormat, length: int) -> None:
    """Truncated anywhere: no answer and an error of ours, or a partial answer that the rules can live with."""
    dump = read_cut(built()[dump_format.name], length)
    if dump is not None:
        assert_rules_bear(dump)


def read_cut(data: bytes, length: int) -> Dump | None:
    try:
        return read_dump(BinaryView(data[:length], "cut.dmp"))
    except BugcheckError:
        return None


# --- rules ---


@pytest.mark.parametrize("dump_format", [*DUMP_FORMATS], ids=lambda each: each.name)
def test_rules_bear_every_format(dump_format: DumpFormat) -> None:
    assert_rules_bear(read_dump(BinaryView(built()[dump_format.name], "built.dmp")))


def assert_rules_bear(dump: Dump) -> None:
    """Every rule ran to its end; what it said is cited and within bounds."""
    names = {rule.name for rule in RULES}
    findings, gaps = run_rules(Crash(Machine(dump)))
    assert [gap for gap in gaps if "it failed" in gap.missing] == []
    for finding in findings:
        assert finding.rule in names
        assert 0 <= finding.weight <= 1
        assert finding.citations, f"{finding.rule} says something it cannot show"
        assert finding.statement


@pytest.mark.parametrize("rule", [*RULES], ids=lambda each: each.name)
def test_each_rule_accuses_only_what_could_be_refuted(rule: Rule) -> None:
    for data in built().values():
        for answer in rule.run(Crash(Machine(read_dump(BinaryView(data, "built.dmp"))))):
            if getattr(answer, "weight", 0) > 0:
                assert getattr(answer, "refuted_by", ""), f"{rule.name} accuses and names nothing that would refute it"


# --- containers ---


@pytest.mark.parametrize("container", [*CONTAINERS], ids=lambda each: each.name)
def test_no_container_takes_a_dump_or_a_scrap_for_its_own(container: Container) -> None:
    heads = [b"", b"\0", b"\0" * 512, *(data[:512] for data in built().values())]
    assert not any(container.probe(head) for head in heads)


# --- report formats ---

HOSTILE = "a\x1b[2Jb\x9bc\u202ed\r\n\x00|<script>`*"
"""Moves a cursor, clears a screen, turns text around, ends lines, and speaks HTML and Markdown."""


@pytest.mark.parametrize("report", [*REPORT_FORMATS], ids=lambda each: each.name)
def test_each_report_format_renders_every_block_harmlessly(report: ReportFormat) -> None:
    blocks = (
        Headline(HOSTILE, HOSTILE, "red"),
        Facts(((HOSTILE, HOSTILE), ("", HOSTILE))),
        Points(HOSTILE, (HOSTILE, HOSTILE)),
        Table(HOSTILE, ("a", "b"), ((HOSTILE, HOSTILE),), frozenset({"b"})),
    )
    text = report.render(Document(HOSTILE, blocks))
    assert text.endswith("\n")
    assert not [character for character in text if character in "\x1b\x9b\u202e\r\x00"]
    assert report.suffix.startswith(".")


@pytest.mark.parametrize("report", [*REPORT_FORMATS], ids=lambda each: each.name)
def test_each_report_format_bears_an_empty_document(report: ReportFormat) -> None:
    assert isinstance(report.render(Document("", ())), str)
