"""Every real kernel dump of the corpus through `analyze`, against what independent programs say of it.

Sources: corpus/kernel/MANIFEST.tsv (header facts) and corpus/expected/dbgeng.jsonl (a debugger engine, 10.0.15063).
"""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bugcheck.api import analyze
from bugcheck.reports.analysis_json import analysis_json

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
pytestmark = pytest.mark.corpus


@cache
def _manifest() -> dict[str, dict[str, str]]:
    path = CORPUS / "kernel" / "MANIFEST.tsv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


@cache
def _expected() -> dict[str, dict[str, Any]]:
    path = CORPUS / "expected" / "dbgeng.jsonl"
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return {row["file"]: row for row in rows}


NAMES = sorted(name for name in _manifest() if (CORPUS / "kernel" / name).exists()) or [None]


@cache
def _analysis(name: str) -> dict[str, Any]:
    return analysis_json(analyze(CORPUS / "kernel" / name))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    if request.param is None:
        pytest.skip("../shared/corpus is absent")
    return request.param


def number(text: str) -> int:
    return int(text, 16)


def test_header_facts_equal_the_manifest(name: str) -> None:
    row, ours = _manifest()[name], _analysis(name)
    assert ours["file"]["sha256"] == row["sha256"]
    assert number(ours["bugcheck"]["code"]) == number(row["bugcheck"])
    parameters = [number(parameter["value"]) for parameter in ours["bugcheck"]["parameters"]]
    assert parameters == [number(row[key]) for key in ("p1", "p2", "p3", "p4")]
    assert ours["system"]["build"] == int(row["os_build"])
    assert ours["system"]["processors"] == int(row["ncpu"])


def test_kernel_version_is_known_where_the_manifest_knows_it(name: str) -> None:
    version = _manifest()[name]["nt_version(kphdyn)"]
    if version:
        assert _analysis(name)["system"]["kernel_version"] == version


def test_modules_equal_the_debugger_engine(name: str) -> None:
    theirs = {
        number(m["base"]): (m["name"], m["image_name"], number(m["end"]), number(m["timestamp"]), number(m["checksum"]))
        for m in _expected()[name]["modules"]
    }
    ours = {
        number(m["base"]): (
            m["name"],
            m["image"],
            number(m["end"]),
            number(m["time_date_stamp"]),
            number(m["checksum"]),
        )
        for m in _analysis(name)["modules"]
    }
    assert ours == theirs


def test_unloaded_modules_equal_the_debugger_engine(name: str) -> None:
    assert [m["name"] for m in _analysis(name)["unloaded_modules"]] == _expected()[name]["unloaded"]


def test_times_equal_the_debugger_engine(name: str) -> None:
    ours, theirs = _analysis(name)["system"], _expected()[name]
    stamp, zone = theirs["system_time"].split(" (")
    moment = datetime.strptime(stamp, "%a %b %d %H:%M:%S.%f %Y").replace(tzinfo=UTC)
    assert zone == "UTC + 0:00)"
    assert ours["crash_time"] == moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    days, hours, minutes, seconds = re.fullmatch(r"(\d+) days (\d+):(\d+):([\d.]+)", theirs["uptime"]).groups()
    uptime = int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    assert ours["uptime_seconds"] == pytest.approx(uptime, abs=0.001)


def test_registers_equal_the_debugger_engine(name: str) -> None:
    theirs = {register: number(value) for register, value in _expected()[name]["registers"].items()}
    ours = [{r: number(v) for r, v in c["registers"].items()} for c in _analysis(name)["contexts"]]
    segments = {"cs", "ss", "ds", "es", "fs", "gs"}
    wanted = {register: value for register, value in theirs.items() if register not in segments}
    assert any({r: c.get(r) for r in wanted} == wanted for c in ours)


def test_every_processor_the_engine_shows_has_the_same_instruction_pointer(name: str) -> None:
    theirs = {cpu["cpu"]: number(cpu["ip"]) for cpu in _expected()[name]["cpus"] if not cpu["err"]}
    for processor in _analysis(name)["processors"]:
        context = processor["context"]
        if context is not None:
            pointer = context["registers"].get("rip") or context["registers"].get("pc")
            assert number(pointer) == theirs[processor["number"]]


def test_process_and_thread_equal_the_debugger_engine(name: str) -> None:
    ours, theirs = _analysis(name), _expected()[name]
    if theirs.get("thread"):
        assert number(ours["thread"]["address"]) == number(theirs["thread"])
    if theirs.get("process"):
        assert number(ours["process"]["address"]) == number(theirs["process"])
    assert ours["process"]["name"]


def test_build_string_equals_the_debugger_engine(name: str) -> None:
    ours = _analysis(name)["system"]["build_lab"]
    if ours is not None:
        assert ours.startswith(_expected()[name]["built_by"].split(" ")[0]) or _expected()[name]["built_by"].startswith(
            ours
        )
