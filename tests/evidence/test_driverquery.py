"""driverquery's layouts."""

from __future__ import annotations

from pathlib import Path

from tests.evidence.reading import facts, file_source, parsed

SAMPLES = Path(__file__).with_name("samples")


def test_three_forms_of_the_plain_layout_agree() -> None:
    for name in ("plain.txt", "list.txt", "v.csv"):
        drivers = facts(parsed(file_source(SAMPLES / f"driverquery--{name}"), "driverquery"), "driver")
        assert drivers["RapDrv.sys"].fields["date"] == "2003-10-24T23:58:07", name
        assert drivers["ACPI.sys"].fields["date"] == "2005-03-24T23:14:30", name


def test_the_long_layout_has_path_and_state() -> None:
    drivers = facts(parsed(file_source(SAMPLES / "driverquery--v.csv"), "driverquery"), "driver")
    assert drivers["RapDrv.sys"].fields["display_name"] == "Rap, the driver"
    assert (drivers["ACPI.sys"].fields["state"], drivers["ACPI.sys"].fields["start_type"]) == ("running", "boot")


def test_the_signature_layout_has_inf_and_signer() -> None:
    devices = facts(parsed(file_source(SAMPLES / "driverquery--si.txt"), "driverquery"), "device_driver")
    assert devices["Example Adapter"].fields == {"inf": "oem46.inf", "signed": "yes", "vendor": "Example Corporation"}
    assert devices["Other Adapter"].fields == {"inf": "oem7.inf", "signed": "no"}


def test_the_incident_s_three_files(corpus: Path) -> None:
    folder = corpus / "incident-amd-driver"
    listed = (folder / "DriverqFo.txt").read_text().count("Module Name:")
    fo, v = (
        facts(parsed(file_source(folder / name), "driverquery"), "driver") for name in ("DriverqFo.txt", "DriverqV.txt")
    )
    assert len(fo) == listed == 300
    cut = {fact.fields["service"] for fact in v.values() if "service" in fact.fields}
    assert cut <= {fact.fields["service"] for fact in fo.values()}
    assert len(parsed(file_source(folder / "DriverqV.txt"), "driverquery")) == 300
    assert len(parsed(file_source(folder / "DriverqSi.txt"), "driverquery")) == 129  # lines below the rule
    assert v["atikmdag.sys"].fields["path"].lower().endswith(r"\drivers\atikmdag.sys")
