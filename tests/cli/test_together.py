"""Several dumps of a machine on the command line: the verdict over all, in every format; folders of mixed files."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.cli.main import main
from bugcheck.synth import DumpKind
from tests.dump.log.texts import SEVEN, XP

DAY = 864_000_000_000


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three crashes of one machine in the same driver, and one of another machine."""
    folder = tmp_path_factory.mktemp("series")
    machine = synth.x64_machine()
    paths = [folder / f"{day}.dmp" for day in range(3)]
    for day, path in enumerate(paths):
        later = replace(machine, system_time=machine.system_time + day * DAY)
        path.write_bytes(synth.build_kernel_dump(later, DumpKind.TRIAGE_FULL_PATHS))
    other = folder / "other.dmp"
    other.write_bytes(synth.build_kernel_dump(synth.x86_machine(), DumpKind.TRIAGE_FULL_PATHS))
    return [*map(str, paths), str(other)]


def test_json_lines_stay_one_for_each_dump(dumps: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "--json", *dumps])
    assert [json.loads(line)["schema"] for line in capsys.readouterr().out.splitlines()] == ["bugcheck.analysis/1"] * 4


def test_together_as_json(dumps: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "--together", "--json", *dumps])
    [answer] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answer["schema"] == "bugcheck.combined/1"
    assert [crash["file"] for crash in answer["crashes"]] == dumps[:3]
    assert (answer["blame"]["module"], answer["blame"]["dumps"]) == ("flaky", 3)


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_together_alone(dumps: list[str], form: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "--together", "--format", form, *dumps])
    text = capsys.readouterr().out
    assert text.count("is behind 3 of 3 crashes of this machine") >= 1
    assert "parameter 1" not in text


def test_a_page_of_several_dumps_is_their_verdict_together(
    dumps: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["analyze", "--format", "html", *dumps[:3]])
    page = capsys.readouterr().out
    assert page.count("<!doctype") + page.count("<!DOCTYPE") == 1
    assert "is behind 3 of 3 crashes" in page
    main(["analyze", "--format", "html", dumps[0]])
    assert "Registers" in capsys.readouterr().out


def test_what_has_no_verdict_together_is_said(dumps: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--together", dumps[0], dumps[3]]) == 2
    assert "no two crashes of one machine" in capsys.readouterr().err
    assert main(["analyze", "--format", "html", dumps[0], dumps[3]]) == 2
    assert "one page shows one dump" in capsys.readouterr().err
    assert main(["analyze", "--together", "--format", "windbg", *dumps]) == 2
    assert main(["analyze", "--together", "-q", *dumps]) == 2


@pytest.mark.parametrize(("form", "suffix"), [("json", ".json"), ("html", ".html"), ("markdown", ".md")])
def test_a_folder_of_reports_has_one_for_all(dumps: list[str], tmp_path: Path, form: str, suffix: str) -> None:
    main(["analyze", "--format", form, "--output", f"{tmp_path}/", *dumps])
    assert "is behind 3 of 3 crashes" in (tmp_path / f"together{suffix}").read_text("utf-8")
    assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_holds_dumps_logs_and_archives(
    dumps: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "MEMORY.DMP.old").write_bytes(Path(dumps[0]).read_bytes())
    (tmp_path / "sub" / "wide.log").write_text(SEVEN, "utf-16")
    (tmp_path / "paste.txt").write_text(XP, "utf-8")
    (tmp_path / "diary.txt").write_text("the machine crashed again, MODULE_NAME unknown\n" * 9, "utf-8")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("windbg/analyze.txt", XP)
        archive.writestr("diary.txt", "nothing of interest")
        archive.write(dumps[1], "1.dmp")
    assert main(["analyze", "-q", str(tmp_path)]) == 0
    told = capsys.readouterr()
    names = [line.partition(": ")[0].removeprefix(f"{tmp_path}/") for line in told.out.splitlines()]
    assert sorted(names) == [
        "MEMORY.DMP.old", "packed.zip/1.dmp", "packed.zip/windbg/analyze.txt", "paste.txt", "sub/wide.log",
    ]  # fmt: skip
    assert told.err == ""


def test_an_archive_of_other_texts_holds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert main(["analyze", str(tmp_path / "x.zip")]) == 3
    assert "no dump in this zip file: 1 file (readme.txt)" in capsys.readouterr().err
