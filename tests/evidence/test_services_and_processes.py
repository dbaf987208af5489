"""tasklist, sc, net start, fltmc, netstat, ipconfig, autoruns, pnputil: what runs, starts and talks."""

from __future__ import annotations

from pathlib import Path

from tests.evidence.reading import facts, file_source, parsed

SAMPLES = Path(__file__).with_name("samples")


def test_tasklist_in_three_layouts() -> None:
    plain = facts(parsed(file_source(SAMPLES / "tasklist--plain.txt"), "tasklist"), "process")
    assert (plain["blackice.exe"].value, plain["blackice.exe"].fields["memory"]) == ("1320", "12,345 K")
    german = facts(parsed(file_source(SAMPLES / "tasklist--svc-de.txt"), "tasklist"), "process")
    assert german["svchost.exe"].fields["services"] == "DcomLaunch, PlugPlay, Power"
    long = facts(parsed(file_source(SAMPLES / "tasklist--v.csv"), "tasklist"), "process")
    assert long["rtvscan.exe"].fields["user"] == r"NT AUTHORITY\SYSTEM"


def test_sc_tells_states_and_start_types() -> None:
    records = parsed(file_source(SAMPLES / "sc_query--query.txt"), "sc_query")
    assert facts(records, "service")["DNS"].value == "running"
    assert facts(records, "driver")["RapDrv.sys"].fields["state"] == "stopped"
    config = facts(parsed(file_source(SAMPLES / "sc_query--qc.txt"), "sc_query"), "service")["DHCPServer"]
    assert (config.value, config.fields["account"]) == ("auto", "LocalSystem")


def test_net_start_lists_what_runs() -> None:
    services = facts(parsed(file_source(SAMPLES / "sc_query--netstart.txt"), "sc_query"), "service")
    assert {name: fact.value for name, fact in services.items()} == {
        "DNS Server": "running",
        "Symantec AntiVirus": "running",
    }


def test_filters_have_altitudes() -> None:
    drivers = facts(parsed(file_source(SAMPLES / "fltmc--filters.txt"), "fltmc"), "driver")
    assert drivers["SRTSP.sys"].fields["altitude"] == "329000"


def test_connections_name_peers() -> None:
    records = parsed(file_source(SAMPLES / "netstat--ano.txt"), "netstat")
    assert facts(records, "peer")["192.0.2.20"].fields["port"] == "1045"
    assert set(facts(records, "listening_port")) == {"tcp 53", "udp 67"}


def test_ipconfig_names_servers() -> None:
    records = parsed(file_source(SAMPLES / "ipconfig--all.txt"), "ipconfig")
    assert facts(records, "computer_name")[""].fields["domain"] == "example.test"
    card = facts(records, "network_interface")["Ethernet adapter LAN"]
    assert (card.value, card.fields["dns"]) == ("192.0.2.10", "192.0.2.20, 192.0.2.21")
    assert set(facts(records, "peer")) == {"192.0.2.20", "192.0.2.21"}


def test_autoruns_tells_drivers_from_programs() -> None:
    records = parsed(file_source(SAMPLES / "autoruns--all.csv"), "autoruns")
    assert facts(records, "driver")["rapdrv.sys"].fields["signed"] == "(Not verified) ISS"
    assert facts(records, "autorun")["ccApp"].value == r"c:\ccapp.exe"


def test_pnputil_lists_packages() -> None:
    package = facts(parsed(file_source(SAMPLES / "pnputil--drivers.txt"), "pnputil"), "driver_package")["oem12.inf"]
    assert (package.value, package.fields["date"], package.fields["vendor"]) == (
        "27.20.1.2",
        "2021-05-20",
        "Example Corp",
    )
