"""The story's dumps and the synthetic set of the corpus through `analyze`.

Sources: story/expected.json (a debugger engine's answers and the builder's facts), corpus/synthetic/*.json (what is
true in each dump).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bugcheck.api import analyze
from bugcheck.reports.analysis_json import analysis_json

STORY_DUMPS = ("story.dmp", "story_kernel.dmp", "story_triage.dmp")
SYNTHETIC = (
    "x64_fault_full",
    "x64_fault_bitmap",
    "x86_call_full",
    "pae_call_full",
    "pae_call_bitmap",
    "xp_x86",
)


@pytest.fixture(params=STORY_DUMPS)
def story(request: pytest.FixtureRequest, shared: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    expected = json.loads((shared / "story" / "expected.json").read_text("utf-8"))
    ours = analysis_json(analyze(shared / "story" / request.param))
    return ours, expected["dumps"][request.param]


def number(text: str) -> int:
    return int(text, 16)


def test_bug_check(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = story
    assert number(ours["bugcheck"]["code"]) == number(theirs["bugcheck_code"])
    assert [number(p["value"]) for p in ours["bugcheck"]["parameters"]] == [number(a) for a in theirs["bugcheck_args"]]


def test_times(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = story
    moment = datetime.strptime(theirs["session_time_utc"], "%a %b %d %H:%M:%S.%f %Y").replace(tzinfo=UTC)
    assert ours["system"]["crash_time"] == moment.strftime("%Y-%m-%dT%H:%M:%S.437Z")
    assert ours["system"]["uptime_seconds"] == 3 * 86400 + 5 * 3600 + 21 * 60 + 44.640


def test_registers_of_processor_and_trap_frame(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = story
    by_source = {context["source"]: context["registers"] for context in ours["contexts"]}
    general = ("eax", "ebx", "ecx", "edx", "esi", "edi", "eip", "esp", "ebp", "efl", "cs", "ss", "ds", "es", "fs", "gs")
    processor = by_source.get("processor 0") or by_source["header"]
    assert {r: number(processor[r]) for r in general} == {r: number(theirs["context"][r]) for r in general}
    trap = ours["context"]
    assert trap["source"] == "trap frame 0xf4c0bb54"
    assert {r: number(trap["registers"][r]) for r in general} == {
        r: number(theirs["trap_registers"][r]) for r in general
    }


def test_modules(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = story
    found = {(number(m["base"]), number(m["end"]), m["name"]) for m in ours["modules"]}
    assert found == {(number(base), number(end), name) for base, end, name in theirs["modules"]}


def test_who_ran(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    # expected.json, facts: eprocess 84fb7020, pid 1960, ethread 84fb7da0, tid 2208, irql 0, 2 processors
    ours, _ = story
    assert ours["process"] == {"name": "blackice.exe", "id": 1960, "address": "0x84fb7020"}
    assert ours["thread"] == {"address": "0x84fb7da0", "id": 2208}
    assert ours["irql"] == 0
    assert ours["system"]["processors"] == 2
    assert ours["system"]["os"] == "Windows Server 2003 SP1"
    assert ours["system"]["product_type"] == "server"


def test_the_driver_is_suspected_and_the_kernel_is_not(story: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, _ = story
    assert ours["blame"]["module"] == "RapDrv"
    assert ours["blame"]["level"] in ("medium", "high")  # high where the stack was walked
    assert "BlackICE" in ours["blame"]["headline"]


def test_the_machines_own_time_where_the_dump_tells(shared: Path) -> None:
    # the story says 19:03; expected.json: system_time_local_utc_plus_8
    system = analyze(shared / "story" / "story.dmp").system
    assert system is not None
    assert system.utc_offset_seconds == 8 * 3600


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_dump(name: str, corpus: Path) -> None:
    truth = json.loads((corpus / "synthetic" / f"{name}.dmp.json").read_text("utf-8"))
    analysis = analyze(corpus / "synthetic" / f"{name}.dmp")
    ours = analysis_json(analysis)
    code, *parameters = (number(value) for value in truth["bugcheck"])
    assert number(ours["bugcheck"]["code"]) == code
    mask = (1 << analysis.machine.architecture.bits) - 1
    assert [number(p["value"]) for p in ours["bugcheck"]["parameters"]] == [value & mask for value in parameters]
    registers = {register.lower(): number(value) for register, value in truth["regs"].items()}
    found = [{r: number(v) for r, v in context["registers"].items()} for context in ours["contexts"]]
    wanted = {r: v for r, v in registers.items() if r not in ("eflags", "rflags")}
    assert any({r: context.get(r) for r in wanted} == wanted for context in found)
    assert {m["name"] for m in ours["modules"]} == {"nt", "mydrv"}
    symbols = {name: number(address) for name, address in truth["sym"].items()}
    assert analysis.modules.at(symbols["KeBugCheckEx"]) is analysis.modules.named("nt")
    for page, frame in truth["va"].items():
        translation = analysis.machine.memory.translate(number(page))  # type: ignore[attr-defined]
        assert translation.physical == frame << 12


def test_synthetic_small_dump(corpus: Path) -> None:
    """The small dump of the machine whose full dump is x64_fault_full: its truth holds for both."""
    truth = json.loads((corpus / "synthetic" / "x64_fault_full.dmp.json").read_text("utf-8"))
    full = analyze(corpus / "synthetic" / "x64_fault_full.dmp")
    small = analyze(corpus / "synthetic" / "tri_x64_fault_full.dmp")
    assert small.dump.format == "kernel_triage"
    assert small.bugcheck is not None
    assert [parameter.value for parameter in small.bugcheck.parameters] == [number(p) for p in truth["bugcheck"][1:]]
    assert [(m.name, m.base, m.size) for m in small.modules] == [(m.name, m.base, m.size) for m in full.modules]
    stack = {register.lower(): number(value) for register, value in truth["regs"].items()}["rsp"]
    assert small.machine.memory.read(stack, 64) == full.machine.memory.read(stack, 64)
