"""What was installed: setupapi of both ages, CBS, Windows Update, lists of hotfixes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bugcheck.evidence.evidence import Span
from tests.evidence.reading import events, facts, file_source, parsed

SAMPLES = Path(__file__).with_name("samples")


def test_setupapi_tells_what_was_installed_and_what_failed() -> None:
    records = parsed(file_source(SAMPLES / "setupapi_dev--dev.log"), "setupapi_dev")
    installed = events(records, "driver_installed")
    assert [event.time for event in installed] == [datetime(2012, 5, 1, 8, 1)]
    assert installed[0].fields["device"] == "Example Device"
    assert installed[0].fields["inf"] == "oem1.inf"
    assert [event.fields["status"] for event in events(records, "")] == ["FAILURE(0x00000005)"]
    assert [event.time.hour for event in events(records, "boot")] == [8]
    assert [span.end for span in records if isinstance(span, Span)] == [datetime(2012, 5, 1, 10, 0, 1)]


def test_setupapi_of_xp() -> None:
    records = parsed(file_source(SAMPLES / "setupapi_old--setupapi.log"), "setupapi_old")
    assert [event.fields["subject"] for event in events(records, "driver_installed")] == ["root\\rapdrv"]
    assert len(events(records, "")) == 1


def test_cbs_tells_updates_and_damage() -> None:
    records = parsed(file_source(SAMPLES / "cbs_log--CBS.log"), "cbs_log")
    assert [event.fields["kb"] for event in events(records, "update_installed")] == ["KB3147071"]
    assert [event.fields["code"] for event in events(records, "update_failed")] == ["0x800f0922"]
    assert len(events(records, "file_damaged")) == 1


def test_windows_update_log() -> None:
    records = parsed(file_source(SAMPLES / "windows_update_log--WindowsUpdate.log"), "windows_update_log")
    assert [event.fields["kb"] for event in events(records, "update_installed")] == ["KB2647753"]


def test_lists_of_hotfixes() -> None:
    qfe = facts(parsed(file_source(SAMPLES / "hotfix_list--qfe.txt"), "hotfix_list"), "update")
    assert (qfe["KB921883"].value, qfe["KB921883"].fields["installed"]) == ("Security Update", "9/1/2006")
    get = facts(parsed(file_source(SAMPLES / "hotfix_list--get.txt"), "hotfix_list"), "update")
    assert get["KB4049179"].fields["installed"].startswith("11/12/2017")


def test_the_corpus_logs_are_read_to_their_end(corpus: Path) -> None:
    """Twelve boot sessions by `grep -c 'Boot Session'`; the last line with a time is the span's end."""
    folder = corpus / "evidence" / "setupapi"
    for name in ("dev", "setup"):
        path = folder / f"log2timeline__plaso__setupapi.{name}.log"
        records = parsed(file_source(path), "setupapi_dev")
        text = path.read_text("utf-8", "replace")
        assert len(events(records, "boot")) == text.count("\n[Boot Session: ")
        asked = [line for line in text.splitlines() if line.startswith(">>>  [") and "Import Driver Package" in line]
        assert len(events(records, "driver_installed")) + len(events(records, "")) >= len(asked)
