"""What collection scripts and helpers' tools write: PowerShell's objects, boot logs, verifier, FRST, plain autoruns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.evidence.encodings import encoding_of
from bugcheck.evidence.evidence import Fact, Record
from bugcheck.evidence.reading import read_source
from tests.evidence.reading import events, facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")


def ignored(_evidence: str, _record: Record) -> None:
    """Take no record."""


SPELT = (
    ("cp1252", "Größe, Maß und Übergröße"), ("cp1252", "Intel® Core™ i7 – “x”"), ("cp1252", "SEÇÃO INSTALAÇÃO"),
    ("cp1252", "Controlador AHCI SATA Padrão\nNão disponível"), ("cp850", "Gerät gestört, Größe"),
    ("cp850", "Système démarré à"), ("cp1251", "Имя узла: HOSTA\nВерсия ОС: Н/Д построение"),
    ("cp866", "Имя узла: HOSTA\nВерсия ОС: Н/Д построение"), ("gbk", "系统在故障时重新启动，并写入内存转储"),
    ("gbk", "扬声器 (Example Audio)"), ("euc_kr", "오전 9:00:00 표준 키보드 장치"),
    ("big5", "主機名稱: 作業系統名稱 系統開機時間"), ("shift_jis", "標準 PS/2 キーボード\nターミナル サーバー"),
    ("cp1253", "Όνομα κεντρικού υπολογιστή: Έκδοση"),
)  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), SPELT)
def test_a_code_page_is_told_by_what_the_bytes_spell(encoding: str, text: str) -> None:
    assert encoding_of(text.encode(encoding)) == encoding


def test_a_text_may_hold_a_few_bytes_that_no_text_has() -> None:
    """A registry value printed as it is; a program, though its first bytes are letters, is no text."""
    text = b"Value: example\r\n" * 400
    assert encoding_of(text[:4000] + b"\0" + text[4000:]) == "utf-8"
    assert encoding_of(b"MZ" + b"\x90\0\3\0" + text) == ""
    assert encoding_of(b"plain " * 200 + bytes(range(32)) * 20) == ""


def test_objects_in_tables_are_cut_where_their_rows_have_blanks() -> None:
    """Numbers lie left of their headings' hyphens, text runs past them."""
    records = parsed(file_source(SAMPLES / "powershell--tables.txt"), "powershell")
    service = facts(records, "service")["Disabled1"]
    assert (service.value, service.fields["start_type"]) == ("stopped", "disabled")
    assert service.fields["display_name"] == "An Example of another"
    software = facts(records, "software")
    assert software["Example Suite 3"].fields == {"vendor": "Example GmbH", "installed": "2023-05-23"}
    assert (software["Other Tool"].value, software["Other Tool"].fields) == ("12", {"vendor": "Example Limited"})


def test_objects_in_lists_say_what_their_properties_are() -> None:
    records = parsed(file_source(SAMPLES / "powershell--list.txt"), "powershell")
    assert facts(records, "os")["Microsoft Windows 10 Pro"].value == "10.0.19045"
    assert [event.time for event in events(records, "boot")] == [datetime(2023, 5, 23, 13, 40, 28)]
    assert facts(records, "memory_module")["DIMM 0 P0 CHANNEL A"].value == str(8 << 30)
    assert facts(records, "crash_control")["CrashDumpEnabled"].value == "7"
    assert facts(records, "device_problem")["Example Device"].fields["code"] == "28"
    # WMI writes UTC with "-000" behind the microseconds
    assert [event.time for event in events(records, "install_started")] == [
        datetime(2023, 5, 23, 1, 44, 16, tzinfo=UTC)
    ]


def test_a_driver_is_told_from_a_service_by_its_type() -> None:
    records = parsed(file_source(SAMPLES / "powershell--drivers.csv"), "powershell")
    assert facts(records, "driver")["exdrv.sys"].fields["service"] == "exdrv"
    assert not facts(records, "service")


def test_a_device_that_works_is_no_problem() -> None:
    good = "Name : X\nDeviceID : ROOT\\X\\0\nConfigManagerErrorCode : 0\nStatus : OK\n\n"
    bad = "Name : Y\nDeviceID : ROOT\\Y\\0\nConfigManagerErrorCode : 10\nStatus : Error\n\n"
    assert set(facts(parsed(source(good + bad), "powershell"), "device_problem")) == {"Y"}


def test_a_boot_log_tells_every_start_and_the_last_ones_drivers() -> None:
    records = parsed(file_source(SAMPLES / "boot_log--ntbtlog.txt"), "boot_log")
    assert [event.time for event in events(records, "boot")] == [
        datetime(2023, 5, 22, 8, 1, 2, 500000),
        datetime(2023, 5, 23, 13, 40, 28, 500000),
    ]
    drivers = facts(records, "driver")
    assert set(drivers) == {"ntoskrnl.exe", "dxgkrnl.sys", "exdrv.sys"}
    assert drivers["exdrv.sys"].fields["state"].startswith("loaded"), "asked for again, it was there already"
    assert drivers["dxgkrnl.sys"].fields["state"].startswith("not loaded")


