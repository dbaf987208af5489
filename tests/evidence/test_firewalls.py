"""Firewall and intrusion logs → flows joined by minute, and what the file speaks for."""

from __future__ import annotations

import csv
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.evidence.evidence import parser_of
from bugcheck.evidence.flows import FLOW_LIMIT
from bugcheck.evidence.source import Source
from tests.evidence.samples_of import MODIFIED, events, facts, gaps, read, sample, source_of, spans


def corpus_source(path: Path) -> Source:
    return Source(path.name, map_file(str(path)), modified=MODIFIED)


def total(records: object) -> int:
    return sum(event.count for event in events(records))  # type: ignore[arg-type]


def test_equal_flows_of_a_minute_are_one_event() -> None:
    records = read(sample("windows_firewall--pfirewall.log"), "windows_firewall")
    first = events(records)[0]
    assert first.text == "UDP 192.0.2.10 → 192.0.2.255:137 dropped (coming in)"
    assert (first.where, first.count) == ("line 6", 2)
    assert (first.time, first.until) == (datetime(2008, 3, 14, 19, 1, 7), datetime(2008, 3, 14, 19, 1, 9))
    assert [event.kind for event in events(records)] == [
        "firewall_drop", "firewall_allow", "firewall_drop", "firewall_drop", "firewall_allow", "log_full",
    ]  # fmt: skip
    assert total(records) == 7
    (span,) = spans(records)
    assert span.kinds == {"firewall_drop", "firewall_allow"}
    assert span.end == datetime(2008, 3, 14, 19, 2, 45)
    assert "12 events were lost" in span.note


def test_a_log_of_drops_does_not_speak_for_what_was_allowed() -> None:
    line = "2008-03-14 19:01:07 DROP UDP 192.0.2.10 192.0.2.255 137 137 78 - - - - - - - RECEIVE\n"
    (span,) = spans(read(source_of(line.encode() * 3), "windows_firewall"))
    assert span.kinds == {"firewall_drop"}
    assert "no allowed packet" in span.note


def test_the_header_decides_the_zone_and_the_order_of_fields() -> None:
    text = (
        "#Version: 1.5\n#Time Format: UTC\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size path"
        " pid\n2024-03-14 19:01:07 ALLOW TCP 192.0.2.1 198.51.100.7 1044 443 0 SEND 4242\n"
    )
    (event,) = events(read(source_of(text.encode()), "windows_firewall"))
    assert event.time == datetime(2024, 3, 14, 19, 1, 7, tzinfo=UTC)
    assert event.fields["direction"] == "out"
    assert event.fields["pid"] == "4242"


def test_the_memory_is_that_of_one_minute() -> None:
    """40,000 different flows in one minute: given out in portions, none lost."""
    head = "#Fields: date time action protocol src-ip dst-ip src-port dst-port size path\n"
    lines = [f"2024-03-14 19:01:07 DROP TCP 10.0.{i >> 8}.{i & 255} 192.0.2.1 1 80 0 RECEIVE\n" for i in range(40_000)]
    source = source_of(("#Version: 1.5\n" + head + "".join(lines)).encode())
    assert total(read(source, "windows_firewall")) == 40_000
    assert len(events(read(source, "windows_firewall"))) > FLOW_LIMIT


def test_a_long_log_needs_no_memory_of_its_length(tmp_path: Path) -> None:
    path = tmp_path / "pfirewall.log"
    head = "#Version: 1.5\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size path\n"
    minute = "".join(f"DATE DROP TCP 10.0.0.{i % 200} 192.0.2.1 {i} 80 0 RECEIVE\n" for i in range(2000))
    days = [minute.replace("DATE", f"2024-03-{day:02} 19:01:07") for day in range(1, 29)]
    path.write_text(head + "".join(days))
    source = corpus_source(path)
    tracemalloc.start()
    counted = sum(event.count for event in _stream(source))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counted == 28 * 2000
    assert peak < 12 << 20


