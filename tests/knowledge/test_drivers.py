"""Driver facts against names everybody can look up, and every module of the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.knowledge.drivers import find_driver
from bugcheck.knowledge.tables import table


@pytest.mark.parametrize(
    ("name", "vendor", "ships"),
    [
        # version resources of the vendors' own downloads; Windows' own files by %SystemRoot%\System32\drivers
        ("nvlddmkm.sys", "NVIDIA", False),
        ("NTFS.SYS", "Microsoft", True),
        ("atikmdag.sys", "AMD", False),
        ("klif.sys", "Kaspersky", False),
        ("aswSP.sys", "Avast", False),
        ("CSAgent.sys", "CrowdStrike", False),
        ("RTKVHD64.sys", "Realtek", False),
        ("vgk.sys", "Riot Games", False),
        ("RTCore64.sys", "MSI", False),
        ("vboxdrv.sys", "Oracle", False),
        ("tap0901.sys", "OpenVPN", False),
        ("storport.sys", "Microsoft", True),
        ("iaStorV.sys", "Intel", True),
        ("WdFilter.sys", "Microsoft", True),
        (r"\SystemRoot\System32\drivers\tcpip.sys", "Microsoft", True),
    ],
)
def test_well_known_drivers(name: str, vendor: str, ships: bool) -> None:
    found = find_driver(name)
    assert found is not None
    assert vendor in found.vendor
    assert found.ships_with_windows is ships
    assert found.certainty in ("certain", "likely")


def test_copies_made_for_dumps_are_the_driver_itself() -> None:
    # windows-driver-docs, "Restrictions on Miniport Drivers that Manage the Boot Drive": the stack is loaded twice
    found = find_driver("dump_iaStorAC.sys")
    assert found is not None
    assert (found.image_name, found.vendor, found.copy_for_dumps) == ("iastorac.sys", "Intel", True)
    hibernation = find_driver("hiber_storport.sys")
    assert hibernation is not None
    assert (hibernation.image_name, hibernation.copy_for_dumps) == ("storport.sys", True)
    plain = find_driver("iaStorAC.sys")
    assert plain is not None
    assert not plain.copy_for_dumps


def test_names_cut_off_in_the_list_of_unloaded_drivers() -> None:
    # seen in corpus dumps: dump_storpor, dump_dumpfve, NetworkPriva (twelve characters)
    found = find_driver("dump_storpor")
    assert found is not None
    assert (found.image_name, found.copy_for_dumps) == ("storport.sys", True)
    assert (find_driver("dump_dumpfve") or found).image_name == "dumpfve.sys"
    assert (find_driver("NetworkPriva") or found).vendor == "Microsoft"


def test_defenders_engine_driver_has_a_random_name() -> None:
    # MpKsl + eight hex digits in %ProgramData%\Microsoft\Windows Defender\Definition Updates
    found = find_driver("MpKslDrv.sys"), find_driver("mpksl1a2b3c4d.sys")
    assert all(facts is not None and facts.vendor == "Microsoft" for facts in found)


@pytest.mark.parametrize("name", ["", "\\", "no-such-driver.sys", "a", "dump_", "x" * 400, "nt\tfs.sys", "é.sys"])
def test_unknown_names_are_none(name: str) -> None:
    assert find_driver(name) is None


@given(st.text(max_size=40))
def test_no_name_breaks_the_search(name: str) -> None:
    find_driver(name)


def test_every_line_is_found_by_its_own_name() -> None:
    for line in table("drivers.tsv").decode().strip().split("\n"):
        name = line.partition("\t")[0]
        found = find_driver(name.upper())
        assert found is not None
        assert found.image_name == name


def test_table_is_sorted_unique_and_says_something() -> None:
    rows = [line.split("\t") for line in table("drivers.tsv").decode().strip().split("\n")]
    names = [row[0] for row in rows]
    assert names == sorted(set(names))
    assert {len(row) for row in rows} == {8}
    assert {row[6] for row in rows} == {"certain", "likely", "unsure"}
    assert {row[5] for row in rows} == {"yes", "no", ""}
    third_party = [row for row in rows if row[5] == "no" and row[1] and row[6] != "unsure"]
    assert len(third_party) >= 2000


@pytest.mark.corpus
def test_every_module_of_the_corpus_is_classified(corpus: Path) -> None:
    names: set[str] = set()
    for line in (corpus / "expected" / "dbgeng.jsonl").read_text(encoding="utf-8").splitlines():
        names |= {module["image_name"].lower() for module in json.loads(line).get("modules", [])}
    assert len(names) > 450
    facts = {name: find_driver(name) for name in names}
    assert [name for name, found in facts.items() if found is None] == []
    assert [name for name, found in facts.items() if found and found.ships_with_windows is None] == []
    without_maker = [name for name, found in facts.items() if found and not found.vendor]
    # drivers of an ARM laptop and of a Windows 8.1 laptop whose maker no public source names
    assert len(without_maker) <= 20