def test_driver_verifier_is_read_in_any_language() -> None:
    records = parsed(file_source(SAMPLES / "driver_verifier--query.txt"), "driver_verifier")
    assert facts(records, "memory_setting")["VerifyDriverLevel"].value == str(0x20B)
    names = [one.value for one in records if isinstance(one, Fact) and one.name == "VerifyDrivers"]
    assert names == ["exdrv.sys", "other.sys"]
    flags = [one.fields["flag"] for one in records if isinstance(one, Fact) and one.name == "Driver Verifier"]
    assert [int(flag, 16) for flag in flags] == [0x1, 0x2, 0x8, 0x200]


def test_verifier_that_is_off_has_the_value_of_a_registry_that_has_none() -> None:
    off = "Verifier Flags: 0x00000000\n\n" + "".join(f"    [ ] 0x{1 << bit:08x} Flag {bit}.\n" for bit in range(6))
    records = parsed(source(off), "driver_verifier")
    assert [(one.name, one.value) for one in records if isinstance(one, Fact)] == [("VerifyDriverLevel", "0")]


def test_frst_gives_services_drivers_programs_and_errors() -> None:
    records = parsed(file_source(SAMPLES / "frst--FRST.txt"), "frst")
    assert facts(records, "computer_name")[""].value == "HOSTA"
    service = facts(records, "service")["ExampleSvc"].fields
    assert (service["signer"], service["vendor"], service["start_type"]) == ("Example (Europe) GmbH", "Example", "auto")
    drivers = facts(records, "driver")
    assert (drivers["exdrv.sys"].fields["state"], drivers["gone.sys"].fields["note"]) == (
        "running",
        "the file is missing",
    )
    assert facts(records, "security_product")["Example Antivirus"].fields["role"] == "antivirus"
    (failed,) = events(records, "service_failed")
    assert (failed.time, failed.fields["count"]) == (datetime(2025, 3, 6, 14, 46, 54), "3")


def test_plain_autoruns_tell_drivers_from_programs() -> None:
    records = parsed(file_source(SAMPLES / "autoruns--plain.txt"), "autoruns")
    driver = facts(records, "driver")["exdrv.sys"]
    assert (driver.value, driver.fields["signed"]) == ("1.2.3.4", "(Not verified) Example GmbH")
    entry = facts(records, "autorun")["\\Example Update"]
    assert (entry.value, entry.fields["version"]) == ('"C:\\Program Files\\Example\\update.exe" /auto', "9.0.0.351")


def test_windows_update_counts_a_call_once() -> None:
    """The client and its caller both write "Install call complete"; the caller names no update."""
    records = parsed(file_source(SAMPLES / "windows_update_log--ten.log"), "windows_update_log")
    installed = [event.fields["title"] for event in events(records, "update_installed")]
    assert installed == ["Example Corp - Display - 31.0.15.1694", "2 updates of one call"]
    assert len(events(records, "update_failed")) == 1


def test_a_report_with_another_tools_table_behind_it_is_read() -> None:
    report = (SAMPLES / "systeminfo--ru.txt").read_bytes().rstrip()
    table = "\r\nФизический адрес    Имя\r\n=================== ==============\r\n02-00-00-00-00-01   Example\r\n"
    records = parsed(source(report + table.encode()), "systeminfo")
    assert facts(records, "computer_name")[""].value == "HOSTA"


def test_packets_without_times_are_no_damage() -> None:
    """`dmesg` writes seconds since the start: the log is whole, only when its packets came cannot be told."""
    line = "[810294.788657] DROP IN=eth0 OUT= SRC=192.0.2.5 DST=192.0.2.1 LEN=40 PROTO=TCP SPT=1000 DPT=80 SYN\n"
    entry = read_source(source(line * 3), "x", ignored)
    assert (entry.kind, entry.quality.value, entry.events) == ("iptables", "partial", 0)
    assert entry.notes[0].startswith("when the 3 packets of file came")
    grepped = "kern.log:12:Mar  5 10:00:00 host kernel: " + line
    assert read_source(replace(source(grepped), modified=datetime(2024, 4, 1, tzinfo=UTC)), "x", ignored).events
    dated = "2024-03-05T10:00:00Z host kernel: " + line
    assert read_source(source(dated + line + dated), "x", ignored).quality.value == "damaged"


def test_a_hives_log_beside_no_hive_is_partial() -> None:
    log = (SAMPLES / "registry_log--system.LOG1").read_bytes()
    for beside in ({}, {"system": b"not a hive"}):
        assert read_source(source(log, "system.LOG1", beside), "x", ignored).quality.value == "partial"
    hive = (SAMPLES / "registry_hive--system").read_bytes()
    assert read_source(source(log, "system.LOG1", {"system": hive}), "x", ignored).quality.value == "complete"
