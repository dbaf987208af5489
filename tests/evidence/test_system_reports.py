"""msinfo32, dxdiag, WMI tables, directory listings, ver."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Event, Fact
from bugcheck.gaps import Gap
from tests.evidence.reading import events, facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")


def test_both_forms_of_msinfo_say_the_same() -> None:
    for name, kind in (("msinfo_nfo--report.nfo", "msinfo_nfo"), ("msinfo_text--report.txt", "msinfo_text")):
        records = parsed(file_source(SAMPLES / name), kind)
        assert facts(records, "computer_name")[""].value == "HOSTA"
        assert facts(records, "os")["Microsoft Windows 7"].value == "6.1.7601"
        assert facts(records, "device_problem")["Card"].value == "Code 43"
        assert facts(records, "driver")["rapdrv.sys"].fields["state"] == "running"


def test_error_reports_of_msinfo_are_utc() -> None:
    records = parsed(file_source(SAMPLES / "msinfo_nfo--report.nfo"), "msinfo_nfo")
    crash = events(records, "program_crash")[0]
    assert crash.time == datetime(2016, 9, 21, 17, 3, tzinfo=UTC)
    assert (crash.fields["program"], crash.fields["module"], crash.fields["code"]) == ("a.exe", "b.dll", "0xc0000005")


@pytest.mark.parametrize(
    ("details", "kind", "fields"),
    [
        (
            "Event Name: BlueScreen{0}P1: 34{0}P2: 51384{0}P3: ffffbb8f{0}P4: 0{0}P5: 1",
            "crash_report",
            {"code": "0x34", "parameters": "0x51384, 0xffffbb8f, 0x0, 0x1", "live": "no"},
        ),
        (
            "Ereignisname: APPCRASH{0}P1: a.exe{0}P2: 1.2{0}P3: 0{0}P4: b.dll{0}P5: 1{0}P6: 0{0}P7: c0000005{0}P8: 123",
            "program_crash",
            {"program": "a.exe", "module": "b.dll", "code": "0xc0000005"},
        ),
        ("Event Name: PnPDriverNotFound{0}P1: x64{0}P2: PCI", "", {}),
    ],
)
def test_reports_of_msinfo_are_told_apart_by_type(details: str, kind: str, fields: dict[str, str]) -> None:
    """Only a blue screen or a live dump is a crash of Windows; the parts P1 to P10 are named so in every language."""
    report = (SAMPLES / "msinfo_nfo--report.nfo").read_text("utf-8")
    start = report.index("<Details>") + len("<Details>")
    words = "Fault bucket 1957423763446575102, type 0{0}" + details
    report = report[:start] + words.format("&amp;#x000d;&amp;#x000a;") + report[report.index("</Details>") :]
    (told,) = [
        each for each in parsed(source(report.encode("utf-16"), "a.nfo"), "msinfo_nfo") if isinstance(each, Event)
    ]
    assert told.kind == kind
    assert fields.items() <= told.fields.items()
    assert told.fields["bucket"] == "1957423763446575102"


def test_msinfo_s_old_form_is_named_and_a_torn_one_partly_read() -> None:
    old = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    assert [record for record in parsed(source(old, "old.nfo"), "msinfo_nfo") if isinstance(record, Gap)]
    torn = (SAMPLES / "msinfo_nfo--report.nfo").read_bytes()[:1000]
    records = parsed(source(torn, "a.nfo"), "msinfo_nfo")
    assert facts(records, "computer_name")[""].value == "HOSTA"
    assert [record for record in records if isinstance(record, Gap) and record.damage]


def test_the_incident_s_msinfo(corpus: Path) -> None:
    """Counts by grep in the report; its error reports are an hour behind the event log's local time (UTC+1)."""
    path = corpus / "incident-amd-driver" / "MSInfo32.nfo"
    records = parsed(file_source(path), "msinfo_nfo")
    text = path.read_text("utf-16")
    drivers = text[text.index('name="System Drivers"') : text.index('name="Environment Variables"')]
    assert len([one for one in records if isinstance(one, Fact) and one.kind == "driver"]) == drivers.count("<Data>")
    services = text[text.index('name="Services"') : text.index('name="Program Groups"')]
    assert len(facts(records, "service")) == services.count("<Data>")
    assert "AMD Radeon HD 8800M Series" in facts(records, "device_problem")
    help_pane = next(event for event in events(records, "program_crash") if event.fields["program"] == "helppane.exe")
    assert help_pane.time == datetime(2017, 11, 14, 3, 17, tzinfo=UTC)


def test_dxdiag_tells_cards_and_drivers() -> None:
    records = parsed(file_source(SAMPLES / "dxdiag--text.txt"), "dxdiag")
    assert facts(records, "os")["Windows 7 Professional 64-bit"].value == "6.1.7601"
    cards = [one for one in records if isinstance(one, Fact) and one.name == "display"]
    assert [(card.value, card.fields["version"]) for card in cards] == [
        ("Example Radeon", "8.17.10.1"),
        ("Second Card", "1.2"),
    ]


def test_dxdiag_as_xml() -> None:
    text = (
        "<DxDiag><SystemInformation><MachineName>HOSTA</MachineName></SystemInformation><DisplayDevices><DisplayDevice>"
        "<CardName>Card</CardName><DriverVersion>1.2</DriverVersion></DisplayDevice></DisplayDevices></DxDiag>"
    )
    records = parsed(source(text, "dxdiag.xml"), "dxdiag")
    assert facts(records, "hardware")["display"].fields["version"] == "1.2"


def test_memory_modules_of_a_wmi_table(corpus: Path) -> None:
    modules = facts(parsed(file_source(SAMPLES / "wmi_html--memory.html"), "wmi_html"), "memory_module")
    assert {name: fact.value for name, fact in modules.items()} == {"DIMM 1": "1073741824", "DIMM 2": "1073741824"}
    real = parsed(file_source(corpus / "incident-amd-driver" / "RAMInfo.html"), "wmi_html")
    assert facts(real, "memory_module")["ChannelB-DIMM0"].value == "8589934592"


def test_listings_of_dumps_are_crashes() -> None:
    records = parsed(file_source(SAMPLES / "directory_listing--dumps.txt"), "directory_listing")
    assert [event.time for event in events(records, "crash_report")] == [datetime(2006, 9, 21, 19, 5)]
    assert [event.time for event in events(records, "dump_failed")] == [datetime(2006, 9, 22, 19, 3)]


def test_the_incident_s_listings(corpus: Path) -> None:
    """46 minidumps and MEMORY.DMP ("46 File(s)", "1 File(s)"), three of them without content."""
    folder = corpus / "incident-amd-driver"
    dumps = parsed(file_source(folder / "KernelDumpList.txt"), "directory_listing")
    assert (len(events(dumps, "crash_report")), len(events(dumps, "dump_failed"))) == (44, 3)
    reports = parsed(file_source(folder / "WERALL.txt"), "directory_listing")
    listed = len(re.findall(r"Report\.wer\"", (folder / "WERALL.txt").read_text("cp1252")))
    assert len([event for event in reports if not isinstance(event, Gap)]) == listed


def test_ver() -> None:
    records = parsed(file_source(SAMPLES / "windows_version--ver.txt"), "windows_version")
    assert facts(records, "os")["Microsoft Windows"].value == "5.2.3790"
