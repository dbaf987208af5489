"""README and docs → what they show is what the program prints, what they link to is there, what they list is all."""

from __future__ import annotations

import argparse
import doctest
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bugcheck
from bugcheck.api import analyze
from bugcheck.cli.main import build_parser, main
from bugcheck.reports.analysis_json import analysis_json
from bugcheck.synth import DumpKind, build_kernel_dump, build_minidump, user_process, x64_machine
from tests.scripts import ROOT, load_script

CATALOG = load_script("scripts/make_catalog.py")
OUTPUT = load_script("scripts/make_readme_output.py")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
REFERENCE = ROOT / "docs" / "reference"
BLOCKS = [
    pytest.param(block["command"], block[0], id=f"{document.name}: {block['command']}")
    for document in DOCUMENTS
    for block in OUTPUT.BLOCK.finditer(document.read_text("utf-8"))
]


def names_of(documents: list[Path]) -> list[str]:
    return [document.relative_to(ROOT).as_posix() for document in documents]


def python_blocks(document: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.DOTALL)


WITH_EXAMPLE = [document for document in HOW_TOS if python_blocks(document)]


@pytest.fixture(scope="module")
def workspace() -> Iterator[Path]:
    """A folder with the dumps the documents speak of."""
    with OUTPUT.workspace() as folder:
        yield folder


# --- what is shown is true ---


@pytest.mark.parametrize(("command", "block"), BLOCKS)
def test_shown_output_is_what_the_command_prints(command: str, block: str, workspace: Path) -> None:
    if not OUTPUT.is_runnable(command):
        pytest.skip(f"needs ../shared/story for: {command}")
    assert OUTPUT.renewed(block) == block, "stale: run `make docs` and read what changed"


def test_readme_shows_three_commands() -> None:
    shown = [block["command"] for block in OUTPUT.BLOCK.finditer((ROOT / "README.md").read_text("utf-8"))]
    assert len(shown) >= 3
    assert any(command.startswith("bugcheck analyze") for command in shown)


def test_every_console_block_is_marked() -> None:
    """An unmarked one would show output that nobody checks."""
    texts = {document.name: document.read_text("utf-8") for document in DOCUMENTS}
    fences = {name: text.count("```console") for name, text in texts.items()}
    assert fences == {name: len(OUTPUT.BLOCK.findall(text)) for name, text in texts.items()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=names_of(DOCUMENTS))
def test_python_sessions_print_what_they_show(document: Path, workspace: Path) -> None:
    for number, source in enumerate(python_blocks(document)):
        if ">>> " in source:
            session = doctest.DocTestParser().get_doctest(source, {}, f"{document.name} {number}", str(document), 0)
            result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(session)
            assert result.failed == 0
            assert result.attempted


