"""Debuggers' logs on the command line: several in a file, comparison, exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bugcheck.cli.main import main
from tests.dump.log.texts import ARM64, ELEVEN, SEVEN, XP


def written(tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return str(path)


def test_one_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", written(tmp_path, "log.txt", SEVEN)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("slowflt.sys read from a null pointer plus 0x10")
    assert "SYSTEM_SERVICE_EXCEPTION" in told.out
    assert told.err == ""


def test_several_logs_have_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "thread.txt", "\n\nmy machine crashed again:\n\n".join([XP, SEVEN, ELEVEN]))
    assert main(["analyze", "-q", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{path}/log {number}" for number in (1, 2, 3)]
    assert [line.partition(": ")[2].split()[0] for line in lines] == ["0x1000008e", "0x3b", "0xd1"]


def test_json_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--json", written(tmp_path, "log.txt", ARM64)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["bugcheck"]["code"] == "0x7e"
    assert answer["exception"]["address"] == "0xfffff803c8072980"
    assert {frame["trust"] for frame in answer["fault_stack"]} == {"log"}


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "windbg"])
def test_every_format_of_report(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", XP), ("b", SEVEN), ("c", ELEVEN), ("d", ARM64)):
        assert main(["analyze", "--format", form, written(tmp_path, f"{name}.txt", text)]) == 0
    assert "padpro" in capsys.readouterr().out


def test_no_cause_is_status_1(tmp_path: Path) -> None:
    text = ELEVEN[: ELEVEN.index("KEY_VALUES")] + "FAILURE_BUCKET_ID:  X\n"
    assert main(["analyze", written(tmp_path, "log.txt", text.replace("4a6b1e40", "00000000"))]) == 1


def test_text_without_a_log_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", written(tmp_path, "note.txt", "I ran !analyze -v and it said nothing.")]) == 3
    assert "holds no analysis that could be read" in capsys.readouterr().err


def test_compare_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written(tmp_path, "a.txt", XP), written(tmp_path, "b.txt", XP.replace("> ", ">> "))
    assert main(["compare", first, second]) == 0
    assert capsys.readouterr().out.startswith("The same crash")
    assert main(["compare", first, written(tmp_path, "c.txt", SEVEN)]) == 1


def test_compare_with_several_logs_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = written(tmp_path, "both.txt", XP + SEVEN)
    assert main(["compare", both, written(tmp_path, "c.txt", SEVEN)]) == 2
    assert "these files hold 3" in capsys.readouterr().err


@pytest.mark.corpus
def test_compare_the_story(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = shared / "story"
    assert main(["compare", str(story / "original.txt"), str(story / "story.dmp"), "--symbols", str(story)]) == 0
    assert capsys.readouterr().out.startswith("The same crash: at the same instruction, RapDrv+0x9785")
