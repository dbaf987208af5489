"""PDBs beside real and synthetic dumps: names as a debugger printed them, publics as their truth files have them."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bugcheck.symbols.pdb.open import open_pdb

pytestmark = pytest.mark.corpus


def test_names_of_the_story_are_the_debuggers(shared: Path) -> None:
    # story/expected.json, "kb": a debugger's stack with ntkrnlmp.pdb; the return address of a line is where the next is
    dump = json.loads((shared / "story" / "expected.json").read_text(encoding="utf-8"))["dumps"]["story.dmp"]
    base = int(dump["kernel_base"], 16)
    lines = [line.split() for line in dump["kb"]]
    compared = 0
    with open_pdb(shared / "story" / "ntkrnlmp.pdb", cache=None) as symbols:
        for line, following in itertools.pairwise(lines):
            if len(following) < 6 or not following[5].startswith("nt!"):
                continue
            address = int(line[1], 16)
            found = symbols.nearest(address - base)
            assert found is not None
            assert f"nt!{found.name}+{address - base - found.rva:#x}" == following[5]
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize(
    ("truth", "pdb"),
    [
        ("x64_fault_full.dmp.json", "ntkrnlmp.pdb"),
        ("x86_call_full.dmp.json", "ntkrpamp.pdb"),
        ("pae_call_full.dmp.json", "ntkrpamp.pdb"),
    ],
)
def test_publics_of_synthetic_kernels_are_where_their_truth_file_says(corpus: Path, truth: str, pdb: str) -> None:
    expected = json.loads((corpus / "synthetic" / truth).read_text(encoding="utf-8"))["sym"]
    with open_pdb(corpus / "synthetic" / pdb, cache=None) as symbols:
        bases: set[int] = set()
        for name, address in expected.items():
            found = symbols.find(name)
            assert found is not None, name
            bases.add((int(address, 16) if isinstance(address, str) else address) - found.rva)
    assert len(bases) == 1
    assert bases.pop() % 0x1000 == 0


@pytest.mark.skipif(shutil.which("llvm-pdbutil-14") is None, reason="llvm-pdbutil-14 is not installed")
def test_publics_equal_llvm_pdbutils(shared: Path) -> None:
    found = sorted([*(shared / "story").glob("*.pdb"), *(shared / "corpus" / "synthetic").rglob("*.pdb")])
    assert found
    for path in found:
        command = ["llvm-pdbutil-14", "dump", "-publics", path]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        names = {line.split("`")[1] for line in text.splitlines() if "S_PUB32" in line}
        with open_pdb(path, cache=None) as symbols:
            missing = {name for name in names if symbols.find(name) is None}
        assert names
        assert not missing, path.name
