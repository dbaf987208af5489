"""driver_signatures and blackbox_facts: what the loader and Windows' components wrote down.

Source of expected values: SE_SIGNING_LEVEL_* of winnt.h; corpus (26100: 12 for Windows' own files, 8 for vendors').
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bugcheck.findings.findings import Crash
from bugcheck.findings.rules import blackbox_facts as rule_file
from bugcheck.machine.modules import ModuleList
from bugcheck.machine.secondary_data import SecondaryData
from tests.crashes import empty_crash, x64_crash
from tests.findings.rules.speaking import corpus_statements, said


def signed(*levels: int) -> Crash:
    """A crash whose modules bear these records, the last one for all further modules."""
    crash = x64_crash(0xA, 0, 0, 0, 0)
    modules = list(crash.modules)
    padded = [*levels, *[levels[-1]] * len(modules)]
    changed = tuple(replace(module, signature=level) for module, level in zip(modules, padded, strict=False))
    crash.machine.__dict__["modules"] = ModuleList(changed)
    return crash


def test_unsigned_drivers_are_told() -> None:
    [finding] = said(signed(0x1C, 0x1C, 0x01, 0x14, 0x1C), "driver_signatures")
    assert finding.statement.endswith(": flaky.sys (not signed), disk.sys (signed by its maker only)")
    assert finding.weight == 0


@pytest.mark.parametrize("levels", [(0x1C, 0x18, 0x10, 0x1C), (0,), (0xFFFF,), (0, 0, 0x01, 0)])
def test_signed_drivers_and_lists_without_the_field_say_nothing(levels: tuple[int, ...]) -> None:
    assert said(signed(*levels), "driver_signatures") == []


@pytest.mark.corpus
def test_no_real_machine_here_has_unsigned_drivers(corpus: Path) -> None:
    assert corpus_statements(corpus, "driver_signatures") == {}


RECENT = "2020-06-01T11:59:00+00:00"
CASES: list[tuple[str, dict[str, object], str]] = [
    ("blackbox pnp", {"in_progress": True, "device_id": r"USB\VID_1"}, r"Plug and Play was busy with USB\VID_1 when"),
    ("blackbox pnp", {"in_progress": False, "problem_code": 24, "time": RECENT}, ""),
    ("blackbox winlogon", {"pending": True, "operation": "Shell"}, "winlogon was waiting in Shell"),
    ("blackbox winlogon", {"pending": False, "operation": "Shell"}, ""),
    ("blackbox ntfs", {"slow_io": [{}, {}], "oplock_breaks": []}, "NTFS noted 2 requests that took too long"),
    ("blackbox ntfs", {"oplock_breaks": [{"owner_process": "x.exe"}]}, "NTFS waited in vain for x.exe to give up"),
    ("blackbox bsd", {"last_boot_id": 9, "last_successful_shutdown_boot_id": 5}, "the 3 starts before this one ended"),
    ("blackbox bsd", {"last_boot_id": 9, "last_successful_shutdown_boot_id": 8}, ""),
    ("blackbox bsd", {"last_boot_id": 9, "last_successful_shutdown_boot_id": 0}, "the 8 starts before"),
    (
        "storage requests",
        {"requests": [{"operation": "READ(10)", "end": "x", "srb_status": 4, "seconds": 19.6}]},
        "as failed: READ(10) with SRB status 0x4",
    ),
    ("storage requests", {"requests": [{"operation": "TEST UNIT READY", "end": None, "srb_status": None}]}, ""),
    (
        "pci configuration",
        {"functions": [{"location": "00:1c.0", "vendor_id": "8086", "errors": ["detected parity error"]}]},
        "has error bits set: detected parity error",
    ),
    ("pci configuration", {"functions": [{"location": "00:1c.0", "errors": ["received target abort"]}]}, ""),
]


@pytest.mark.parametrize(("name", "fields", "says"), CASES)
def test_blackbox(name: str, fields: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = SecondaryData("{0}", name, 1, 0, "", fields, "as decoded")
    monkeypatch.setattr(rule_file, "decode_named", lambda *_: [item])
    crash = x64_crash(0xA, 0, 0, 0, 0)
    streams: Any = [object()]
    crash.dump.streams = streams
    found = [answer.statement for answer in rule_file.blackbox_facts(crash)]
    assert any(says in statement for statement in found) if says else found == []


def test_they_survive_an_empty_dump() -> None:
    assert said(empty_crash(), "driver_signatures") == said(empty_crash(), "blackbox_facts") == []


@pytest.mark.corpus
def test_blackboxes_of_the_corpus_are_mostly_quiet(corpus: Path) -> None:
    # 9f: the disk's own driver took 20 s for a request while the machine hibernated
    said_of = corpus_statements(corpus, "blackbox_facts")
    assert set(said_of) == {"9f.dmp", "13a.dmp", "1a.dmp"}
    assert "storport noted requests that took up to 20 s" in {finding.statement for finding in said_of["9f.dmp"]}
