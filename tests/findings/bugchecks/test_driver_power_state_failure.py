"""9F: built device stacks, and the corpus' disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.findings.findings import Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.machine import Machine
from tests.findings.bugchecks.builders import (
    AT,
    DISK,
    FLAKY,
    NT,
    accused,
    answers,
    crash_with,
    device_stack,
    findings,
    power_irp,
    statements,
)

IRP = AT + 0x8000


def blocked(*images: int, at: int) -> Crash:
    """A power request that stays at the device number `at` (0 the highest) of this stack; the PDO is the lowest."""
    memory = {**device_stack(*images), **power_irp(IRP, AT + 0x1000 * at)}
    return crash_with(0x9F, 3, AT + 0x1000 * (len(images) - 1), 0, IRP, memory=memory)


def test_a_driver_below_the_holder_is_accused() -> None:
    crash = blocked(DISK.base, DISK.base, FLAKY.base, at=1)
    [finding] = [finding for finding in findings(crash) if finding.module]
    assert finding.module == "flaky"
    assert 0.5 <= finding.weight < 0.6
    assert "stands below disk.sys, which holds a power request" in finding.statement
    assert "from the top, of disk.sys, disk.sys, flaky.sys" in statements(crash)
    assert "PowerDeviceD3 (PowerActionHibernate)" in statements(crash)


def test_the_holder_itself_is_accused_when_it_is_no_part_of_windows() -> None:
    crash = blocked(DISK.base, FLAKY.base, DISK.base, at=1)
    assert "flaky.sys holds a power request" in statements(crash)
    assert accused(crash) == ["flaky"]


def test_a_driver_above_the_holder_has_done_its_part() -> None:
    assert accused(blocked(FLAKY.base, DISK.base, DISK.base, at=1)) == []


def test_windows_own_drivers_are_not_accused() -> None:
    assert accused(blocked(DISK.base, NT.base, at=0)) == []


def test_without_the_request_the_stack_alone_is_a_weaker_hint() -> None:
    memory = device_stack(DISK.base, FLAKY.base)
    [finding] = [f for f in findings(crash_with(0x9F, 3, AT + 0x1000, 0, 0, memory=memory)) if f.module]
    assert finding.weight < 0.45


def test_without_devices_there_is_a_gap() -> None:
    assert [answer for answer in answers(crash_with(0x9F, 3, 0x1234)) if isinstance(answer, Finding)] == []
    [gap] = answers(crash_with(0x9F, 3, 0x1234))
    assert isinstance(gap, Gap)


@pytest.mark.parametrize(("kind", "place"), [(1, 1), (2, 2), (0x500, 3)])
def test_a_device_that_broke_the_rules_leads_to_its_driver(kind: int, place: int) -> None:
    parameters = [kind, 0, 0, 0]
    parameters[place] = AT
    assert accused(crash_with(0x9F, *parameters, memory=device_stack(FLAKY.base))) == ["flaky"]


def test_the_plug_and_play_lock() -> None:
    assert "thread 0x1234 held the plug and play lock for over 300 seconds" in statements(
        crash_with(0x9F, 4, 300, 0x1234)
    )


@pytest.mark.corpus
def test_the_corpus_disk_waits_for_iastorac(corpus: Path) -> None:
    # corpus/expected/truth.jsonl: iaStorAC.sys, medium; the IRP is a SET_POWER at disk.sys.
    path = corpus / "kernel/r-Techsupport__training_bsods__9f.dmp"
    crash = Crash(Machine(read_dump(map_file(str(path)))))
    assert accused(crash) == ["iaStorAC"]
    assert "has come down to disk.sys" in statements(crash)
