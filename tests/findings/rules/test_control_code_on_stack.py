"""control_code_on_stack: requests under way are told, numbers that look like them are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.dump.log.read import read_logs
from bugcheck.findings.findings import Crash
from bugcheck.findings.stack_control_codes import is_plausible
from bugcheck.machine.control_code import ControlCode
from bugcheck.machine.machine import Machine
from tests.crashes import empty_crash, x64_crash
from tests.dump.log.texts import XP
from tests.findings.rules.speaking import corpus_statements, opened, said

RULE = "control_code_on_stack"


@pytest.mark.parametrize("name", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_the_story_asks_its_own_driver(shared: Path, name: str) -> None:
    # story/README.md: 0x00222034, device type 0x22, function 0x80D, buffered; BlackICE asked its own driver
    [finding] = said(opened(shared / "story" / name), RULE)
    assert "a device control request to RapDrv was under way: 0x00222034" in finding.statement
    assert "function 0x80d, METHOD_BUFFERED" in finding.statement
    assert "asked by blackice.exe, a program of the product the driver belongs to" in finding.statement
    assert finding.weight == 0
    assert (finding.module, finding.clause) == ("RapDrv", "while blackice.exe asked it for something by device control")


@pytest.mark.parametrize(
    ("code", "plausible"),
    [(0x0022_2034, True), (0x0007_0000, True), (0x0000_0058, False), (0x0001_0246, False)],
)
def test_what_a_control_code_looks_like(code: int, plausible: bool) -> None:
    assert is_plausible(ControlCode(code)) is plausible


def test_quiet_without_a_request() -> None:
    assert said(x64_crash(0xD1, 0x10, 2, 1), RULE) == []


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_of_all_real_dumps_the_one_with_an_irp(corpus: Path) -> None:
    # truth.jsonl: 9f, the blocked IRP is a SET_POWER
    [(name, [finding])] = corpus_statements(corpus, RULE).items()
    assert name == "9f.dmp"
    assert "IRP_MJ_POWER IRP_MN_SET_POWER" in finding.statement


# --- debuggers' logs, which have no memory ---


def log_crash(text: str) -> Crash:
    [dump] = read_logs(BinaryView(text.encode(), "log.txt"))
    return Crash(Machine(dump))


def test_a_driver_line_of_a_log_holds_the_code() -> None:
    # the layout of story/original.txt: the driver's inner function has the control code as its first argument
    text = XP.replace("f5d2aa64 804eedf9 82b31020", "f5d2aa64 804eedf9 0022e00b")
    [finding] = said(log_crash(text), RULE)
    assert "a device control request to quietdrv was under way: 0x0022e00b" in finding.statement
    assert [citation.value for citation in finding.citations] == ["0x22e00b"]


def test_quiet_where_no_word_of_a_log_is_a_control_code() -> None:
    assert said(log_crash(XP), RULE) == []


def test_quiet_where_a_log_shows_no_request() -> None:
    text = XP.replace("f5d2aa64 804eedf9 82b31020", "f5d2aa64 804eedf9 0022e00b").replace(
        "NtDeviceIoControlFile", "NtWriteFile"
    )
    assert said(log_crash(text), RULE) == []
