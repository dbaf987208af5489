"""A support collection in an encrypted zip, from the command line: with its password, with a wrong one, without."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bugcheck.cli.main import main

DATA = Path(__file__).parents[1] / "archives" / "data"


@dataclass(frozen=True)
class Told:
    """Exit status, what was complained, the quality of each file, and what is missing of it with the remedy."""

    status: int
    complaint: str
    files: dict[str, str]
    gaps: dict[str, str]


def told(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Told:
    status = main(["investigate", str(folder), "--no-store", "--json", *options])
    captured = capsys.readouterr()
    made: dict[str, Any] = json.loads(captured.out) if captured.out else {"evidence": [], "gaps": []}
    return Told(
        status,
        captured.err,
        {each["path"]: each["quality"] for each in made["evidence"]},
        {each["what"]: f"{each['missing']} → {each['remedy']}" for each in made["gaps"]},
    )


@pytest.fixture(params=["aes256.zip", "encrypted.zip"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with an encrypted collection and a file that is open."""
    shutil.copy(DATA / request.param, tmp_path / "support.zip")
    (tmp_path / "ver.txt").write_text("Microsoft Windows [Version 10.0.19045.2965]\n")
    return tmp_path


def test_with_its_password_all_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(folder, capsys, "--password", "secret")
    assert found.status in (0, 1)
    assert len(found.files) > 2
    assert "unreadable" not in found.files.values()
    assert not any("password" in missing for missing in found.gaps.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [((), "its password is needed"), (("--password", "wrong"), "the password does not fit")],
    ids=["none", "wrong"],
)
def test_else_each_member_says_what_it_wants(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    """The rest of the folder is read nevertheless."""
    found = told(folder, capsys, *options)
    assert found.status in (0, 1)
    assert found.files.pop("ver.txt") == "complete"
    assert set(found.files.values()) == {"unreadable"}
    for path in found.files:
        assert f"encrypted: {words} → " in found.gaps[f"what is in {path}"]
        assert "--password" in found.gaps[f"what is in {path}"]


def test_a_folder_of_encrypted_members_alone_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ver.txt").unlink()
    found = told(folder, capsys)
    assert found.status == 3
    assert "no file in it could be read" in found.complaint
    assert "its password is needed" in found.complaint
