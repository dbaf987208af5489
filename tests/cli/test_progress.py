"""The bar on long work: on a terminal only, for many files or a large one, on standard error."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import rich.progress

from bugcheck.api import file_count
from bugcheck.cli import terminal
from bugcheck.cli.terminal import with_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Bar:
    """Stands in for rich's Progress and writes down what it is told."""

    def __init__(self, **_: object) -> None:
        self.told = sys.stderr

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add_task(self, what: str, total: int | None) -> int:
        self.told.write(f"{what} of {total}:")
        return 0

    def advance(self, task: int) -> None:
        self.told.write(".")


def shown(items: Iterable[int], files: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal shows (patched here: pytest takes sys.stderr back between a fixture and its test)."""
    stream, wanted = Terminal(), list(items)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(rich.progress, "Progress", Bar)
    assert list(with_progress(wanted, files, "analysing")) == wanted
    return stream.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for index in range(9):
        (tmp_path / f"{index}.dmp").write_bytes(b"PAGE")
    return sorted(str(path) for path in tmp_path.iterdir())


def test_few_small_files_have_none(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown([1, 2], files[:2], monkeypatch) == ""


def test_many_files_have_one(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(range(9), files, monkeypatch) == "analysing of 9:........."


def test_a_folder_counts_as_its_files(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_count([tmp_path, "-", tmp_path / "absent.dmp"]) == len(files) + 2
    assert shown(range(9), [str(tmp_path)], monkeypatch) == "analysing of 9:........."


def test_one_large_file_has_one(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LARGE_FILE", 4)
    assert shown([1], files[:1], monkeypatch) == "analysing of None:."


def test_nobody_watches(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress(range(9), files, "analysing")) == [*range(9)]
    assert capsys.readouterr().err == ""
