"""Reports of built dumps, held by snapshots in __snapshots__; renew with --snapshot-update and read the diff."""

from __future__ import annotations

import json
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bugcheck import synth
from bugcheck.api import analyze
from bugcheck.reports.analysis_document import analysis_document
from bugcheck.reports.analysis_json import analysis_json
from bugcheck.reports.document import REPORT_FORMATS, Document, Headline
from bugcheck.reports.escape import printable
from bugcheck.reports.formats.text import draw
from bugcheck.synth import DumpKind
from bugcheck.verdict.analysis import Analysis

MACHINES = {"x86": synth.x86_machine, "x64": synth.x64_machine, "arm64": synth.arm64_machine}


@pytest.fixture(scope="module", params=sorted(MACHINES))
def analysis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    path = tmp_path_factory.mktemp("dump") / f"{request.param}.dmp"
    path.write_bytes(synth.build_kernel_dump(MACHINES[request.param](), DumpKind.TRIAGE_FULL_PATHS))
    with chdir(path.parent):  # reports name the file, and a snapshot must not hold this run's folder
        return analyze(path.name)


def test_text(analysis: Analysis, snapshot: SnapshotAssertion) -> None:
    assert draw(analysis_document(analysis), colour=False, width=120) == snapshot


def test_verbose_text(analysis: Analysis, snapshot: SnapshotAssertion) -> None:
    document = analysis_document(analysis, verbose=True)
    assert draw(document, colour=False, width=120) == snapshot


def test_json(analysis: Analysis, snapshot: SnapshotAssertion) -> None:
    value = analysis_json(analysis)
    value["file"]["path"] = "x.dmp"
    value["seconds"] = 0
    assert json.dumps(value, indent=1) == snapshot


# design/report-json.md: the names a consumer may rely on
CONTRACT: dict[str, set[str]] = {
    "file": {"path", "size", "sha256"},
    "dump": {"format", "architecture", "complete", "truncated_at", "directory_table_base"},
    "system": {
        "os", "build", "build_lab", "kernel_version", "product_type", "processors", "cpu", "crash_time",
        "uptime_seconds", "computer",
    },
    "bugcheck": {"code", "name", "parameters"},
    "faulting_instruction": {"address", "symbol", "bytes", "text", "memory_access"},
    "context": {"source", "registers"},
    "process": {"name", "id", "address"},
    "thread": {"address", "id"},
    "blame": {
        "module", "image", "category", "symbol", "stack_index", "confidence", "level", "because", "against",
        "would_change_our_mind",
    },
}  # fmt: skip
LISTS = {
    "modules": {"name", "image", "path", "base", "end", "size", "timestamp", "time_date_stamp", "checksum", "pdb",
                "version", "symbols"},
    "unloaded_modules": {"name", "base", "end", "unloaded_at"},
    "findings": {"rule", "statement", "weight", "citations"},
}  # fmt: skip


def test_json_keeps_the_contract(analysis: Analysis) -> None:
    value: dict[str, Any] = analysis_json(analysis)
    assert value["schema"] == "bugcheck.analysis/1"
    for name, keys in CONTRACT.items():
        assert keys <= value[name].keys(), name
    for name, keys in LISTS.items():
        assert value[name], name
        assert all(keys <= item.keys() for item in value[name]), name
    assert {"stack", "threads", "signature", "secondary_data", "gaps", "seconds", "exception", "irql"} <= value.keys()
    json.dumps(value)


def test_formats_are_registered() -> None:
    assert "text" in {each.name for each in REPORT_FORMATS}


def test_control_characters_are_escaped() -> None:
    assert printable("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\x0a"
    assert printable("größe 文件 ✓") == "größe 文件 ✓"


def test_long_headlines_wrap_beside_the_note() -> None:
    document = Document("x", (Headline("word " * 40, "confidence  low"),))
    lines = draw(document, colour=False, width=80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].endswith("confidence  low")


def test_a_machine_in_another_zone_shows_its_own_time(tmp_path: Path) -> None:
    data = bytearray(synth.build_kernel_dump(synth.x64_machine(), DumpKind.FULL))
    # ntddk.h, KUSER_SHARED_DATA: TimeZoneBias at 0x20 (UTC minus local, its high half twice), NtSystemRoot at 0x30
    bias = (-8 * 3600 * 10_000_000).to_bytes(8, "little", signed=True)
    place = data.index("C:\\Windows\0".encode("utf-16-le")) - 0x10
    data[place : place + 12] = bias + bias[4:]
    path = tmp_path / "x.dmp"
    path.write_bytes(data)
    crash = synth.x64_machine().system_time
    moment = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=crash // 10)
    text = draw(analysis_document(analyze(path)), colour=False, width=120)
    assert f"{moment + timedelta(hours=8):%Y-%m-%d %H:%M:%S} +08:00 ({moment:%Y-%m-%d %H:%M:%S} UTC)" in text


def test_words_of_no_module_at_a_stacks_end_are_left_to_the_stack_command(shared: Path) -> None:
    # without symbols the story's stack ends in 0xbadb0d00 and a user-mode word that scanning took for addresses
    found = analyze(shared / "story" / "story.dmp", hash_file=False)
    stack = found.crash.telling_stack
    assert stack is not None
    assert stack.frames[-1].module is None
    text = draw(analysis_document(found), colour=False, width=120)
    assert "0xbadb0d00" not in text
    assert "more: bugcheck stack" in text
    assert "0xbadb0d00" in draw(analysis_document(found, verbose=True), colour=False, width=120)
