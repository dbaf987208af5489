"""Rules that tell facts about drivers and surroundings: old_drivers, known_trouble_driver, environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck.findings.findings import Crash
from bugcheck.knowledge.tables import table
from bugcheck.machine.memory_manager import MemoryManagerFacts
from tests.crashes import empty_crash, x64_crash
from tests.findings.rules.speaking import MACHINE, corpus_statements, opened, said

YEAR_2010, YEAR_2002, YEAR_2060 = 0x4B3D_3B00, 0x3C31_0000, 0xA940_0000


def with_driver(name: str, stamp: int = YEAR_2010, *, code: int = 0xA, first: int = 0) -> Crash:
    """A crash of a machine (2020) whose driver disk.sys is another one."""
    changed = replace(MACHINE.modules[3], name=name, path=name, timestamp=stamp)
    modules = (*MACHINE.modules[:3], changed, *MACHINE.modules[4:])
    return x64_crash(code, first, modules=modules)


def test_old_third_party_drivers_are_told() -> None:
    [finding] = said(with_driver("RTKVHD64.sys"), "old_drivers")
    assert "RTKVHD64.sys (2010)" in finding.statement
    assert finding.weight == 0
    assert finding.module is None


@pytest.mark.parametrize("stamp", [YEAR_2002, YEAR_2060, 0])
def test_hashes_in_place_of_times_are_passed_over(stamp: int) -> None:
    # corpus 13a: amdwps.sys of 2022 bears 2002; IntelPMT.sys 2044
    assert said(with_driver("RTKVHD64.sys", stamp), "old_drivers") == []


def test_drivers_of_windows_are_not_called_old() -> None:
    assert said(with_driver("storahci.sys"), "old_drivers") == []


def test_open_drivers_are_told_once() -> None:
    [finding] = said(with_driver("RTCore64.sys"), "known_trouble_driver")
    assert finding.weight == 0
    assert "RTCore64.sys" in finding.statement


@pytest.mark.parametrize(("code", "first", "speaks"), [(0x7F, 8, True), (0x7F, 0, False), (0xA, 8, False)])
def test_documented_trouble_needs_its_bug_check(code: int, first: int, speaks: bool) -> None:
    found = said(with_driver("savrt.sys", code=code, first=first), "known_trouble_driver")
    assert bool(found) is speaks
    assert all(finding.weight == 0 for finding in found)  # it is not on the stack


def test_trouble_drivers_are_few_sorted_and_sourced() -> None:
    lines = [line.split("\t") for line in table("trouble_drivers.tsv").decode().splitlines() if line[:1] not in "#"]
    assert 20 <= len(lines) <= 40
    assert all(len(line) == 5 and line[4] and line[1] in ("crash", "vulnerable") for line in lines)
    assert [line[0] for line in lines] == sorted({line[0].lower() for line in lines})


def test_a_guest_is_known_by_its_drivers() -> None:
    [finding] = said(with_driver("vm3dmp.sys"), "environment")
    assert "guest (VMware)" in finding.statement
    assert finding.weight == 0


def test_a_guest_is_known_by_its_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    from bugcheck.findings.rules import environment

    def system(words: str) -> list[str]:
        def answer(crash: Crash) -> str:
            return words if crash.dump.is_kernel else ""

        monkeypatch.setattr(environment, "_system", answer)
        return [finding.statement for finding in said(x64_crash(0xA), "environment")]

    assert "guest (Hyper-V)" in system("Microsoft Corporation Virtual Machine")[0]
    assert "guest (QEMU)" in system("QEMU Standard PC (Q35 + ICH9, 2009)")[0]
    assert system("Microsoft Corporation Surface Pro 7") == []


def test_a_host_of_guests_is_no_guest(corpus: Path) -> None:
    # truth.jsonl: the rizin machine has VirtualBox, VMware and Hyper-V as host
    assert said(opened(corpus / "kernel" / "rizinorg__rizin-testbins__triage_x64.dmp"), "environment") == []


def test_driver_verifier_and_special_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    from bugcheck.findings.rules import environment

    nothing = (None,) * 7
    from bugcheck.dump.dump import Dump

    def recorded(dump: Dump) -> MemoryManagerFacts:
        return facts

    facts = MemoryManagerFacts(0x9BB, False, int.from_bytes(b"Flky", "little"), 0, *nothing)
    monkeypatch.setattr(environment, "read_memory_manager", recorded)
    verifier, pool = said(x64_crash(0xA), "environment")
    assert "Driver Verifier was on" in verifier.statement
    assert "tagged 'Flky'" in pool.statement


def test_quiet_on_a_plain_machine() -> None:
    for rule in ("known_trouble_driver", "environment"):
        assert said(x64_crash(0xA), rule) == []


@pytest.mark.parametrize("rule", ["old_drivers", "known_trouble_driver", "environment"])
def test_survives_an_empty_dump(rule: str) -> None:
    assert all(finding.weight == 0 for finding in said(empty_crash(), rule))


@pytest.mark.parametrize("rule", ["old_drivers", "known_trouble_driver", "environment"])
def test_quiet_for_all_real_dumps(corpus: Path, rule: str) -> None:
    # no stamp there is both older than eight years and believable; no listed driver, guest or verifier
    assert corpus_statements(corpus, rule) == {}
