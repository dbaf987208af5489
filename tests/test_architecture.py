"""The law of the house (docs/adr/0001-the-house.md), read off the source with `ast`."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
GROUND = (
    "errors", "records", "addresses", "binary", "timestamps", "gaps", "extensions", "ciphers", "archives", "knowledge",
    "images",
)  # fmt: skip
CRASH = ("dump", "memory", "symbols", "machine", "stack", "findings", "verdict")
INCIDENT = ("evidence", "timeline", "known_issues", "hypotheses", "plans", "cases", "fleet")
TELLING = ("reports", "debugger", "api")
SKINS = ("cli", "web", "mcp")
RIVER = (GROUND, *((stage,) for stage in (*CRASH, *INCIDENT, *TELLING)), SKINS)
RANK = {stage: rank for rank, stages in enumerate(RIVER) for stage in stages}
OUTSIDE = {"", "__main__", "synth"}
"""The public face, which imports lazily; `python -m bugcheck`; the builder of test dumps, with a law of its own."""

EXTENSION_FOLDERS = (
    "archives/containers", "dump/formats", "findings/rules", "findings/bugchecks", "evidence/parsers",
    "known_issues/conditions", "hypotheses/rules", "fleet/engines", "reports/formats", "debugger/commands",
)  # fmt: skip
PRINTING = {"print", "input", "breakpoint"}
ENVIRONMENT = {
    ("sys", "exit"),
    ("sys", "stdout"),
    ("sys", "stderr"),
    ("os", "environ"),
    ("os", "getenv"),
    ("os", "_exit"),
}
MODULE_CAP, FUNCTION_CAP, BROAD_EXCEPTS = 600, 60, 3

SOURCES = {path.relative_to(SRC).as_posix(): ast.parse(path.read_bytes()) for path in sorted(SRC.rglob("*.py"))}


def dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def stage_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every imported module with its line; `from package import module` names the module, when there is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inner if name in MODULES]
            yield from ((node.lineno, name) for name in found or [node.module or "."])


MODULES = {dotted(file) for file in SOURCES}
IMPORTS = [(file, line, name) for file, tree in SOURCES.items() for line, name in imports_of(tree)]
OWN_IMPORTS = [(file, line, name) for file, line, name in IMPORTS if name.split(".")[0] == "bugcheck"]


def definitions() -> Iterator[tuple[str, ast.AST, str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for file, tree in SOURCES.items():
        for parent in ast.walk(tree):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    yield file, parent, f"{file}:{node.lineno} {node.name}", node


def test_every_folder_is_a_stage_of_the_river() -> None:
    strays = {stage_of(module) for module in MODULES} - RANK.keys() - OUTSIDE
    assert not strays, f"not in RIVER: {strays}"


def test_imports_flow_down_the_river() -> None:
    wrong: list[str] = []
    for file, line, name in OWN_IMPORTS:
        here, there = stage_of(dotted(file)), stage_of(name)
        if here in OUTSIDE or there in ("", here):
            continue
        if there == "synth":
            continue  # judged below
        if RANK[there] > RANK[here] or (here in SKINS and there in SKINS):
            wrong.append(f"{file}:{line} ({here}) imports {name}")
    assert not wrong, wrong


def test_the_crash_does_not_know_the_incident() -> None:
    crossing = "bugcheck/evidence/parsers/crash_dump.py"
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in OWN_IMPORTS
        if stage_of(dotted(file)) == "evidence" and stage_of(name) in CRASH and file != crossing
    ]
    assert not wrong, wrong


def test_skins_know_only_the_verbs_and_the_telling() -> None:
    """cli, web and mcp stand on `api` and `reports`; of the rest they may name types and print addresses and times."""
    allowed = {"", "api", "reports", "debugger", *GROUND, *SKINS}
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in OWN_IMPORTS
        if stage_of(dotted(file)) in SKINS and stage_of(name) not in allowed and name != "bugcheck.dump.dump"
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("folder", EXTENSION_FOLDERS)
def test_extensions_do_not_know_each_other(folder: str) -> None:
    package = f"bugcheck.{folder.replace('/', '.')}."
    # the plain text format is also the terminal's own pen, which the command line draws with
    pen = ("bugcheck/cli/", "bugcheck.reports.formats.text")
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in OWN_IMPORTS
        if name.startswith(package) and not (file.startswith(pen[0]) and name == pen[1])
    ]
    assert not wrong, f"reach an extension through its registry: {wrong}"


def test_builder_and_readers_share_nothing() -> None:
    """What both took from one place could be wrong in both, and no test would notice."""
    used = [f"{file}:{line}" for file, line, name in OWN_IMPORTS if stage_of(name) == "synth" and "/synth/" not in file]
    assert all(place.startswith("bugcheck/api/") for place in used), f"synth is for tests and the demo: {used}"
    shared = [
        f"{file}:{line} imports {name}"
        for file, line, name in OWN_IMPORTS
        if "/synth/" in file and stage_of(name) != "synth"
    ]
    assert not shared, shared


def test_imports_are_absolute() -> None:
    wrong = [
        f"{file}:{node.lineno}"
        for file, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, wrong


def test_each_third_party_package_is_wrapped_in_one_file() -> None:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for file, _, name in IMPORTS:
        package = name.split(".")[0]
        if package not in sys.stdlib_module_names and package != "bugcheck":
            homes[package].add(file)
    spread = {package: files for package, files in homes.items() if len(files) > 1}
    assert not spread, spread


def test_nothing_below_api_prints_exits_or_reads_the_environment() -> None:
    wrong: list[str] = []
    for file, tree in SOURCES.items():
        if stage_of(dotted(file)) in ("api", *SKINS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PRINTING:
                wrong.append(f"{file}:{node.lineno} {node.func.id}()")
            if isinstance(node, ast.Attribute) and (ast.unparse(node.value), node.attr) in ENVIRONMENT:
                wrong.append(f"{file}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.Raise) and "SystemExit" in ast.dump(node) and not file.endswith("/__main__.py"):
                wrong.append(f"{file}:{node.lineno} raises SystemExit")
    assert not wrong, wrong


def test_broad_excepts_stand_in_three_places_at_most() -> None:
    broad: list[str] = []
    for file, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                named = [inner.id for inner in ast.walk(node.type) if isinstance(inner, ast.Name)] if node.type else []
                if node.type is None or {"Exception", "BaseException"} & set(named):
                    broad.append(f"{file}:{node.lineno}")
    assert len(broad) <= BROAD_EXCEPTS, broad


def test_modules_and_functions_stay_short() -> None:
    long = [
        f"{file}: {count} lines" for file in SOURCES if (count := (SRC / file).read_bytes().count(b"\n")) > MODULE_CAP
    ]
    for _, _, place, node in definitions():
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if not isinstance(node, ast.ClassDef) and length > FUNCTION_CAP:
            long.append(f"{place}: {length} lines")
    assert not long, long


def test_everything_public_is_documented_and_annotated() -> None:
    bare = [file for file, tree in SOURCES.items() if not ast.get_docstring(tree)]
    for _, parent, place, node in definitions():
        inner = isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef))
        private_home = isinstance(parent, ast.ClassDef) and parent.name.startswith("_")
        overloaded = any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)
        if node.name.startswith("_") or inner or private_home or overloaded:
            continue
        if not ast.get_docstring(node):
            bare.append(f"{place}: no docstring")
        if isinstance(node, ast.FunctionDef) and not is_annotated(node, method=isinstance(parent, ast.ClassDef)):
            bare.append(f"{place}: not fully annotated")
    assert not bare, bare


def is_annotated(function: ast.FunctionDef, *, method: bool) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    if method and not any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list):
        arguments = arguments[1:]
    return function.returns is not None and all(argument.annotation for argument in arguments)


def test_importing_bugcheck_loads_nothing_else() -> None:
    """`import bugcheck` is the price every program pays; what it needs it imports when it is asked for it."""
    code = (
        "import sys, __future__, typing; before = set(sys.modules); import bugcheck; "
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["bugcheck"]


def test_help_loads_no_third_party_package() -> None:
    """`bugcheck --help` is typed under stress: rich, capstone and the like wait until something is drawn with them."""
    code = (
        "import sys; from bugcheck.cli.main import build_parser; build_parser().format_help(); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    third_party = {name.split(".")[0] for _, _, name in IMPORTS} - sys.stdlib_module_names - {"bugcheck"}
    assert not third_party & set(run.stdout.split())
    assert not {"json", "asyncio", "ssl", "http"} & set(run.stdout.split())
