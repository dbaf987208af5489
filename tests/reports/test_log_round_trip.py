"""What `--format windbg` writes, the log reader reads: each machine and era, and real dumps.

Expected: the dump the report was made from.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck import synth
from bugcheck.api import analyze, compare
from bugcheck.binary import BinaryView
from bugcheck.dump.log.read import read_logs
from bugcheck.machine.machine import Machine
from bugcheck.reports.windbg_report import windbg_report
from bugcheck.synth import DumpKind
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.eras import Era

MACHINES = {"x86": synth.x86_machine, "x64": synth.x64_machine, "arm64": synth.arm64_machine}
REAL = 6


def built(tmp_path: Path, machine: str) -> Analysis:
    path = tmp_path / "built.dmp"
    path.write_bytes(synth.build_kernel_dump(MACHINES[machine](), DumpKind.TRIAGE_FULL_PATHS))
    return analyze(path, hash_file=False)


def read_back(report: str) -> Machine:
    [dump] = read_logs(BinaryView(report.encode("utf-8"), "report.txt"))
    return Machine(dump)


def assert_same(ours: Analysis, machine: Machine) -> None:
    check, other = ours.bugcheck, machine.bugcheck
    assert check is not None
    assert other is not None
    assert (other.code, [p.value for p in other.parameters]) == (check.code, [p.value for p in check.parameters])
    assert machine.architecture.bits == ours.machine.architecture.bits
    assert (machine.process and machine.process.name) == (ours.machine.process and ours.machine.process.name)


@pytest.mark.parametrize("era", [era for era in Era if era is not Era.USER])
@pytest.mark.parametrize("machine", MACHINES)
def test_reports_of_every_era(machine: str, era: Era, tmp_path: Path) -> None:
    ours = built(tmp_path, machine)
    assert_same(ours, read_back(windbg_report(ours, era)))


@pytest.mark.corpus
def test_reports_of_real_dumps_are_the_same_crash(corpus: Path, tmp_path: Path) -> None:
    smallest = sorted((corpus / "kernel").glob("*.dmp"), key=lambda path: path.stat().st_size)[:REAL]
    for path in smallest:
        ours = analyze(path, hash_file=False)
        log = tmp_path / f"{path.stem}.txt"
        log.write_text(windbg_report(ours), "utf-8")
        theirs = analyze(log, hash_file=False)
        assert_same(ours, theirs.machine)
        assert compare(ours, theirs).outcome.value != "different", path.name