def test_the_demo_names_the_driver(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = load_script("examples/demo.py")
    assert demo.main(tmp_path) == 0
    analysis = analyze(tmp_path / "server-2003.dmp")
    assert analysis.blame.image == "RapDrv.sys"
    assert analysis.bugcheck is not None
    assert analysis.bugcheck.code == 0x8E
    # ../shared/story/original.txt: TRAP_FRAME's registers, FAULTING_IP and its bytes
    assert analysis.context is not None
    registers = analysis.context.registers
    assert (registers["eax"], registers["ecx"], registers["edi"]) == (0x858B8B4C, 0, 0x84E2660C)
    assert (registers["eip"], registers["efl"]) == (0xF535E785, 0x10246)
    assert analysis.machine.memory.read(0xF535E785, 3).hex() == "894104"
    assert "RapDrv.sys" in capsys.readouterr().out


# --- what is listed is all ---


def test_the_catalog_is_fresh() -> None:
    assert CATALOG.CATALOG.read_text("utf-8") == CATALOG.catalog(), "stale: run `make docs`"


def test_every_data_file_says_where_it_comes_from() -> None:
    assert CATALOG.UNKNOWN not in CATALOG.data_section()


def test_every_kind_of_extension_has_its_how_to() -> None:
    wanted = {f"add-a-{registry.kind.replace(' ', '-')}.md" for registry in CATALOG.registries()}
    # what is data (a language, a table) has no example in Python; whatever registers itself has one
    assert wanted <= {path.name for path in HOW_TOS if python_blocks(path)}


@pytest.mark.parametrize("how_to", WITH_EXAMPLE, ids=names_of(WITH_EXAMPLE))
def test_the_example_of_a_how_to_registers(how_to: Path, tmp_path: Path) -> None:
    """Its first block is a whole file: executed, it registers one extension."""
    example, *_ = python_blocks(how_to)
    script = tmp_path / "example.py"
    script.write_text(example, "utf-8")
    code = (
        "import runpy, sys, gc; from bugcheck.extensions import Registry; runpy.run_path(sys.argv[1]); "
        "print([name for r in gc.get_objects() if isinstance(r, Registry) for name in r._extensions])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split()) == 1
    assert run.stdout.strip() != "[]"


def test_the_example_rule_passes_its_own_tests(tmp_path: Path) -> None:
    """The guide's second block tests the first."""
    example, tests = python_blocks(ROOT / "docs" / "how-to" / "add-a-rule.md")
    name = "bugcheck.findings.rules.fill_pattern_in_register"
    (tmp_path / "example.py").write_text(example, "utf-8")
    (tmp_path / "tests.py").write_text(tests, "utf-8")
    code = (
        "import importlib.util, runpy, sys; from pathlib import Path; folder = Path(sys.argv[1]); "
        f"spec = importlib.util.spec_from_file_location({name!r}, folder / 'example.py'); "
        f"module = sys.modules[{name!r}] = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); "
        "tests = runpy.run_path(str(folder / 'tests.py')); "
        "print(len([test() for name, test in tests.items() if name.startswith('test_')]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "3", run.stderr


def test_the_example_format_reads_what_it_describes(tmp_path: Path) -> None:
    (example, *_) = python_blocks(ROOT / "docs" / "how-to" / "add-a-dump-format.md")
    (tmp_path / "page_list.py").write_text(example, "utf-8")
    page = bytes(range(256)) * 16
    data = b"PAGELIST" + (1).to_bytes(4, "little") + (4096).to_bytes(4, "little") + (7).to_bytes(8, "little")
    (tmp_path / "page_list.bin").write_bytes(data + (1).to_bytes(8, "little") + page)
    code = (
        "import page_list; from bugcheck.binary import BinaryView; data = open('page_list.bin', 'rb').read(); "
        "view = BinaryView(data, 'x'); dump = page_list.read_page_list(view); "
        "print(page_list.probe(view), page_list.probe(BinaryView(b'', 'x')), dump.complete, dump.physical.locate(7)); "
        "print(page_list.read_page_list(BinaryView(data[:-1], 'x')).complete)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["True", "False", "True", "32", "False"], run.stderr


def test_the_command_line_reference_names_every_command_and_option() -> None:
    text = (REFERENCE / "cli.md").read_text("utf-8")
    sections = {part.partition(" ")[0]: part for part in text.split("## `bugcheck ")[1:]}
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    everywhere = text.partition("## `bugcheck ")[0]
    assert sections.keys() == commands.choices.keys()
    for command, parser in commands.choices.items():
        options = [option for action in parser._actions for option in action.option_strings]
        missing = [option for option in options if f"`{option}" not in sections[command] + everywhere]
        assert not missing, f"{command}: {missing}"


def test_the_json_reference_names_every_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = set(re.findall(r"`([a-z0-9_]+)(?:\[\])?`", (REFERENCE / "json.md").read_text("utf-8")))
    assert keys_of(analysis_of_samples(tmp_path)) - words == set()
    (tmp_path / "none.dmp").write_bytes(b"none")
    main(["analyze", "--json", str(tmp_path / "none.dmp")])
    assert keys_of(json.loads(capsys.readouterr().out)) - words == set()


def analysis_of_samples(folder: Path) -> list[dict[str, Any]]:
    """A process, a machine, a small dump with streams behind it, and one that leaves gaps."""
    machine = x64_machine()
    samples = {
        "user.dmp": build_minidump(user_process()),
        "small.dmp": build_kernel_dump(machine, DumpKind.TRIAGE_FULL_PATHS),
        "header.dmp": build_kernel_dump(replace(machine, exception=None, broken_driver=""), DumpKind.HEADER_ONLY),
    }
    for name, data in samples.items():
        (folder / name).write_bytes(data)
    server = load_script("examples/demo.py").build(folder)
    return [analysis_json(analyze(path)) for path in (server, *(folder / name for name in samples))]


def keys_of(value: object) -> set[str]:
    """Every key of a JSON value but those that are data: registers' names, what a stream holds."""
    if isinstance(value, dict):
        inner = (keys_of(each) for key, each in value.items() if key not in ("registers", "decoded"))
        return {*value, *(key for keys in inner for key in keys)}
    return {key for each in value for key in keys_of(each)} if isinstance(value, list) else set()


def test_every_word_of_the_glossary_is_in_use() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    terms = [term for row in rows for term in re.findall(r"\*\*(.+?)\*\*|`(.+?)`", row)]
    source = "\n".join(path.read_text("utf-8").lower() for path in (ROOT / "src").rglob("*.py"))
    assert len(terms) > 30
    assert [a or b for a, b in terms if (a or b).lower() not in source] == []


# --- what is linked is there ---


def anchors(document: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=names_of(DOCUMENTS))
def test_links_resolve(document: Path) -> None:
    broken: list[str] = []
    prose = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        target, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:", link):
            continue
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert not broken


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or not document.is_file() or document.suffix != ".md":
            continue
        reached.add(document)
        links = re.findall(r"\]\(([^)\s#]+)", document.read_text("utf-8"))
        waiting += [(document.parent / link).resolve() for link in links if not link.startswith("http")]
    assert set(DOCUMENTS) - reached == set()


def test_the_picture_is_small() -> None:
    picture = ROOT / "docs" / "images" / "analyze.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000


def test_the_changelog_is_about_this_version() -> None:
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0] == bugcheck.__version__
    assert len(set(versions)) == len(versions)


def test_lines_fit() -> None:
    """Prose at 125 columns at most; tables, shown output and long links are as wide as they are."""
    wide: list[str] = []
    for document in DOCUMENTS:
        prose = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
        wide += [f"{document.name}: {line[:60]}…" for line in prose.splitlines() if len(line) > 125 and "|" not in line]
    assert not wide