def _stream(source: Source):
    from bugcheck.evidence.evidence import Event, parser_of

    found = parser_of(source)
    assert found
    yield from (record for record in found.read(source) if isinstance(record, Event))


def test_the_year_of_a_syslog_is_the_last_one_that_fits() -> None:
    """The file is of 2009-06-01: its January is of 2009, the December before it of 2008."""
    records = read(sample("iptables--kern.log"), "iptables")
    block, allow, unknown = events(records)
    assert (block.time, block.until) == (datetime(2008, 12, 31, 23, 59, 50), datetime(2008, 12, 31, 23, 59, 52))
    assert (block.count, block.host, block.fields["rule"]) == (2, "gate", "UFW BLOCK")
    assert allow.time == datetime(2009, 1, 1, 0, 0, 5)
    assert (allow.kind, allow.fields["direction"]) == ("firewall_allow", "out")
    assert unknown.kind == ""  # the rule's prefix says nothing of what became of the packet
    assert any("year" in gap.what and "2009-06-01" in gap.missing for gap in gaps(records))


def test_without_a_year_nothing_is_dated() -> None:
    found = sample("iptables--kern.log")
    undated = Source(found.path, found.view)
    records = read(undated, "iptables")
    assert not events(records)
    assert any("modification time" in gap.remedy for gap in gaps(records))


def test_text_about_logs_is_no_log() -> None:
    text = """A page on formats: `#Version: 1.5` then `#Fields: date time action protocol src-ip dst-ip`, the heading
    `type,date,time,source,destination,transport` and `IN= OUT= MAC= SRC= DST= LEN= PROTO= SPT= DPT=`.
    """
    assert parser_of(source_of(text.encode(), "formats.md")) is None


def test_cisco_asa() -> None:
    records = read(sample("cisco_asa--asa.log"), "cisco_asa")
    by_code = {event.code: event for event in events(records)}
    assert by_code[302013].fields["source"] == "192.0.2.1"  # built outbound: from the inside
    assert by_code[302014].fields["bytes"] == "4120"
    assert (by_code[106023].count, by_code[106023].fields["rule"]) == (2, "outside_in")
    assert by_code[106017].kind == by_code[400014].kind == "attack"
    assert (by_code[106100].kind, by_code[106100].count) == ("firewall_allow", 3)
    assert (by_code[111008].kind, by_code[111008].text[:12]) == ("", "User 'admin'")


def test_blackice() -> None:
    records = read(sample("blackice--attack-list.csv"), "blackice")
    started, probe_, _, again = events(records)
    assert (started.kind, started.code, started.fields["state"]) == ("antivirus_state", 26, "started")
    assert probe_.time == datetime(2008, 3, 14, 11, 3, 40, tzinfo=UTC)
    assert (probe_.kind, probe_.count, probe_.fields["source_name"]) == ("attack", 4, "WORKER7")
    assert again.time == datetime(2008, 3, 14, 11, 10, 30, tzinfo=UTC)
    assert facts(records, "security_product")[0].name == "BlackICE"
    assert "attack" in spans(records)[0].kinds


def test_blackice_without_a_heading_is_known_by_its_rows() -> None:
    text = "59, 2008-03-14 11:03:40, 2003102, TCP_Probe_NetBIOS, 192.0.2.50, WORKER7\n" * 3
    assert len(events(read(source_of(text.encode()), "blackice"))) == 3


def test_zonealarm() -> None:
    records = read(sample("zonealarm--ZALog.txt"), "zonealarm")
    first = events(records)[0]
    assert first.time == datetime(2008, 3, 15, 1, 48, tzinfo=UTC)  # 17:48 at -8:00
    assert (first.count, first.fields["target_port"]) == (2, "445")
    assert any(event.time.year == 2000 and event.fields["source"] == "192.0.2.77" for event in events(records))
    assert facts(records, "security_product")[0].value == "2.1.44"


