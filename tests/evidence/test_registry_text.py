"""Registry exports and the output of `reg query`."""

from __future__ import annotations

from pathlib import Path

from bugcheck.evidence.evidence import Fact
from bugcheck.gaps import Gap
from tests.evidence.reading import facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")


def test_a_reg_file_tells_what_its_hive_would() -> None:
    records = parsed(file_source(SAMPLES / "registry_export--server.reg"), "registry_export")
    assert facts(records, "computer_name")[""].value == "HOSTA"
    driver = facts(records, "driver")["RapDrv.sys"]
    assert driver.fields["path"] == r"\SystemRoot\RapDrv.sys"
    assert driver.fields["display_name"] == 'Rap "quoted" driver'
    assert driver.fields["start_type"] == "manual"
    assert facts(records, "autorun")["tray"].value == r"C:\Program Files\tray.exe"
    assert set(facts(records, "driver")) == {"RapDrv.sys"}  # a deleted key is no key
    assert set(facts(records, "autorun")) == {"tray"}
    assert not [record for record in records if isinstance(record, Gap)]


def test_the_old_form_is_ansi() -> None:
    key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"
    text = f'REGEDIT4\r\n\r\n[{key}]\r\n"\xfcber"="x.exe"\r\n'
    records = parsed(source(text.encode("cp1252"), "a.reg"), "registry_export")
    assert list(facts(records, "autorun")) == ["über"]


def test_broken_lines_are_counted() -> None:
    text = (
        'REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\A]\n"Type"=dword:zz\n"Start"=dword:1\nhm\n'
    )
    gaps = [record for record in parsed(source(text, "a.reg"), "registry_export") if isinstance(record, Gap)]
    assert any(gap.damage and gap.what.startswith("2 lines") for gap in gaps)


def test_query_output_gives_products() -> None:
    records = parsed(file_source(SAMPLES / "registry_query--uninstall.txt"), "registry_query")
    product = facts(records, "software")["Product One"]
    assert (product.value, product.fields["installed"]) == ("1.2.3", "2017-11-12")
    assert facts(records, "update")["KB1234567"].value.startswith("Hotfix")


def test_query_output_of_xp_is_tabbed() -> None:
    key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"
    text = f"\r\n! REG.EXE VERSION 3.0\r\n\r\n{key}\r\n    <NO NAME>\tREG_SZ\t\r\n    VMware\tREG_SZ\tC:\\vm.exe\r\n"
    records = parsed(source(text, "run.txt"), "registry_query")
    assert facts(records, "autorun")["VMware"].value == r"C:\vm.exe"


def test_the_incident_s_uninstall_keys(corpus: Path) -> None:
    """69 of its keys have a DisplayName, 19 of them parts of a driver bundle."""
    path = corpus / "incident-amd-driver" / "HKLMSoftMSWinCVUninstall.txt"
    records = parsed(file_source(path), "registry_query")
    named = sum(line.startswith("    DisplayName    REG_SZ    ") for line in path.read_text().splitlines())
    assert len([record for record in records if isinstance(record, Fact)]) == named == 69
    assert facts(records, "software")["AMD Software"].value == "9.0.000.8"


def test_the_corpus_export_is_recognised(corpus: Path) -> None:
    path = corpus / "evidence" / "registry" / "PyPI__dissect.target__regflex.reg"
    records = parsed(file_source(path), "registry_export")
    assert not [each for each in records if isinstance(each, Gap) and each.damage]
