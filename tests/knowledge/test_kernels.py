"""find_kernel against kphdyn.xml, the dumps' own build numbers, and hand-made misses."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bugcheck.knowledge.kernels import find_kernel
from bugcheck.knowledge.tables import table


def test_the_kernel_of_a_known_dump() -> None:
    # corpus kernel/MANIFEST.tsv: rizin…triage_x64.dmp, nt 0D8333E6 1046000 = 10.0.19041.804 by its exactly matching PDB
    found = find_kernel(0x0D8333E6, 0x1046000)
    assert found is not None
    assert (found.architecture, found.version, found.file) == ("x64", "10.0.19041.804", "ntoskrnl.exe")
    assert (found.build, found.revision) == (19041, 804)
    # Volatility's table of that PDB: _EPROCESS.ObjectTable 0x570, _KTHREAD.InitialStack 0x28
    assert (found.offsets["EpObjectTable"], found.offsets["KtInitialStack"]) == (0x570, 0x28)


def test_the_same_file_released_twice_keeps_the_lower_version() -> None:
    # kphdyn.xml lists e71f2fbc… as 10.0.22621.1483 and as 10.0.22621.1485
    found = find_kernel(0x7A5EF578, 0x1047000)
    assert found is not None
    assert found.version == "10.0.22621.1483"


@pytest.mark.parametrize(
    ("stamp", "size"), [(0x0D8333E6, 0x1046001), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (1 << 40, 1 << 40), (-1, 0)]
)
def test_an_unknown_image_is_none(stamp: int, size: int) -> None:
    assert find_kernel(stamp, size) is None


def test_keys_are_sorted_unique_and_every_set_exists() -> None:
    lines = table("kernels.tsv").decode().strip().split("\n")
    keys = [line.split("\t")[0] for line in lines]
    assert keys == sorted(set(keys))
    assert all(len(key) == 16 for key in keys)
    sets = {line.split("\t")[0] for line in table("kernel_offsets.tsv").decode().strip().split("\n")}
    assert {line.split("\t")[4] for line in lines} == sets


@pytest.mark.corpus
def test_every_image_of_kphdyn_is_found(corpus: Path) -> None:
    root = ElementTree.parse(corpus / "symbols" / "kphdyn.xml").getroot()
    sets = {s.attrib["id"]: {f.attrib["name"]: int(f.attrib["value"], 16) for f in s} for s in root.iter("fields")}
    for data in root.iter("data"):
        found = find_kernel(int(data.attrib["timestamp"], 16), int(data.attrib["size"], 16))
        assert found is not None
        assert found.file == data.attrib["file"]
        assert found.architecture == {"amd64": "x64", "arm64": "arm64"}[data.attrib["arch"]]
        assert found.version == data.attrib["version"] or data.attrib["version"] == "10.0.22621.1485"
        assert found.offsets_id == data.text
        assert found.offsets == sets[data.text or ""]


def test_import_stays_light() -> None:
    # house rule: no regular expressions, no JSON when the loader is imported
    source = Path(sys.modules["bugcheck.knowledge.kernels"].__file__ or "").read_text()
    assert "import re" not in source
    assert "import json" not in source
