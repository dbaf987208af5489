"""One verdict over several dumps of a machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import analyze_all, crash_record
from bugcheck.findings.findings import Category
from bugcheck.reports.combined_document import combined_document, sentence
from bugcheck.reports.combined_json import combined_json
from bugcheck.reports.formats.text import draw
from bugcheck.synth import DumpKind
from bugcheck.synth.description import BugCheckDescription
from bugcheck.verdict.combined import combine
from bugcheck.verdict.crash_record import CrashRecord

MACHINE = synth.x64_machine()
DRIVER = MACHINE.modules[2].base + 0x1020
KERNEL = MACHINE.modules[0].base


def records(folder: Path, *checks: tuple[int, tuple[int, int, int, int]]) -> list[CrashRecord]:
    paths: list[Path] = []
    for day, (code, parameters) in enumerate(checks):
        machine = replace(
            MACHINE,
            bugcheck=BugCheckDescription(code, parameters),
            exception=None,
            broken_driver="",
            system_time=MACHINE.system_time + day * 864_000_000_000,
        )
        paths.append(folder / f"{day}.dmp")
        paths[-1].write_bytes(synth.build_kernel_dump(machine, DumpKind.TRIAGE_FULL_PATHS))
    return records_of(reversed(paths))


def records_of(paths: Iterable[Path]) -> list[CrashRecord]:
    found = [crash_record(o.analysis) for o in analyze_all(paths, hash_file=False) if o.analysis]
    return [record for record in found if record is not None]


def test_the_same_place_in_every_dump_is_software(tmp_path: Path) -> None:
    [verdict] = combine(records(tmp_path, *[(0xD1, (0x10, 2, 1, DRIVER))] * 4))
    assert (verdict.module, verdict.count, verdict.category) == ("flaky", 4, Category.DRIVER)
    assert verdict.level == "high"
    assert "same place" in " ".join(verdict.because)
    moments = [a.crash_time for a in verdict.records]
    assert moments == sorted(moments)


def test_scattered_checks_in_the_kernel_are_a_hint_at_hardware_and_no_more(tmp_path: Path) -> None:
    checks = [
        (0xA, (0x10, 2, 0, KERNEL + 0x111)),
        (0x50, (0x20, 0, KERNEL + 0x222, 0)),
        (0x7E, (0xC0000005, KERNEL + 0x333, 0, 0)),
    ]
    [verdict] = combine(records(tmp_path, *checks))
    assert verdict.category is Category.HARDWARE
    assert verdict.level == "low"


def test_flipped_bits_that_repeat_are_hardware(tmp_path: Path) -> None:
    flip = (0x1A, (0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37, 0))
    [verdict] = combine(records(tmp_path, flip, flip, (0xA, (0x10, 2, 0, KERNEL))))
    assert verdict.category is Category.HARDWARE
    assert verdict.level == "high"
    assert verdict.bits == ((37, 2),)
    assert sentence(verdict) == "Memory or processor: the same bit (bit 37) is changed in 2 of 3 dumps of this machine."


def test_two_dumps_that_agree_on_nothing(tmp_path: Path) -> None:
    [verdict] = combine(records(tmp_path, (0xA, (0x10, 2, 0, KERNEL)), (0xEF, (0, 0, 0, 0))))
    assert verdict.level == "none"
    assert verdict.module is None
    assert "agree on nothing" in draw(combined_document(verdict), colour=False, width=100)


def test_one_dump_and_stops_on_purpose_are_not_combined(tmp_path: Path) -> None:
    assert combine(records(tmp_path, (0xD1, (0x10, 2, 1, DRIVER)), (0xE2, (0, 0, 0, 0)))) == []


@pytest.mark.corpus
def test_the_real_machines(corpus: Path) -> None:
    # corpus/expected/truth.jsonl: machine B's memory flips bits; the laptop's atikmdag.sys stops the system itself
    verdicts = {verdict.records[0].build: verdict for verdict in combine(records_of([corpus / "kernel"]))}
    assert verdicts[26100].category is Category.HARDWARE
    assert verdicts[26100].level == "high"
    assert len(verdicts[26100].records) == 8
    assert verdicts[9600].module == "atikmdag"
    assert verdicts[9600].level == "high"
    assert any(change.startswith("atikmdag.sys was replaced") for change in verdicts[9600].changed)


def test_copies_of_one_crash_count_once(tmp_path: Path) -> None:
    once = records(tmp_path, (0xD1, (0x10, 2, 1, DRIVER)))
    assert combine([*once, once[0]._replace(path="copy.dmp")]) == []


def test_an_update_of_windows_between_crashes_does_not_make_another_machine(tmp_path: Path) -> None:
    first, second = records(tmp_path, (0xD1, (0x10, 2, 1, DRIVER)), (0xD1, (0x10, 2, 1, DRIVER)))
    updated = second._replace(kernel_version="10.0.99999.1")
    [verdict] = combine([first, updated])
    assert any("Windows itself was updated" in change for change in verdict.changed)
    other = updated._replace(drivers="00000001 other.sys\n00000002 more.sys")
    assert combine([first, other]) == []


def test_json_says_what_the_screen_says(tmp_path: Path) -> None:
    flip = (0x1A, (0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37, 0))
    [verdict] = combine(records(tmp_path, flip, flip, (0xA, (0x10, 2, 0, KERNEL))))
    told = combined_json(verdict)
    assert told["schema"] == "bugcheck.combined/1"
    assert told["verdict"]["headline"] == sentence(verdict)
    assert told["bits"] == [{"bit": 37, "dumps": 2}]
    assert [crash["code"] for crash in told["crashes"]] == ["0x1a", "0x1a", "0xa"]
    assert (told["blame"]["category"], told["blame"]["level"]) == ("hardware", "high")
    assert json.loads(json.dumps(told)) == told
    assert "bit 37 in 2 dumps" in draw(combined_document(verdict), colour=False, width=100)
