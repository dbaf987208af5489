"""events.tsv and its companions: every line means something, and no two mean the same event."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bugcheck.evidence.event_meaning import STEPS
from bugcheck.knowledge.events import event_kinds, heading, kinds_of_log, meaning_of, plain_provider, word
from bugcheck.knowledge.tables import table

ROWS = [line.split("\t") for line in table("events.tsv").decode().split("\n") if line and not line.startswith("#")][1:]


def test_every_line_has_its_columns_and_known_words() -> None:
    for provider, ids, kind, sentence, fields, step, certainty, text in ROWS:
        place = f"{provider} {ids}"
        assert kind in event_kinds() | {""}, place
        assert step in STEPS or not step, place
        assert certainty in ("sure", "likely"), place
        assert sentence.strip(), place
        assert all(re.fullmatch(r"\d+|\*", one) for one in ids.split(",")), place
        assert all(re.fullmatch(r"[a-z_0-9]+=.+", part) for part in fields.split(";") if part), place
        re.compile(text)


def test_every_field_of_a_sentence_is_found_somewhere() -> None:
    made_by_steps = {
        "code", "parameters", "dump", "at", "power_button", "old", "new", "volume", "version", "result", "driver",
        "message", "product", "process", "bucket", "program", "_logon", "_outcome", "kb", "service", "definitions",
        "reason",
    }  # fmt: skip
    for provider, ids, _, sentence, fields, step, _, text in ROWS:
        named = {part.partition("=")[0] for part in fields.split(";")} | set(re.compile(text).groupindex)
        missing = set(re.findall(r"\{(\w+)\}", sentence)) - named
        assert missing <= (made_by_steps if step else set()), f"{provider} {ids}: {missing}"


def test_no_event_has_two_lines() -> None:
    keys = Counter(
        (provider, code)
        for providers, ids, *_ in ROWS
        for provider in {plain_provider(one) for one in providers.split("|")}
        for code in ids.split(",")
    )
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize(
    ("provider", "code", "kind"),
    [
        ("EventLog", 6008, "unexpected_shutdown"),
        ("Microsoft-Windows-WER-SystemErrorReporting", 1001, "bugcheck"),
        ("BugCheck", 1001, "bugcheck"),
        ("Save Dump", 1001, "bugcheck"),
        ("Kernel-Power", 41, "unexpected_shutdown"),
        ("disk", 153, "disk_error"),
        ("storahci", 129, "disk_error"),
        ("iaStorA", 129, "disk_error"),
        ("volmgr", 161, "dump_failed"),
        ("Microsoft-Windows-WHEA-Logger", 18, "whea_error"),
        ("Microsoft-Windows-WHEA-Logger", 47, "whea_error"),
        ("Display", 4101, "display_reset"),
        ("Service Control Manager", 7045, "service_installed"),
        ("Symantec AntiVirus", 7, "antivirus_update"),
        ("Symantec AntiVirus", 99, "antivirus_state"),
        ("Security", 540, "logon"),
        ("Security", 529, "logon_failed"),
        ("Microsoft-Windows-Security-Auditing", 4624, "logon"),
        ("Microsoft-Windows-Eventlog", 1102, "log_cleared"),
        ("Srv", 2019, "memory_low"),
        ("NtServicePack", 4377, "update_installed"),
    ],
)
def test_meanings_that_must_be_right(provider: str, code: int, kind: str) -> None:
    found = meaning_of(provider, code)
    assert found is not None
    assert found.kind == kind


def test_unknown_events_have_no_meaning() -> None:
    assert meaning_of("Nobody", 1) is None
    assert meaning_of("disk", 64000) is None


def test_words_headings_and_coverage() -> None:
    assert word("Wird ausgeführt") == "running"
    assert word("正在运行") == "running"
    assert heading("Ereignis-ID") == "code"
    assert heading("日期和时间") == "stamp"
    assert "whea_error" in kinds_of_log("System", "nt6")
    assert "whea_error" not in kinds_of_log("System", "nt5")
    for log in ("System", "Application", "Security", "Setup"):
        assert kinds_of_log(log, "nt6") <= event_kinds()
