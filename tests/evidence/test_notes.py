"""People's notes, in TOML and as a dated list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bugcheck.evidence.evidence import Event, Fact
from bugcheck.evidence.intake import Intake
from bugcheck.evidence.reading import read_source
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap


def records_of(path: Path, text: str) -> list[object]:
    path.write_text(text, "utf-8")
    (source,) = Intake(str(path)).sources()
    assert isinstance(source, Source)
    found: list[object] = []
    evidence = read_source(source, "e", lambda _, record: found.append(record))
    return [evidence.kind, *found]


def test_a_suspicion_and_a_judgement(tmp_path: Path) -> None:
    text = """
        [[hypothesis]]
        id = "cable"
        mechanism = "a loose cable resets the controller"
        who = "me"
        expects = [{event = "disk_error", before_minutes = 10, weight = 1.5}]
        [[judgement]]
        hypothesis = "remote_attack"
        state = "eliminated"
        reason = "the line was unplugged"
        """
    kind, *records = records_of(tmp_path / "notes.toml", text)
    assert kind == "notes"
    facts = {record.kind: record for record in records if isinstance(record, Fact)}
    assert (facts["hypothesis"].name, facts["hypothesis"].value) == ("cable", "a loose cable resets the controller")
    assert dict(facts["expectation"].fields) == {"event": "disk_error", "before_minutes": "10", "weight": "1.5"}
    assert (facts["judgement"].name, facts["judgement"].value) == ("remote_attack", "eliminated")
    assert facts["judgement"].fields["reason"] == "the line was unplugged"


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    _, *records = records_of(tmp_path / "notes.toml", '[wrong]\nx = 1\n[[check]]\nresult = "y"\ncolour = "red"\n')
    gaps = [record for record in records if isinstance(record, Gap)]
    assert [gap.what for gap in gaps] == ["[wrong] in notes.toml", "colour in [[check]] 1", "what [[check]] 1 says"]


def test_broken_toml_is_a_gap(tmp_path: Path) -> None:
    kind, *records = records_of(tmp_path / "notes.toml", "[case]\ntitle = \n")
    assert kind == "notes"
    assert [type(record) for record in records] == [Gap]


def test_a_dated_list(tmp_path: Path) -> None:
    text = """# Notes
- 2006-04-20 09:30 [admin] check: followed the vendor's virus check => negative
- 10:15 [admin] did: stopped DNS on B
- 2006年4月21日 08:00 操作: 删除定时任务
- 2006-04-21T09:00Z saw: no event in the log
- no date, no verb
"""
    kind, *records = records_of(tmp_path / "notes.md", text)
    assert kind == "notes_text"
    events = [(record.kind, record.time, record.text) for record in records if isinstance(record, Event)]
    assert events == [
        ("check", datetime(2006, 4, 20, 9, 30), "followed the vendor's virus check => negative"),
        ("action", datetime(2006, 4, 20, 10, 15), "stopped DNS on B"),
        ("action", datetime(2006, 4, 21, 8, 0), "删除定时任务"),
        ("note", datetime(2006, 4, 21, 9, 0, tzinfo=UTC), "no event in the log"),
    ]
    (check,) = [record for record in records if isinstance(record, Fact)]
    assert (check.name, check.value) == ("followed the vendor's virus check", "negative")
