"""Antivirus logs → updates, detections, blocked changes, and which version was there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Event
from tests.evidence.samples_of import events, facts, gaps, read, sample, spans
from tests.evidence.test_firewalls import corpus_source


def by_kind(found: list[Event]) -> dict[str, list[Event]]:
    kinds: dict[str, list[Event]] = {}
    for event in found:
        kinds.setdefault(event.kind, []).append(event)
    return kinds


def test_symantec_updates_and_versions() -> None:
    records = read(sample("symantec_log--03142008.Log"), "symantec_log")
    found = by_kind(events(records))
    loaded, downloaded, again = found["antivirus_update"]
    # 26 02 0E 13 01 05: 1970+38, the third month, day 14, 19:01:05
    assert downloaded.time == datetime(2008, 3, 14, 19, 1, 5)
    assert [event.fields["definitions"] for event in (loaded, downloaded, again)] == ["100313t", "100314b", "100314b"]
    assert found["antivirus_state"][-1].text.endswith("(product version is now 10.0.0.359)")
    assert found["antivirus_detection"][0].text == "Example.Test in C:\\Example\\test.com: deleted"
    (product,) = facts(records, "security_product")
    assert (product.value, product.fields["definitions"], product.host) == ("10.0.0.359", "100314b", "SRV1")
    assert product.fields["server"] == "SRV2"
    assert "antivirus_scan" in spans(records)[0].kinds


def test_mcafee_access_protection() -> None:
    records = read(sample("mcafee_text--AccessProtectionLog.txt"), "mcafee_text")
    found = by_kind(events(records))
    first, second = found["protection_blocked"]
    assert first.time == datetime(2008, 3, 14, 19, 1, 7)
    assert {name: first.fields[name] for name in ("program", "target", "action", "user", "enforced")} == {
        "program": "C:\\Example\\update.exe",
        "target": "C:\\Program Files\\Example\\service.exe",
        "action": "Write",
        "user": "EXAMPLE\\operator",
        "enforced": "yes",
    }
    assert (second.fields["target"], second.fields["enforced"]) == ("198.51.100.7:80", "no")
    assert found["antivirus_detection"][0].fields["path"] == "C:\\Example\\test.com"
    assert len(found["antivirus_update"]) == 2
    assert len(found["antivirus_scan"]) == 1
    (product,) = facts(records, "security_product")
    assert (product.fields["engine"], product.fields["definitions"]) == ("5400.1158", "7207.0000")


def test_trend() -> None:
    records = read(sample("trend_text--pccnt35.log"), "trend_text")
    first, second = events(records)
    assert first.time == datetime(2008, 3, 14, 11, 1, 7, tzinfo=UTC)  # the seconds count
    assert first.fields["path"] == "C:\\Example\\test.zip → test.com"
    assert second.time == datetime(2008, 3, 14, 19, 2)  # without seconds: the host's own clock
    assert second.fields["action"] == "access denied"
    assert [gap.damage for gap in gaps(records)] == [True]


def test_sophos() -> None:
    records = read(sample("sophos_text--sav.txt"), "sophos_text")
    found = events(records)
    assert [event.kind for event in found] == ["antivirus_detection", "antivirus_detection", "antivirus_state", ""]
    assert (found[0].fields["threat"], found[0].fields["action"]) == ("Example-Test", "found")
    assert found[1].fields["action"] == "cleaned"
    assert facts(records)[0].fields["definitions"] == "4.27E"


def test_defender_history() -> None:
    records = read(sample("defender_history--01234567-89AB-CDEF-0123-456789ABCDEF"), "defender_history")
    (event,) = events(records)
    assert event.fields["threat"] == "Virus:Example/Test_File"
    assert event.fields["path"] == "C:\\Example\\test.com"
    assert event.fields["user"] == "EXAMPLE\\operator"
    assert event.fields["sha256"] == "ab" * 32
    assert (spans(records)[0].end - event.time).total_seconds() == 60


def test_defender_log() -> None:
    records = read(sample("defender_log--MPLog-20240314-100000.log"), "defender_log")
    found = by_kind(events(records))
    assert [event.fields.get("definitions") for event in found["antivirus_update"]] == [None, "1.405.222.0"]
    assert found["antivirus_update"][1].time == datetime(2024, 3, 14, 10, 5, 0, 500000, tzinfo=UTC)
    assert found["antivirus_detection"][0].fields["path"] == "C:\\Example\\test.com"
    assert found["protection_blocked"][0].fields["program"].endswith("client.exe")
    assert len(found["policy_changed"]) == 1
    assert facts(records)[0].value == "4.18.24010.12"
    assert any("2 lines" in gap.what for gap in gaps(records))


@pytest.mark.parametrize(
    ("name", "parser", "count", "cut"),
    [
        ("PyPI__dissect.target__apps_av_sophos_Clean.log", "sophos_text", 10, 0),  # 11 lines, the last one empty
        ("PyPI__dissect.target__apps_av_trendmicro_pccnt35.log", "trend_text", 1, 0),  # 1 line
        ("log2timeline__plaso__AccessProtectionLog.txt", "mcafee_text", 14, 0),  # 14 lines
        ("log2timeline__plaso__OfcUrlf.log", "trend_text", 4, 0),  # 4 lines
        ("log2timeline__plaso__Symantec.Log", "symantec_log", 8, 0),  # 8 lines
        ("log2timeline__plaso__pccnt35.log", "trend_text", 3, 0),  # 2 whole lines and one that lost its seconds
        ("log2timeline__plaso__sav.txt", "sophos_text", 9, 0),  # 9 lines
        ("log2timeline__plaso__windefender_history_6AFE33A0-19BA-4FFF-892F-B700539D7D63", "defender_history", 1, 0),
        ("log2timeline__plaso__windefender_history_FC380697-A68D-4C94-B67F-9B6449039463", "defender_history", 1, 0),
        ("PyPI__dissect.target__apps_av_mcafee_infect.log", "mcafee_history", 1, 0),
    ],
)
def test_counts_of_the_manifest(corpus: Path, name: str, parser: str, count: int, cut: int) -> None:
    path = corpus / "evidence" / "av" / name
    if not path.is_file():
        pytest.skip(f"needs {path}")
    records = read(corpus_source(path), parser)
    assert len(events(records)) == count
    assert len([gap for gap in gaps(records) if gap.damage]) == cut
