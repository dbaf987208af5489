"""EVTX: counts against an independent tool, meanings against the logs, damage."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from tests.evidence.helping import codes_of, events_of, facts_of, gaps_of, parser, read, source_of, spans_of

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def logs(corpus: Path) -> Path:
    return corpus / "evidence" / "evtx"


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["independent_tool"].startswith("evtx")]
    return [row for row in rows if (folder / row["file"]).exists()]  # the manifest lists one file the corpus lacks


def test_counts_equal_the_independent_tool(logs: Path) -> None:
    """MANIFEST.tsv's column independent_tool: the evtx program's count, and its commonest ids."""
    rows = manifest(logs)
    assert len(rows) > 30
    for row in rows:
        said = row["independent_tool"]
        name, records = read(logs / row["file"])
        events = events_of(records)
        count = int(re.search(r"(\d+) records", said)[1])  # type: ignore[index]
        assert name == "evtx"
        if "stopped" in said:  # the tool gave up at the damage; we read on
            assert len(events) >= count, row["file"]
            assert any(gap.damage for gap in gaps_of(records))
            continue
        assert len(events) == count, row["file"]
        ids = {int(code): int(times) for code, times in re.findall(r"(\d+):(\d+)", said.partition("ids ")[2])}
        assert ids.items() <= codes_of(records).items(), row["file"]


def test_unclean_shutdown_names_the_last_sign_of_life(logs: Path) -> None:
    """The entry's attached SYSTEMTIMEs and its strings both say 1:34:44 PM on 8/25/2015."""
    _, records = read(logs / "log2timeline__plaso__System.evtx")
    event = next(event for event in events_of(records) if event.code == 6008)
    assert event.kind == "unexpected_shutdown"
    assert event.fields["at"] == "2015-08-25T13:34:44.796000+00:00"


def test_meanings_in_a_real_system_log(logs: Path) -> None:
    _, records = read(logs / "log2timeline__plaso__System.evtx")
    kinds = {(event.code, event.kind) for event in events_of(records)}
    assert {
        (6005, "boot"), (6006, "clean_shutdown"), (7045, "service_installed"), (20001, "driver_installed"),
        (1, "time_changed"), (6, "driver_loaded"), (7040, "service_changed"),
    } <= kinds  # fmt: skip
    assert {kind for code, kind in kinds if code == 7036} == {"service_started", "service_stopped"}
    zones = {fact.name: fact.value for fact in facts_of(records, "time_zone")}
    assert zones["Pacific Standard Time"] == "480"
    assert facts_of(records, "os")[0].value == "6.1.7601"
    assert "disk_error" in spans_of(records)[0].kinds


def test_a_renamed_computer_has_its_former_names(logs: Path) -> None:
    _, records = read(logs / "omerbenamram__evtx__system.evtx")
    name = facts_of(records, "computer_name")[0]
    assert name.value.startswith("DESKTOP-")
    assert name.fields["former"].startswith("WIN-")


def test_failed_logons_say_why(logs: Path) -> None:
    _, records = read(logs / "omerbenamram__evtx__Security_short_selected.evtx")
    failed = {event.code: event for event in events_of(records) if event.kind == "logon_failed"}
    assert failed[4625].fields["logon_type"] == "10"
    assert failed[4625].fields["user"] == "Administrator"
    assert "password" in failed[4625].text.lower()
    dropped = [event for event in events_of(records) if event.kind == "firewall_drop"]
    assert {event.fields["protocol"] for event in dropped} == {"TCP", "ICMP"}


def test_an_export_of_some_ids_covers_only_those(logs: Path) -> None:
    name = next(logs.glob("*Persistence_T1543*npcap.evtx"))
    _, records = read(name)
    assert spans_of(records)[0].kinds == {"service_installed"}


def test_damage_stays_in_its_chunk(logs: Path) -> None:
    """A chunk whose magic is gone loses its own entries only."""
    path = logs / "log2timeline__plaso__System.evtx"
    _, whole = read(path)
    raw = bytearray(path.read_bytes())
    raw[0x21000:0x21008] = b"DAMAGED!"
    _, records = read(bytes(raw))
    lost = len(events_of(whole)) - len(events_of(records))
    assert 50 < lost < 300
    assert any("chunk 2" in gap.what for gap in gaps_of(records))


def test_a_cut_off_file_is_read_up_to_its_end(logs: Path) -> None:
    raw = (logs / "omerbenamram__evtx__system.evtx").read_bytes()[:0x31234]
    _, records = read(raw)
    assert len(events_of(records)) > 200
    assert any(gap.damage for gap in gaps_of(records))


def test_mutants_end_in_answers(logs: Path) -> None:
    """Bytes changed anywhere: no exception, most entries stay, and where some are lost a gap says so."""
    seed = (logs / "omerbenamram__evtx__new-user-security.evtx").read_bytes()
    dice = random.Random(20261128)
    whole = len(events_of(list(parser("evtx").read(source_of(seed)))))
    kept: list[int] = []
    for _ in range(150):
        raw = bytearray(seed)
        for _ in range(dice.choice((1, 4, 40))):
            raw[dice.randrange(0x1000, 0x4000)] = dice.randrange(256)
        records = list(parser("evtx").read(source_of(bytes(raw))))
        kept.append(len(events_of(records)))
        notes = [span.note for span in spans_of(records)]
        assert (
            kept[-1] >= whole or any(gap.damage for gap in gaps_of(records)) or any("missing" in note for note in notes)
        )
    assert sum(kept) > 0.5 * whole * len(kept)
