"""Every file of corpus/evidence is recognised or among those known as unknown; counts are those of independent tools.

Source: the manifests' column `independent_tool`: the evtx library's own count, LfLe magics, lines, pefile,
python-registry.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Evidence, Quality
from bugcheck.evidence.intake import Intake, Unreadable
from bugcheck.evidence.reading import read_source

UNKNOWN = frozenset(
    [
        "LICENSE", "LICENSE.GPL", "MANIFEST.tsv", "YML-Template.yml", "bin_hvci_drivers.csv",
        "bin_spec_drivers.spec.json", "detections_hashes_authentihash_samples_vulnerable.all",
        "detections_hashes_samples_vulnerable.all", "binxml.dat", "security.log", "fingerprint_results.json",
        "test_data_AppxSignature.p7x", "test_data_kdbazis.dll.crt",
    ]
)  # fmt: skip
"""Licences, lists of the corpus itself, loose pieces of formats, and text nobody claims: named unknown, not dropped."""
EMPTY = re.compile(r"\.LOG2$")
KINDS = {"pefile": "program_file", "prefetch": "prefetch", "legacy EVT": "evt", "evtx0": "evtx"}


@cache
def told(folder: str) -> dict[str, Evidence | Unreadable]:
    packed = frozenset(["drivers/magicsword-io__LOLDrivers__yaml.tar.xz"])
    found: dict[str, Evidence | Unreadable] = {}
    for source in Intake(folder, skip=packed).sources():
        is_open = not isinstance(source, Unreadable)
        found[source.path] = read_source(source, "x", lambda _, __: None) if is_open else source
    return found


@pytest.fixture
def evidence(corpus: Path) -> dict[str, Evidence | Unreadable]:
    return told(str(corpus / "evidence"))


def tools(corpus: Path) -> dict[str, str]:
    """Path below corpus/evidence → what the independent tool said of it, where it said anything."""
    said: dict[str, str] = {}
    for manifest in sorted((corpus / "evidence").glob("*/MANIFEST.tsv")):
        with manifest.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                said[f"{manifest.parent.name}/{row['file']}"] = row["independent_tool"] or ""
    return said


def test_every_file_is_recognised_or_known_as_unknown(evidence: dict[str, Evidence | Unreadable]) -> None:
    assert len(evidence) > 150
    for path, each in evidence.items():
        short = path.rpartition("/")[2].rpartition("__")[2]
        if isinstance(each, Unreadable):
            assert EMPTY.search(path), (path, each.reason)
            assert each.reason == "the file is empty"
        else:
            assert (each.kind == "unknown") == (short in UNKNOWN), (path, each.kind)


def test_nothing_is_dropped(corpus: Path, evidence: dict[str, Evidence | Unreadable]) -> None:
    listed = {path for path in tools(corpus) if not path.endswith(".tar.xz")}
    there = {path for path in listed if (corpus / "evidence" / path).exists()}
    assert there <= evidence.keys()


def test_kinds_are_those_the_tools_read(corpus: Path, evidence: dict[str, Evidence | Unreadable]) -> None:
    checked = 0
    for path, words in tools(corpus).items():
        kind = next((kind for word, kind in KINDS.items() if words.startswith(word)), "")
        if words.startswith("python-registry") and "root=" in words:
            kind = "registry_hive"
        if kind and isinstance(each := evidence.get(path), Evidence):
            assert each.kind == kind, (path, words)
            checked += 1
    assert checked > 60


def test_as_many_records_as_the_tools_count(corpus: Path, evidence: dict[str, Evidence | Unreadable]) -> None:
    """A tool that stopped had read that many; who reads on finds no fewer. A header's magic counts as one, too.

    Lines were counted as bytes: a UTF-16 file without a mark has none by that count.
    """
    checked = 0
    for path, words in tools(corpus).items():
        each = evidence.get(path)
        if not isinstance(each, Evidence):
            continue
        if match := re.match(r"evtx[\d.]+: (\d+) records(, stopped)?", words):
            number, stopped = int(match[1]), bool(match[2])
            assert each.events >= number if stopped else each.events == number, (path, each.events, words)
            assert (each.quality is Quality.DAMAGED) >= stopped, path
            checked += 1
        elif match := re.match(r"([1-9]\d*) lines", words):
            assert each.kind == "unknown" or 0 < each.events + each.facts <= 2 * int(match[1]), (path, words)
            checked += 1
        elif match := re.search(r"by magic count: (\d+)", words):
            assert int(match[1]) - each.events in (0, 1) or each.quality is Quality.DAMAGED, (path, each.events)
            checked += 1
    assert checked > 60
