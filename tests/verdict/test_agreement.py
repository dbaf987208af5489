"""How far verdicts agree with careful reading, per machine of the corpus: figures that may rise and must not fall.

Source of expected values: corpus/expected/truth.jsonl, by people who read the dumps; strict, `unknown` where the
evidence carries no name.  A dump of a machine whose memory is proved bad by its other dumps may say nothing by itself;
the machine's combined verdict then has to say it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from bugcheck.api import analyze_all, crash_record
from bugcheck.findings.findings import Category
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.combined import combine
from bugcheck.verdict.crash_record import CrashRecord

pytestmark = pytest.mark.corpus

# machine (beginning of its group in truth.jsonl) → dumps, those whose verdict agrees, those that name nothing
FIGURES = {
    "CriticalRocket laptop": (13, 13, 0),
    "kdlibcpp Raspberry": (1, 1, 0),
    "kdlibcpp ARM64": (1, 1, 0),
    "training machine B": (8, 5, 3),
    "training machine D": (1, 1, 0),
    "rizin ARM64": (1, 1, 0),
    "rizin test machine": (1, 1, 0),
}


@dataclass(frozen=True, slots=True)
class Read:
    """What people and we say of one dump."""

    file: str
    group: str
    truth: str
    sure: str
    blame: Blame


@pytest.fixture(scope="module")
def judged(corpus: Path) -> tuple[list[Read], list[CrashRecord]]:
    lines = (corpus / "expected" / "truth.jsonl").read_text("utf-8").splitlines()
    truths = {each["file"]: each for each in map(json.loads, lines)}
    found: list[Read] = []
    records: list[CrashRecord] = []
    for outcome in analyze_all([corpus / "kernel"], hash_file=False):
        name = Path(outcome.path).name
        if outcome.analysis is not None and name in truths:
            said = truths[name]
            found.append(Read(name, said["group"], said["blamed"], said["sure"], outcome.analysis.blame))
            record = crash_record(outcome.analysis)
            records += [record] if record is not None else []
    assert len(found) == len(truths) == 26
    return found, records


def agrees(read: Read) -> bool:
    if read.truth == "hardware":
        return read.blame.category is Category.HARDWARE
    if read.truth.endswith(".sys"):
        return (read.blame.image or "").lower() == read.truth.lower()
    return read.blame.level == "none"  # unknown, or stopped on purpose


def test_what_people_are_sure_of_is_blamed_with_high_confidence(judged: tuple[list[Read], list[CrashRecord]]) -> None:
    sure = [read for read in judged[0] if read.sure == "high" and read.truth.endswith(".sys")]
    assert len(sure) == 11
    assert {read.file: read.blame.level for read in sure if read.blame.level != "high"} == {}


def test_agreement_per_machine(judged: tuple[list[Read], list[CrashRecord]]) -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for read in judged[0]:
        machine = next(name for name in FIGURES if read.group.startswith(name))
        silent = not agrees(read) and read.blame.level in ("none", "low") and read.blame.module is None
        counts[machine] = [a + b for a, b in zip(counts[machine], (1, agrees(read), silent), strict=True)]
    assert {name: tuple(figures) for name, figures in counts.items()} == FIGURES


def test_no_victim_of_hardware_is_blamed(judged: tuple[list[Read], list[CrashRecord]]) -> None:
    victims = [read for read in judged[0] if read.truth == "hardware" and read.blame.module]
    assert [read.file for read in victims] == []


def test_no_high_confidence_beyond_the_readers(judged: tuple[list[Read], list[CrashRecord]]) -> None:
    assert [read.file for read in judged[0] if read.blame.level == "high" and read.sure != "high"] == []
    assert [read.file for read in judged[0] if read.blame.level == "high" and not agrees(read)] == []


def test_machines_as_a_whole(judged: tuple[list[Read], list[CrashRecord]]) -> None:
    verdicts = {each.records[0].build: each for each in combine(judged[1])}
    training = verdicts[26100]
    assert (training.category, training.module, training.level) == (Category.HARDWARE, None, "high")
    assert training.bits[0] == (37, 4)
    laptop = verdicts[9600]
    assert (laptop.category, laptop.image, laptop.count) == (Category.DRIVER, "atikmdag.sys", 10)
    assert laptop.level == "high"
    assert "2 different builds" in " ".join(laptop.against)
