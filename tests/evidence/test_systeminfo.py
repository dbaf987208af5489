"""systeminfo in thirteen languages, as list and CSV."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Fact
from bugcheck.gaps import Gap
from tests.evidence.reading import events, facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")
LANGUAGES = sorted(path.stem.partition("--")[2] for path in SAMPLES.glob("systeminfo--*.txt"))
BOOT = datetime(2006, 9, 21, 19, 3, 40)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language: str) -> None:
    records = parsed(file_source(SAMPLES / f"systeminfo--{language}.txt"), "systeminfo")
    name = facts(records, "computer_name")[""]
    assert (name.value, name.fields["domain"]) == ("HOSTA", "example.test")
    system = next(iter(facts(records, "os").values()))
    assert (system.value, system.fields["build"], system.fields["service_pack"]) == (
        "5.2.3790",
        "3790",
        "Service Pack 1",
    )
    assert system.fields["installed"] == "2005-11-12T19:35:58"
    assert facts(records, "boot_time")[""].value == BOOT.isoformat()
    assert [event.time for event in events(records, "boot")] == [BOOT]
    assert set(facts(records, "update")) == {"KB921883", "Q147222"}
    card = facts(records, "network_interface")["LAN"]
    assert (card.value, card.fields["device"]) == ("192.0.2.10", "Example NIC")
    assert facts(records, "peer")["HOSTB"].value == "logon server"
    assert len([record for record in records if isinstance(record, Fact) and record.name == "cpu"]) == 2


def test_there_are_thirteen_languages() -> None:
    assert len(LANGUAGES) == 13


def test_csv_says_the_same() -> None:
    records = parsed(file_source(SAMPLES / "systeminfo--row.csv"), "systeminfo")
    assert facts(records, "boot_time")[""].value == BOOT.isoformat()
    assert set(facts(records, "update")) == {"KB921883", "Q147222"}
    assert facts(records, "network_interface")["LAN"].value == "192.0.2.10"


def test_a_language_nobody_told_us_is_known_by_its_shape() -> None:
    text = "\n".join(
        ("Koneen nimi:  HOSTA", "Käyttis:   Microsoft Windows 7", "Versio:  6.1.7601 Service Pack 1 Build 7601")
    )
    records = parsed(source(f"\n{text}\nKorjaukset:  1\n   [01]: KB976902\n", "tiedot.txt"), "systeminfo")
    assert facts(records, "computer_name")[""].value == "HOSTA"
    assert facts(records, "os")["Microsoft Windows 7"].value == "6.1.7601"
    assert "KB976902" in facts(records, "update")


def test_a_date_that_may_be_two_is_read_by_its_form_and_that_is_said() -> None:
    text = (SAMPLES / "systeminfo--en.txt").read_text()
    text = text.replace("9/21/2006", "9/10/2006").replace("11/12/2005", "1/2/2005").replace("13.2.2005", "")
    lines = [line for line in text.splitlines() if not line.startswith("System Locale")]
    records = parsed(source("\n".join(lines), "systeminfo.txt"), "systeminfo")
    assert facts(records, "boot_time")[""].value == "2006-09-10T19:03:40"  # AM and PM with slashes are American
    (gap,) = [record for record in records if isinstance(record, Gap)]
    assert "day and month" in gap.what
    assert "month, day, year" in gap.what


def test_the_incident_s_systeminfo(corpus: Path) -> None:
    records = parsed(file_source(corpus / "incident-amd-driver" / "SystemInfo.txt"), "systeminfo")
    assert len(facts(records, "update")) == 223  # "223 Hotfix(s) Installed."
    boot = facts(records, "boot_time")[""]
    assert (boot.value, boot.where) == ("2017-11-14T04:19:23", "line 11")  # grep -n "System Boot Time"
    assert set(facts(records, "network_interface")) == {"Wi-Fi", "Ethernet", "Bluetooth Network Connection"}
