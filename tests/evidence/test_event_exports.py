"""Event logs as text, table and XML: each form gives the same events, in several languages."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Event
from tests.evidence.helping import events_of, facts_of, gaps_of, parser, read, source_of, spans_of

SAMPLES = Path(__file__).with_name("samples")


def events(name: str) -> list[Event]:
    """The events of a sample, read by the parser its name begins with."""
    found, records = read(SAMPLES / name)
    assert found == name.partition("--")[0]
    assert not any(gap.damage for gap in gaps_of(records)), name
    return events_of(records)


@pytest.mark.parametrize(
    ("sample", "code", "parameters"),
    [
        ("event_text--wevtutil.txt", "0xd1", "0x28, 0x2, 0x0, 0xfffff801a2b31ae9"),
        ("event_text--get_winevent.txt", "0x9f", "0x3, 0xffffe001b2a6a060, 0xfffff8031c0a8a80, 0xffffe001b0a0e010"),
        ("event_text--copied_2003.txt", "0x8e", "0xc0000005, 0xf535e785, 0xf4c0bad4, 0x0"),
        ("event_text--copied_german.txt", "0x3b", "0xc0000005, 0xfffff8016e2f1a40, 0xffffb300e3c1b8f0, 0x0"),
        ("event_csv--viewer_chinese.csv", "0x133", "0x1, 0x1e00, 0xfffff8027e2fb320, 0x0"),
        ("event_csv--saved_2003.txt", "0x8e", "0xc0000005, 0xf535e785, 0xf4c0bad4, 0x0"),
    ],
)
def test_the_bug_check_in_every_form_and_language(sample: str, code: str, parameters: str) -> None:
    event = next(event for event in events(sample) if event.kind == "bugcheck")
    assert (event.fields["code"], event.fields["parameters"]) == (code, parameters)


@pytest.mark.parametrize(("sample", "code"), [("event_csv--evtxecmd.csv", "0xd1"), ("event_xml--viewer.xml", "0x9f")])
def test_kernel_power_41_writes_its_bug_check_in_decimal(sample: str, code: str) -> None:
    """209 is 0xd1 and 159 is 0x9f."""
    event = next(event for event in events(sample) if event.code == 41)
    assert (event.kind, event.fields["code"]) == ("unexpected_shutdown", code)
    assert event.time.utcoffset() is not None


def test_wevtutil_gives_local_time_and_how_far_off_it_is() -> None:
    """The entry of 08:01 says in its text that it was 07:01 UTC."""
    _, records = read(SAMPLES / "event_text--wevtutil.txt")
    assert all(event.time.tzinfo is None for event in events_of(records))
    assert facts_of(records, "time_zone")[0].fields["active_bias"] == "-60"
    shutdown = next(event for event in events_of(records) if event.code == 6008)
    assert shutdown.fields["at"] == "2024-03-05T07:58:02"
    installed = next(event for event in events_of(records) if event.code == 7045)
    assert installed.fields["path"] == r"C:\Windows\system32\drivers\example.sys"
    assert installed.fields["type"] == "kernel mode driver"


def test_a_z_behind_local_time_is_found_out() -> None:
    _, records = read(SAMPLES / "event_text--wevtutil_zulu.txt")
    assert all(event.time.tzinfo is None for event in events_of(records))
    assert any("UTC" in gap.what for gap in gaps_of(records))
    true = (SAMPLES / "event_text--wevtutil_zulu.txt").read_text(encoding="utf-8").replace("T07:01:08", "T08:01:08")
    _, records = read(true, "zulu.txt")
    assert events_of(records)[0].time == datetime(2024, 3, 5, 8, 1, 10, 500000, UTC)


@pytest.mark.parametrize("sample", ["event_csv--viewer_german.csv", "event_csv--viewer_chinese.csv"])
def test_services_in_other_languages(sample: str) -> None:
    event = next(event for event in events(sample) if event.code == 7036)
    assert (event.kind, event.fields["service"], event.fields["state"]) == (
        "service_stopped",
        "Windows Update",
        "stopped",
    )


def test_a_crashed_program_in_german() -> None:
    event = next(event for event in events("event_csv--viewer_german.csv") if event.code == 1000)
    assert event.fields["program"] == "example.exe"
    assert event.fields["module"] == "ntdll.dll"
    assert event.fields["code"] == "0xc0000005 STATUS_ACCESS_VIOLATION"
    assert event.fields["offset"] == "0x0000000000012345"


def test_logons_of_2003_by_logparser() -> None:
    failed, done = events("event_csv--logparser.csv")
    assert (failed.kind, failed.fields["user"], failed.fields["workstation"]) == ("logon_failed", "mallory", "CLIENT7")
    assert (done.kind, done.fields["logon_type"], done.fields["address"]) == ("logon", "10", "192.0.2.9")
    assert done.source == "Security/Security"


def test_a_quoted_description_over_two_lines() -> None:
    event = next(event for event in events("event_csv--viewer_english.csv") if event.code == 7031)
    assert event.fields["service"] == 'Example "quoted" Agent'
    assert event.fields["count"] == "2"
    assert event.time == datetime(2024, 3, 25, 7, 59, 59)


def test_instance_ids_lose_their_upper_half() -> None:
    """2147489656 is 0x80001778, 1073748860 is 0x40001b7c."""
    assert [event.code for event in events("event_text--get_eventlog.txt")] == [6008, 7036]


def test_xml_with_and_without_a_root_is_the_same() -> None:
    whole, rootless = events("event_xml--viewer.xml"), events("event_xml--wevtutil.xml")
    assert [(event.time, event.kind, event.fields) for event in whole] == [
        (event.time, event.kind, event.fields) for event in rootless
    ]
    installed = whole[2]
    assert (installed.kind, installed.fields["vendor"]) == ("driver_installed", "Example & Co")


def test_xml_damage_stays_in_its_entry() -> None:
    text = (SAMPLES / "event_xml--viewer.xml").read_text(encoding="utf-8").replace('Name="disk"/>', 'Name="disk">')
    _, records = read(text, "x.xml")
    assert [event.code for event in events_of(records)] == [41, 20001]
    assert any(gap.damage for gap in gaps_of(records))


def test_xml_entities_are_not_expanded() -> None:
    """The classic bomb: the entry that uses it is refused, and nothing grows."""
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n<Events>'
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="&b;"/></System>'
        "</Event></Events>"
    )
    name, records = read(bomb, "bomb.xml")
    assert name == "event_xml"
    assert not events_of(records)


def test_day_and_month_are_told_by_the_order_of_the_log() -> None:
    """No day above 12; read month first, the entries would jump to and fro."""
    rows = ["Level,Date and Time,Source,Event ID,Task Category"]
    rows += [f"Error,0{day}/03/2024 10:00:00,Disk,7,None,bad block" for day in (4, 3, 2, 1)]
    rows += ["Error,09/02/2024 10:00:00,Disk,7,None,bad block"]
    _, records = read("\n".join(rows), "events.csv")
    assert events_of(records)[0].time == datetime(2024, 3, 4, 10)
    assert not gaps_of(records)


def test_an_undecided_date_is_said_to_be_one() -> None:
    _, records = read(
        "Level,Date and Time,Source,Event ID,Task Category\nError,01/02/2024 10:00:00,Disk,7,None,x\n", "e.csv"
    )
    assert any("day and month" in gap.what for gap in gaps_of(records))


@pytest.mark.corpus
def test_a_real_wevtutil_export_is_read_whole(corpus: Path) -> None:
    """Counts of `^Event\\[` and of what stands in the texts, by grep."""
    _, records = read(corpus / "incident-amd-driver/EvtxSysDump.txt")
    found = events_of(records)
    assert len(found) == 8048
    assert sum(event.kind == "bugcheck" for event in found) == 44
    assert sum(event.kind == "display_reset" for event in found) == 54
    assert sum(event.code == 6008 and "at" in event.fields for event in found) == 33
    assert {"bugcheck", "whea_error", "disk_error"} <= spans_of(records)[0].kinds
    assert not any(gap.damage for gap in gaps_of(records))
    _, records = read(corpus / "incident-amd-driver/EvtxAppDump.txt")
    assert len(events_of(records)) == 6845


@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.glob("event_*")))
def test_mutants_end_in_answers(sample: str) -> None:
    seed = (SAMPLES / sample).read_bytes()
    dice = random.Random(sample)
    whole = len(events_of(list(parser(sample.partition("--")[0]).read(source_of(seed)))))
    kept: list[int] = []
    for _ in range(25):
        raw = bytearray(seed)
        for _ in range(dice.choice((1, 4, 40))):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        cut = bytes(raw[: dice.randrange(1, len(raw) + 1)])
        kept.append(len(events_of(list(parser(sample.partition("--")[0]).read(source_of(cut))))))
    assert max(kept) > 0
    assert max(kept) <= whole + 3, "damage may split a line, and makes no entries"


def viewer(rows: list[str]) -> str:
    return "\n".join(["Level,Date and Time,Source,Event ID,Task Category", *rows])


def test_a_whole_export_covers_what_windows_writes_and_a_view_of_errors_does_not() -> None:
    """Fourteen different ids; only the first has what every System log has."""
    rows = [f"Error,3/25/2024 8:{minute}:00 AM,Disk,{minute},None,x" for minute in range(10, 24)]
    whole = [*rows, "Information,3/25/2024 8:30:00 AM,EventLog,6005,None,The Event log service was started."]
    _, records = read(viewer(whole), "export.csv")
    assert "service_failed" in spans_of(records)[0].kinds
    view = [*rows, "Error,3/25/2024 8:30:00 AM,Service Control Manager,7022,None,The X service hung on starting."]
    _, records = read(viewer(view), "export.csv")
    assert spans_of(records)[0].kinds == {"disk_error", "service_failed"}
    assert "selection" in spans_of(records)[0].note


@pytest.mark.parametrize(
    "filler", [" ", "\t", "a", ":", " :", "(", "Product Name: ", "<Event ", "service ", ", ", "\u200e", "0x"]
)
def test_long_lines_take_no_time(filler: str) -> None:
    """What made a pattern run away: blanks before no colon, one word again and again."""
    hostile = (filler * 8000)[:60_000] + "x"
    texts = {
        "x.csv": viewer([f'Error,3/25/2024 8:01:00 AM,{source},{code},None,"{hostile}"' for source, code in HUNGRY]),
        "x.txt": "Event[0]:\n  Log Name: System\n  Source: Security\n  Date: 2024-03-05T08:01:10.500\n  Event ID: 540\n"
        f"{hostile}\n  Description: \n{hostile}\n",
        "x.xml": "<Events>" + hostile,
    }
    for name, text in texts.items():
        started = time.process_time()
        read(text, name)
        assert time.process_time() - started < 1.5, (name, filler)


HUNGRY = [
    ("Security", 540), ("Microsoft-Windows-Security-Auditing", 4624), ("Application Error", 1000),
    ("MsiInstaller", 1033),
    ("Service Control Manager", 7009), ("Service Control Manager", 7036), ("Service Control Manager", 7031),
    ("USER32", 1074), ("EventLog", 6008), ("BugCheck", 1001), ("System Error", 1003), ("Windows Error Reporting", 1001),
]  # fmt: skip
"""Events whose text is searched most."""
