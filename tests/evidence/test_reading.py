"""What is done with every parser's records, whoever gave them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bugcheck.evidence.evidence import Quality, Record
from bugcheck.evidence.reading import MOST_NOTES, read_source
from bugcheck.gaps import Gap
from tests.evidence.samples_of import events, gaps, sample, source_of

LINE = "{} 10:00:00 OPEN TCP 10.0.0.1 10.0.0.2 1025 80 - - - - - - - -\n"
HEAD = (
    "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n"
    "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype "
    "icmpcode info\n\n"
)


def read(text: str) -> tuple[Quality, list[Record]]:
    records: list[Record] = []
    found = read_source(source_of(text.encode(), "pfirewall.log"), "0", lambda _, record: records.append(record))
    return found.quality, records


@pytest.mark.parametrize("date", ["9999-12-31", "0001-01-01", "1601-01-01"])
def test_a_time_that_no_computer_had_is_damage(date: str) -> None:
    quality, records = read(HEAD + LINE.format("2009-06-01") + LINE.format(date))
    assert quality is Quality.DAMAGED
    assert {event.time.year for event in events(records)} == {2009}
    assert any(date in gap.missing for gap in gaps(records))


def test_a_file_full_of_such_times_does_not_fill_the_case() -> None:
    _, records = read(HEAD + "".join(LINE.format(f"9999-12-{day:02}") * 3 for day in range(1, 31)))
    assert len([record for record in records if isinstance(record, Gap)]) <= MOST_NOTES + 5


def test_possible_times_pass() -> None:
    records: list[Record] = []
    found = read_source(sample("windows_firewall--pfirewall.log"), "0", lambda _, record: records.append(record))
    assert found.quality is not Quality.DAMAGED
    assert all(event.time.replace(tzinfo=UTC) > datetime(2000, 1, 1, tzinfo=UTC) for event in events(records))
