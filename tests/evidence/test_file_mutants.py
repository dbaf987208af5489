"""Damaged samples of logs and program files: a partial answer with gaps, never an exception that is not ours.

Longer runs: `BUGCHECK_MUTANTS=10000 pytest tests/evidence/test_file_mutants.py`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import PARSERS
from tests.evidence.samples_of import SAMPLES, mutants, source_of

MINE = (
    "windows_firewall", "iptables", "cisco_asa", "blackice", "zonealarm", "firewall_table", "symantec_traffic",
    "trend_firewall", "mcafee_history", "symantec_log", "mcafee_text", "trend_text", "sophos_text",
    "defender_history", "defender_log", "program_file", "catalog_file", "baseline_list",
)  # fmt: skip
OF_LOGS = sorted(path for path in SAMPLES.iterdir() if path.name.partition("--")[0] in MINE)
COUNT = int(os.environ.get("BUGCHECK_MUTANTS", "40"))
SECONDS = 5.0
"""What reading one small mutant may take at most."""


@pytest.mark.parametrize("path", OF_LOGS, ids=lambda path: path.name)
def test_mutants(path: Path) -> None:
    name, _, base = path.name.partition("--")
    parser = next(each for each in PARSERS if each.name == name)
    for number, data in enumerate(mutants(path.read_bytes(), COUNT, seed=7)):
        source = source_of(data, base)
        started = time.process_time()
        try:
            parser.probe(source)
            records = sum(1 for _ in parser.read(source))
        except BugcheckError:
            continue
        assert records < 100_000, number
        assert time.process_time() - started < SECONDS, number
