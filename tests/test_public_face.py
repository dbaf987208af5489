"""`import bugcheck` → about twenty names, each importable, documented, and where the type checker thinks it is."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import bugcheck
from bugcheck.cli.main import COMMANDS, build_parser

FACE = Path(bugcheck.__file__)
HOMES: dict[str, str] = vars(bugcheck)["_HOMES"]


def declared_for_type_checkers() -> dict[str, str]:
    """What `if TYPE_CHECKING:` in the face imports: name → module."""
    (block,) = (node for node in ast.parse(FACE.read_text("utf-8")).body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def subparsers() -> dict[str, argparse.ArgumentParser]:
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(commands.choices)


def test_the_face_is_small_and_sorted() -> None:
    assert list(bugcheck.__all__) == sorted(bugcheck.__all__)
    assert len(set(bugcheck.__all__)) == len(bugcheck.__all__) <= 30


def test_homes_and_type_checkers_agree_with_all() -> None:
    assert list(HOMES) == list(bugcheck.__all__)
    assert declared_for_type_checkers() == HOMES


@pytest.mark.parametrize("name", bugcheck.__all__)
def test_each_name_is_importable_and_documented(name: str) -> None:
    value = getattr(bugcheck, name)
    assert value is getattr(importlib.import_module(HOMES[name]), name)
    assert value.__module__ == HOMES[name], "a name is listed under the module that defines it"
    assert inspect.cleandoc(value.__doc__ or "")


def test_dir_shows_the_face() -> None:
    assert set(dir(bugcheck)) >= {*bugcheck.__all__, "__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = bugcheck.analyse  # type: ignore[attr-defined]


def test_every_error_is_a_bugcheck_error() -> None:
    errors = [value for name in bugcheck.__all__ if isinstance(value := getattr(bugcheck, name), type)]
    raised = [value for value in errors if issubclass(value, Exception)]
    assert len(raised) >= 8
    assert all(issubclass(value, bugcheck.BugcheckError) for value in raised)


def test_each_command_has_a_module_and_each_module_a_command() -> None:
    stems = [path.stem.removesuffix("_command") for path in (FACE.parent / "cli").glob("*_command.py")]
    modules = {stem.replace("_", "-") for stem in stems}
    assert set(COMMANDS) == modules == set(subparsers())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_and_every_option_says_what_it_does(command: str) -> None:
    assert inspect.isfunction(importlib.import_module(f"bugcheck.cli.{command.replace('-', '_')}_command").run)
    silent = [action.option_strings for action in subparsers()[command]._actions if not action.help]
    assert not silent or silent == [[]]
    assert re.search(rf"^    {command}\s", build_parser().format_help(), re.MULTILINE)
