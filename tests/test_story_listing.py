"""The listing of the founding incident comes out whole, from its text and from its dump.

Expected: ../shared/story/expected.json, `seed_listing`: every field of the listing in original.txt, with register
block, code lines and stack taken apart.  The copyist wrote `dWord` where debuggers write `dword`, and folded blanks.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bugcheck.api import analyze
from bugcheck.cli.main import main

SOURCES = ("original.txt", "story.dmp")
CODE_FIELDS = ("FAULTING_IP", "FOLLOWUP_IP")


def listing(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "story" / "expected.json").read_text("utf-8"))["seed_listing"]


def folded(line: str) -> str:
    return " ".join(line.replace("dWord", "dword").split())


def taken_apart(report: str) -> dict[str, Any]:
    """The report as expected.json has the listing: fields, `TRAP.eax` and so on, code lines under `.disasm`."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r"^([A-Z][A-Z_]+|Followup):[ \t]*(\S.*)$", report, re.MULTILINE):
        found.setdefault(name, folded(value))
    for name in CODE_FIELDS:
        place, code = re.search(rf"^{name}: *\n(.+)\n(.+)$", report, re.MULTILINE).groups()  # type: ignore[union-attr]
        found[name], found[f"{name}.disasm"] = folded(place), folded(code)
    found["STACK_TEXT"] = [folded(line) for line in block(report, "STACK_TEXT").split("\n")[1:] if line]
    trap = block(report, "TRAP_FRAME")
    found["TRAP.ErrCode"] = trap.split("ErrCode = ")[1][:8]
    found |= {f"TRAP.{name}": value for name, value in re.findall(r"\b(\w{2,4})=([0-9a-f]+)\b", trap)}
    found["TRAP.flags"] = re.search(r"iopl=0 +(.*)$", trap, re.MULTILINE)[1]  # type: ignore[index]
    *_, symbol, instruction, _reset = trap.strip().split("\n")
    found["TRAP.symbol"], found["TRAP.instruction"] = folded(symbol), folded(instruction)
    return found


def block(report: str, name: str) -> str:
    return re.split(r"\n\n", report[report.index(f"{name}:") :], maxsplit=1)[0]


@pytest.mark.corpus
@pytest.mark.parametrize("source", SOURCES)
def test_every_field_of_the_listing(source: str, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = shared / "story"
    assert main(["analyze", str(story / source), "--format", "windbg", "--symbols", str(story)]) == 0
    ours, theirs = taken_apart(capsys.readouterr().out), listing(shared)
    wanted = {
        name: [folded(v) for v in value] if isinstance(value, list) else folded(value) for name, value in theirs.items()
    }
    assert {name: ours.get(name) for name in wanted} == wanted
    assert len(wanted) == 43


@pytest.mark.corpus
def test_what_the_administrator_could_not_see(shared: Path) -> None:
    # story/README.md: a list unlink through a null pointer, the control code, BlackICE's own request
    analysis = analyze(shared / "story" / "original.txt")
    said = " ".join(finding.statement for finding in analysis.findings)
    assert "0x00222034: FILE_DEVICE_UNKNOWN, function 0x80d, METHOD_BUFFERED" in said
    assert "asked by blackice.exe, a program of the product the driver belongs to" in said
    assert "list entry being unlinked" in said
    dump = analyze(shared / "story" / "story.dmp", hash_file=False)
    assert (analysis.blame.module, analysis.blame.level) == (dump.blame.module, dump.blame.level)
    assert analysis.blame.module == "RapDrv"
    stack = analysis.crash.fault_stack
    assert stack is not None
    assert [frame.name for frame in stack.frames][:4] == [
        "RapDrv+0x9785",
        "RapDrv+0x5a20",
        "RapDrv+0x6282",
        "RapDrv+0x62f3",
    ]
