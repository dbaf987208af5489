"""Reports of Windows Error Reporting."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.evidence.helping import events_of, facts_of, gaps_of, parser, read, source_of

SAMPLES = Path(__file__).with_name("samples")


def test_a_bug_check() -> None:
    name, records = read(SAMPLES / "wer_report--bluescreen.wer")
    (event,) = events_of(records)
    assert name == "wer_report"
    assert (event.kind, event.fields["code"]) == ("crash_report", "0xd1")
    assert event.fields["parameters"] == "0x28, 0x2, 0x0, 0xfffff801a2b31ae9"
    assert event.fields["bucket"] == "AV_example!unknown_function"
    assert event.time == datetime(2024, 3, 7, 20, 1, 30, tzinfo=UTC), "1709841690 seconds after 1970, by date(1)"
    assert facts_of(records, "os")[0].value == "10.0.19045"


def test_a_program_in_utf_16_without_a_mark() -> None:
    _, records = read(SAMPLES / "wer_report--no_mark.wer")
    (event,) = events_of(records)
    assert event.kind == "program_crash"
    assert (event.fields["program"], event.fields["module"]) == ("example.exe", "exguard.dll")
    assert event.fields["code"] == "0xc0000005"


def test_internal_metadata() -> None:
    name, records = read(SAMPLES / "wer_report--metadata.xml")
    (event,) = events_of(records)
    assert name == "wer_report"
    assert (event.kind, event.time) == ("program_crash", datetime(2024, 3, 5, 7, 1, 31, tzinfo=UTC))
    assert facts_of(records, "os")[0].fields["build"] == "19045"
    assert facts_of(records, "hardware")[0].value == "Example Inc. Box 9"


@pytest.mark.corpus
def test_real_reports(corpus: Path) -> None:
    """The file's own lines: EventTime=132820691890207334 (date -d @1637595589), EventType=MpTelemetry, OS 6.1.7601."""
    _, records = read(corpus / "evidence/wer/PyPI__dissect.target__wer_windows7_wer_test_no_bom.wer")
    (event,) = events_of(records)
    assert event.time.strftime("%Y-%m-%d %H:%M") == "2021-11-22 15:39"
    assert "MpTelemetry" in event.text
    assert facts_of(records, "os")[0].value == "6.1.7601"
    for name in ("wer_wer_test.wer", "wer_wer_test.tmp.WERInternalMetadata.xml"):
        found, records = read(corpus / f"evidence/wer/PyPI__dissect.target__{name}")
        assert found == "wer_report"
        assert records
        assert not any(gap.damage for gap in gaps_of(records))


@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.glob("wer_report*")))
def test_mutants_end_in_answers(sample: str) -> None:
    seed = (SAMPLES / sample).read_bytes()
    dice = random.Random(sample)
    said: set[str] = set()
    for _ in range(100):
        raw = bytearray(seed)
        for _ in range(dice.choice((1, 4, 40))):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        cut = source_of(bytes(raw[: dice.randrange(1, len(raw) + 1)]))
        said.update(type(record).__name__ for record in parser("wer_report").read(cut))
    assert said == {"Gap"} if sample.endswith(".xml") else {"Gap"} < said  # a torn document is refused as a whole