def test_a_table_with_headings() -> None:
    blocked, allowed = events(read(sample("firewall_table--traffic.csv"), "firewall_table"))
    assert blocked.time == datetime(2008, 3, 14, 19, 1, 10)  # 14/03: only the day can be 14
    assert (blocked.count, blocked.fields["source"], blocked.fields["target_port"]) == (4, "203.0.113.5", "445")
    assert (allowed.fields["source"], allowed.fields["target"], allowed.fields["direction"]) == (
        "192.0.2.1", "192.0.2.53", "out",
    )  # fmt: skip


def test_a_table_whose_dates_could_be_either_says_so() -> None:
    text = "Date,Time,Source IP,Destination IP,Protocol,Action\n03/04/2008,19:01:00,192.0.2.1,192.0.2.2,TCP,Blocked\n"
    records = read(source_of(text.encode()), "firewall_table")
    assert events(records)[0].time == datetime(2008, 4, 3, 19, 1)  # a clock of 24 hours: not American
    assert any("read as day, month, year" in gap.what for gap in gaps(records))


def test_symantec_traffic() -> None:
    dropped, allowed = events(read(sample("symantec_traffic--tralog.log"), "symantec_traffic"))
    assert dropped.time == datetime(2008, 3, 14, 11, 1, 7, tzinfo=UTC)
    assert (dropped.count, dropped.fields["target_port"], dropped.fields["source"]) == (3, "445", "203.0.113.5")
    assert (allowed.kind, allowed.fields["program"]) == ("firewall_allow", "C:\\Example\\client.exe")


def test_trend_firewall() -> None:
    first, second = events(read(sample("trend_firewall--PfwLog_20080314.dat"), "trend_firewall"))
    assert (first.count, first.fields["rule"]) == (2, "SecurityLevelDrop")
    assert (second.fields["direction"], second.fields["target"]) == ("out", "198.51.100.7")


def test_mcafee_history() -> None:
    found = {event.kind: event for event in events(read(sample("mcafee_history--infect.log"), "mcafee_history"))}
    assert found["antivirus_detection"].fields["path"] == "C:\\Example\\test.com"
    assert found["firewall_drop"].fields["target_port"] == "445"
    assert found[""].text == "Protection was switched on"


def test_real_logs_give_as_many_packets_as_they_have_lines(corpus: Path) -> None:
    """Every line of the corpus' packet filters is one packet; those of other tools: MANIFEST.tsv."""
    folder = corpus / "evidence" / "firewall"
    checked = 0
    for path in sorted(folder.glob("debian__psad__iptables_*")):
        lines = [line for line in path.read_text().split("\n") if " PROTO=" in line]
        records = read(corpus_source(path), "iptables")
        damaged = [gap for gap in gaps(records) if gap.damage]
        assert total(records) + len(damaged) == len(lines), path.name
        checked += 1
    assert checked >= 20


@pytest.mark.parametrize(
    ("pattern", "parser", "count"),
    [
        # plaso's tests/parsers/text_plugins/winfirewall.py counts 15 events
        ("log2timeline__plaso__windows_firewall.log", "windows_firewall", 15),
        # elastic's expected file has 11 messages
        ("elastic__beats__cisco_asa_asa-fix.log", "cisco_asa", 11),
        # dissect.target's tests: one record each
        ("PyPI__dissect.target__apps_av_mcafee_firewall.log", "mcafee_history", 1),
        ("PyPI__dissect.target__apps_av_trendmicro_firewall.log", "trend_firewall", 1),
    ],
)
def test_counts_of_independent_tools(corpus: Path, pattern: str, parser: str, count: int) -> None:
    path = corpus / "evidence" / "firewall" / pattern
    if not path.is_file():
        pytest.skip(f"needs {path}")
    assert total(read(corpus_source(path), parser)) == count


def test_the_manifest_and_our_parsers_agree_on_what_is_there(corpus: Path) -> None:
    folder = corpus / "evidence" / "firewall"
    with (folder / "MANIFEST.tsv").open() as file:
        names = [row["file"] for row in csv.DictReader(file, delimiter="\t")]
    for name in names:
        if (folder / name).is_file():
            assert read(corpus_source(folder / name)), name
