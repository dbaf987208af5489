"""The command line as a person and a script use it: output, exit status, errors on standard error."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.cli.main import main
from bugcheck.synth import DumpKind


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three dumps: a driver fault, one on purpose, one cut short."""
    path = tmp_path_factory.mktemp("dumps")
    machine = synth.x64_machine()
    driver = synth.build_kernel_dump(machine, DumpKind.TRIAGE_FULL_PATHS)
    manual = replace(machine, bugcheck=replace(machine.bugcheck, code=0xE2, parameters=(0, 0, 0, 0)), broken_driver="")
    (path / "driver.dmp").write_bytes(driver)
    (path / "manual.dmp").write_bytes(synth.build_kernel_dump(manual, DumpKind.FULL))
    (path / "short.dmp").write_bytes(driver[: len(driver) // 2])
    (path / "noise.dmp").write_bytes(b"no dump at all, only text\n" * 40)
    with zipfile.ZipFile(path / "two.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/driver.dmp", driver)
        archive.writestr("b/driver.dmp", driver)
        archive.writestr("readme.txt", "hello")
    return path


def test_one_screen_begins_with_the_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(folder / "driver.dmp")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("flaky.sys wrote to a null pointer plus 0x10 at IRQL 2 (DISPATCH_LEVEL)")
    assert lines[0].rstrip().endswith("confidence  medium") or "confidence" in "".join(lines[:2])
    assert len(lines) <= 40
    assert all(len(line) <= 120 or line.lstrip().startswith("→") for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("name", "status"),
    [("driver.dmp", 0), ("manual.dmp", 0), ("short.dmp", 4), ("noise.dmp", 3), ("absent.dmp", 3), ("two.zip", 0)],
)
def test_exit_status(folder: Path, capsys: pytest.CaptureFixture[str], name: str, status: int) -> None:
    assert main(["analyze", "-q", str(folder / name)]) == status
    captured = capsys.readouterr()
    assert (captured.err == "") == (status in (0, 4))


def test_several_files_give_the_highest_status(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / name) for name in ("driver.dmp", "noise.dmp", "manual.dmp")]
    assert main(["analyze", "--json", *files]) == 3
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [o["file"]["path"] for o in objects] == files
    assert objects[1]["error"]["kind"] == "NotADump"
    assert objects[0]["schema"] == "bugcheck.analysis/1"


def test_a_folder_is_all_dumps_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "-q", str(folder)]) == 4
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_no_cause_is_exit_status_1(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = synth.x64_machine()
    unclear = replace(machine, bugcheck=replace(machine.bugcheck, code=0xEF, parameters=(0, 0, 0, 0)), broken_driver="")
    dump = synth.build_kernel_dump(replace(unclear, exception=None), DumpKind.TRIAGE_FULL_PATHS)
    (tmp_path / "x.dmp").write_bytes(dump)
    assert main(["analyze", str(tmp_path / "x.dmp")]) == 1
    assert "Not enough to name a cause" in capsys.readouterr().out


def test_standard_input(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO((folder / "driver.dmp").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["analyze", "-q", "-"]) == 0
    assert "flaky.sys" in capsys.readouterr().out


def test_output_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.txt"
    assert main(["analyze", "--output", str(target), str(folder / "driver.dmp")]) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text("utf-8").startswith("flaky.sys")
    assert main(["analyze", "--output", str(tmp_path / "no" / "such"), str(folder / "driver.dmp")]) == 2


def test_verbose_lists_registers_and_modules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "-v", str(folder / "driver.dmp")]) == 0
    text = capsys.readouterr().out
    assert "Registers (header)" in text
    assert "rip=fffff804`" in text
    assert "Unloaded modules (2)" in text


def test_modules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modules", str(folder / "driver.dmp")]) == 0
    assert "ntoskrnl.exe" in capsys.readouterr().out
    assert main(["modules", "--json", "--unloaded", str(folder / "driver.dmp")]) == 0
    value = json.loads(capsys.readouterr().out)
    assert len(value["unloaded_modules"]) == 2


def test_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(folder / "manual.dmp")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "kernel_full"
    assert facts["build"] == "19041"
    assert main(["info", str(folder / "noise.dmp")]) == 3


def test_extract(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = synth.x64_machine()
    base = f"{machine.modules[2].base + 0x1000:x}"
    assert main(["extract", str(folder / "manual.dmp"), "--memory", base, "10"]) == 0
    digits = "90 90 90 90 90 90 90 90-90 90 90 90 90 90 90 90"
    assert capsys.readouterr().out == f"{base[:8]}`{base[8:]}  {digits}  ................\n"
    target = tmp_path / "bytes"
    assert main(["extract", str(folder / "manual.dmp"), "--memory", base, "10", "--output", str(target)]) == 0
    assert target.read_bytes() == machine.modules[2].code[:16]
    assert main(["extract", str(folder / "manual.dmp"), "--memory", "10", "10"]) == 3
    assert main(["extract", str(folder / "manual.dmp"), "--memory", "nonsense", "10"]) == 2


def test_colours_only_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--color", "always", str(folder / "driver.dmp")]) == 0
    assert "\x1b[1;31m" in capsys.readouterr().out


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    with pytest.raises(SystemExit) as raised:
        main(["analyze"])
    assert raised.value.code == 2


def test_strings_from_a_dump_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = synth.x64_machine()
    evil = replace(machine.modules[2], path="\\SystemRoot\\\x1b]0;owned\x07\u202eflaky.sys")
    modules = (*machine.modules[:2], evil, *machine.modules[3:])
    dump = synth.build_kernel_dump(replace(machine, modules=modules), DumpKind.TRIAGE_FULL_PATHS)
    (tmp_path / "x.dmp").write_bytes(dump)
    main(["analyze", "-v", str(tmp_path / "x.dmp")])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b" in text
