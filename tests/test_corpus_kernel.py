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
from bugcheck.errors import NotADump
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


def test_all_of_them_are_here() -> None:
    if not _manifest():
        pytest.skip("../shared/corpus is absent")
    assert len(NAMES) == len(_expected()) == 26
    assert set(NAMES) == _expected().keys()
    corrupt = {f"corrupt/{path.name}" for path in (CORPUS / "kernel-corrupt").glob("*.dmp")}
    assert set(NAMES) | corrupt == _manifest().keys()


def test_those_a_disk_filled_with_zeros_are_refused_and_named_as_such() -> None:
    # corpus/README.md: zero-filled dumps as they come from real disks
    corrupt = sorted((CORPUS / "kernel-corrupt").glob("*.dmp"))
    if not corrupt:
        pytest.skip("../shared/corpus is absent")
    for path in corrupt:
        with pytest.raises(NotADump, match="zeros"):
            analyze(path)


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
        number(m["base"]): (
            m["name"],
            m["image_name"],
            m["image_path"],
            number(m["end"]),
            number(m["imagesize"]),
            number(m["timestamp"]),
            number(m["checksum"]),
        )
        for m in _expected()[name]["modules"]
    }
    ours = {
        number(m["base"]): (
            m["name"],
            m["image"],
            m["path"],
            number(m["end"]),
            m["size"],
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


def _general(registers: dict[str, str]) -> dict[str, int]:
    """Registers as numbers, without the segments: small dumps of processors have none."""
    segments = {"cs", "ss", "ds", "es", "fs", "gs"}
    return {register: number(value) for register, value in registers.items() if register not in segments}


def test_registers_equal_the_debugger_engine(name: str) -> None:
    """The engine shows those of the processor that stopped: the first one we list after the fault's."""
    wanted = _general(_expected()[name]["registers"])
    ours = [_general(c["registers"]) for c in _analysis(name)["contexts"] if "parameter" not in c["source"]]
    assert any({r: c.get(r) for r in wanted} == wanted for c in ours)


def test_registers_at_the_exception_equal_the_debugger_engine(name: str) -> None:
    """`.cxr` and `.exr` at the parameters that are a context record and an exception record."""
    theirs, ours = _expected()[name], _analysis(name)
    if "context_registers" not in theirs:
        assert "context record" not in ours["context"]["source"]
        return
    wanted = _general(theirs["context_registers"])
    assert "context record parameter" in ours["context"]["source"]
    assert {r: v for r, v in _general(ours["context"]["registers"]).items() if r in wanted} == wanted
    lines = dict(line.split(": ", 1) for line in map(str.strip, theirs.get("exception_record") or ()) if ": " in line)
    if lines:
        assert number(ours["exception"]["code"]) == number(lines["ExceptionCode"].split()[0])
        assert number(ours["exception"]["address"]) == number(lines["ExceptionAddress"].split()[0])
        parameters = [value for key, value in lines.items() if key.startswith("Parameter[")]
        assert [number(value) for value in ours["exception"]["parameters"]] == [number(value) for value in parameters]


def test_every_processor_the_engine_shows_has_the_same_instruction_pointer(name: str) -> None:
    theirs = {cpu["cpu"]: number(cpu["ip"]) for cpu in _expected()[name]["cpus"] if not cpu["err"]}
    ours: dict[int, int] = {}
    for processor in _analysis(name)["processors"]:
        context = processor["context"]
        if context is not None:
            ours[processor["number"]] = number(context["registers"].get("rip") or context["registers"]["pc"])
    if ours:
        assert ours == theirs
    else:  # a dump without the other processors: the engine shows the header's context for each
        assert len(set(theirs.values())) == 1


def test_secondary_data_are_the_engines_tagged_streams(name: str) -> None:
    # the engine writes the last two groups of a GUID as one
    theirs = [(guid.replace("-", ""), number(size)) for guid, size in _expected()[name]["tags"] or ()]
    ours = [(item["guid"].replace("-", ""), item["size"]) for item in _analysis(name)["secondary_data"]]
    assert ours == theirs


def test_windows_is_the_one_the_engine_names(name: str) -> None:
    theirs, system = _expected()[name], _analysis(name)["system"]
    version = re.search(r"Kernel Version (\d+) MP \((\d+) procs\)", theirs["os"])
    assert version is not None
    assert (system["build"], system["processors"]) == (int(version[1]), int(version[2]))
    assert theirs["product"].startswith("WinNt") == (system["product_type"] == "workstation")
    # the engine is older than Windows 11 and calls it 10
    assert system["os"].split(" ")[1] == (
        "8.1" if "Windows 8.1" in theirs["os"] else "11" if system["build"] >= 22000 else "10"
    )


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
