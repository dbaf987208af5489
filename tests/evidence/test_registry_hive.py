"""Hives and their logs: our builder's, the corpus' (beside libregf and Windows' own recovery), and mutants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import Record
from bugcheck.evidence.hives.hive import Hive
from bugcheck.evidence.hives.keys import Key
from bugcheck.evidence.hives.logs import replay
from bugcheck.gaps import Gap
from tests.evidence import hive_builder as build
from tests.evidence.reading import events, facts, file_source, parsed, source


def read(data: bytes, name: str = "hive", beside: dict[str, bytes] | None = None) -> list[Record]:
    return parsed(source(data, name, beside), "registry_hive")


def test_a_system_hive_tells_its_host() -> None:
    records = read(build.hive(build.system_tree()))
    assert facts(records, "computer_name")[""].value == "HOSTA"
    zone = facts(records, "time_zone")["W. Europe Standard Time"]
    # west Europe: an hour ahead, last Sunday of October at three, last Sunday of March at two
    assert (zone.value, zone.fields["daylight_bias"], zone.fields["active_bias"]) == ("-60", "-60", "-120")
    assert (zone.fields["standard_start"], zone.fields["daylight_start"]) == ("M10.5.0/03:00", "M3.5.0/02:00")
    assert facts(records, "crash_control")["CrashDumpEnabled"].value == "2"
    assert facts(records, "memory_setting")["VerifyDrivers"].value == "myfault.sys"
    assert facts(records, "share")["data"].value == "D:\\data"
    assert facts(records, "network_interface")["{1}"].value == "192.0.2.10"
    assert set(facts(records, "peer")) == {"192.0.2.1", "192.0.2.2"}
    assert facts(records, "usb_device")["A B USB Device"].fields["last_seen"] == "2006-09-21T18:00:00Z"
    assert [event.time for event in events(records, "clean_shutdown")] == [datetime(2006, 9, 21, 18, tzinfo=UTC)]
    assert not [record for record in records if isinstance(record, Gap)]


def test_services_and_drivers_are_told_apart() -> None:
    records = read(build.hive(build.system_tree()))
    drivers, services = facts(records, "driver"), facts(records, "service")
    assert set(drivers) == {"RapDrv.sys", "FltOne.sys"}
    assert set(services) == {"DNS"}
    assert drivers["RapDrv.sys"].value == "3.6.1"  # of the package that serves its device
    assert drivers["RapDrv.sys"].fields["start_type"] == "system"
    assert drivers["FltOne.sys"].fields["altitude"] == "320000"
    assert services["DNS"].value == "auto"


def test_software_users_updates_and_security_products() -> None:
    windows = r"Microsoft\Windows NT\CurrentVersion"
    tree = build.paths({
        windows: {
            "ProductName": build.sz("Windows Server 2003"), "CurrentVersion": build.sz("5.2"),
            "CurrentBuildNumber": build.sz("3790"), "CSDVersion": build.sz("Service Pack 1"),
            "InstallDate": build.dword(1_158_800_000),
        },
        r"Microsoft\Windows\CurrentVersion\Uninstall\BlackICE": {
            "DisplayName": build.sz("BlackICE Server Protection"), "DisplayVersion": build.sz("3.6"),
            "Publisher": build.sz("ISS"), "InstallDate": build.sz("20060921"),
        },
        r"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\Old": {
            "DisplayName": build.sz("Old One"), "InstallDate": build.sz("20010101"),
        },
        r"Microsoft\Windows\CurrentVersion\Run": {"ccApp": build.sz(r'"C:\ccApp.exe"')},
        rf"{windows}\HotFix\KB921883": {"Installed": build.dword(1), "Fix Description": build.sz("a hotfix")},
        rf"{windows}\ProfileList\S-1-5-21-1-2-3-500": {"ProfileImagePath": build.sz(r"C:\Users\someone")},
        r"INTEL\LANDesk\VirusProtect6\CurrentVersion": {
            "ProductVersion": build.dword(9 * 100 + (1000 << 16)), "PatternFileDate": build.binary(bytes([36, 8, 21])),
            "Parent": build.sz("HOSTB"),
        },
        r"Symantec\SharedDefs": {"DEFWATCH_10": build.sz(r"C:\PROGRA~1\VIRUSD~1\20060921.016")},
    })  # fmt: skip
    records = read(build.hive(tree))
    assert facts(records, "os")["Windows Server 2003"].value == "5.2.3790"
    assert facts(records, "software")["BlackICE Server Protection"].value == "3.6"
    # the key was last written on the day the product says: that is its installation; the other's says nothing
    assert [event.fields["product"] for event in events(records, "software_installed")] == [
        "BlackICE Server Protection"
    ]
    assert facts(records, "update")["KB921883"].value == "a hotfix"
    assert facts(records, "user")["someone"].value == "S-1-5-21-1-2-3-500"
    assert facts(records, "autorun")["ccApp"].value == r'"C:\ccApp.exe"'
    product = facts(records, "security_product")["Symantec AntiVirus"]
    assert product.value == "9.0.1000"
    assert product.fields["definitions_date"] == "2006-09-21"
    assert product.fields["definitions"] == "2006-09-21 rev. 016"
    assert product.fields["server"] == "HOSTB"


def test_a_user_hive_tells_autostarts_and_runs() -> None:
    count = bytes(4) + (7).to_bytes(4, "little") + bytes(52) + build.time_value(build.WHEN)[1] + bytes(4)
    tree = build.paths({
        "Control Panel": {},
        r"Software\Microsoft\Windows\CurrentVersion\Run": {"tray": build.sz("tray.exe")},
        r"Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist\{g}\Count": {
            r"P:\gbbyf\sbb.rkr": build.binary(count),
        },
        r"Network\Z": {"RemotePath": build.sz(r"\\hostb\data")},
    })  # fmt: skip
    records = read(build.hive(tree))
    assert facts(records, "autorun")["tray"].value == "tray.exe"
    assert facts(records, "peer")[r"\\hostb\data"].value == "network drive"
    run = events(records, "program_run")[0]
    assert (run.fields["path"], run.fields["count"]) == (r"C:\tools\foo.exe", "7")


def test_a_dirty_hive_is_completed_from_its_old_log() -> None:
    old = build.hive(build.system_tree(), primary=2, secondary=1)
    tree: Any = build.system_tree()
    tree["ControlSet001"]["Control"]["ComputerName"]["ComputerName"][""]["ComputerName"] = build.sz("HOSTZ")
    new = build.hive(tree, primary=2, secondary=2)
    assert len(old) == len(new)
    log = build.old_log(old, new, 2)
    records = read(old, "SYSTEM", {"SYSTEM.LOG1": log, "SYSTEM.LOG2": b""})
    assert facts(records, "computer_name")[""].value == "HOSTZ"
    alone = read(old, "SYSTEM")
    assert facts(alone, "computer_name")[""].value == "HOSTA"
    assert [gap for gap in alone if isinstance(gap, Gap) and "logs are not beside it" in gap.missing]


def test_a_log_is_named_and_asks_for_its_hive() -> None:
    old = build.hive(build.system_tree(), primary=2, secondary=1)
    log = build.old_log(old, old, 2)
    assert [gap.remedy for gap in parsed(source(log, "SYSTEM.LOG"), "registry_log") if isinstance(gap, Gap)]
    assert parsed(source(log, "SYSTEM.LOG", {"SYSTEM": old}), "registry_log") == []


RECOVERED = (
    ("NewDirtyHive1_NewDirtyHive", "NewDirtyHive1_RecoveredHive_Windows10", "Key3"),
    ("NewDirtyHive2_NewDirtyHive", "NewDirtyHive1_RecoveredHive_Windows10", "Key3"),
)


@pytest.mark.parametrize(("dirty", "recovered", "key"), RECOVERED)
def test_replay_equals_what_windows_made(corpus: Path, dirty: str, recovered: str, key: str) -> None:
    folder = corpus / "evidence" / "registry"
    hive, *logs = (
        BinaryView((folder / f"msuhanov__yarp__{dirty}{end}").read_bytes(), end) for end in ("", ".LOG1", ".LOG2")
    )
    data = replay(hive, logs).data
    assert data is not None
    wanted = (folder / f"msuhanov__yarp__{recovered}").read_bytes()
    # Windows counted its own writing on: the two sequence numbers are all that differs
    assert [at for at in range(len(wanted)) if wanted[at] != data[at] and at >= 12] == []
    root = Hive(BinaryView(data, dirty)).root()
    assert root is not None
    assert root.child(key) is not None


def test_old_replay_equals_what_windows_made(corpus: Path) -> None:
    """Windows 7 loaded and used the recovered hive: it added one value, all keys are equal."""
    folder = corpus / "evidence" / "registry"
    dirty = "msuhanov__yarp__OldDirtyHive_OldDirtyHive"
    hive, log = (BinaryView((folder / f"{dirty}{end}").read_bytes(), end) for end in ("", ".LOG1"))
    data = replay(hive, [log]).data
    assert data is not None
    wanted = BinaryView((folder / "msuhanov__yarp__OldDirtyHive_RecoveredHive_Windows7").read_bytes(), "recovered")
    assert set(tree_of(Hive(BinaryView(data, "replayed")))) == set(tree_of(Hive(wanted)))


def tree_of(hive: Hive) -> dict[str, dict[str, tuple[int, bytes]]]:
    root = hive.root()
    found: dict[str, dict[str, tuple[int, bytes]]] = {}
    stack: list[Key] = [root] if root else []
    while stack:
        key = stack.pop()
        found[key.path] = {value.name: (value.kind, value.data) for value in key.values().values()}
        stack.extend(key.children())
    return found


def libregf_tree(path: Path) -> dict[str, dict[str, tuple[int, bytes]]] | None:
    pyregf: Any = pytest.importorskip("pyregf")
    file = pyregf.file()
    try:
        file.open(str(path))
        root = file.get_root_key()
    except OSError:
        return None
    found: dict[str, dict[str, tuple[int, bytes]]] = {}

    def walk(key: Any, path: str) -> Iterator[tuple[str, Any]]:
        yield path, key
        for index in range(key.number_of_sub_keys):
            try:
                child = key.get_sub_key(index)
            except OSError:
                continue
            yield from walk(child, f"{path}\\{child.name}".lstrip("\\"))

    for where, key in walk(root, "") if root else ():
        values = [key.get_value(index) for index in range(key.number_of_values)]
        found[where] = {value.name or "": (value.type, value.data or b"") for value in values}
    return found


AGREEING = (
    "mkorman90__regipy__BCD", "log2timeline__plaso__regf_SAM", "mkorman90__regipy__SECURITY",
    "PyPI__dissect.target__Syscache.hve", "log2timeline__plaso__winreg_win10-Amcache.hve",
    "msuhanov__yarp__BigDataHive", "msuhanov__yarp__ManySubkeysHive", "msuhanov__yarp__StringValuesHive",
    "msuhanov__yarp__UnicodeHive", "EricZimmerman__Registry__BCD",
)  # fmt: skip


@pytest.mark.parametrize("name", AGREEING)
def test_keys_and_values_equal_libregf(corpus: Path, name: str) -> None:
    path = corpus / "evidence" / "registry" / name
    theirs = libregf_tree(path)
    ours = tree_of(Hive(BinaryView(path.read_bytes(), name)))
    assert theirs is not None
    assert set(ours) == set(theirs)
    for where, values in theirs.items():
        for value, (kind, data) in values.items():
            # libregf turns data of one to three bytes kept in the value itself into zeros
            if len(data) > 3 and kind != 0 and not where.startswith("SAM\\"):
                mine = ours[where][value]  # and leaves out the second of two NULs at a string's end
                assert (mine[0], mine[1].rstrip(b"\0")) == (kind, data.rstrip(b"\0")), where


def test_every_hive_of_the_corpus_is_read(corpus: Path) -> None:
    for path in sorted((corpus / "evidence" / "registry").iterdir()):
        given = file_source(path)
        if given.head.startswith(b"regf"):
            kind = "registry_log" if ".LOG" in path.name else "registry_hive"
            assert parsed(given, kind) or kind == "registry_log", path.name


def test_roots_are_those_the_manifest_names(corpus: Path) -> None:
    """Column independent_tool: python-registry's sub keys of the root."""
    folder = corpus / "evidence" / "registry"
    checked = 0
    for line in (folder / "MANIFEST.tsv").read_text().splitlines():
        columns = line.split("\t")
        path = folder / columns[0].replace("/", "__")
        if not path.is_file() or "subkeys=" not in columns[-1] or "CompHive" in path.name:
            continue
        names = columns[-1].partition("subkeys=")[2]
        root = Hive(BinaryView(path.read_bytes(), path.name)).root()
        assert root is not None
        ours = ",".join(key.name for key in root.children())
        assert ours.startswith(names.rstrip(",")) or names.startswith(ours), path.name
        checked += 1
    assert checked > 20


def test_damaged_hives_give_what_is_left(corpus: Path) -> None:
    """libregf refuses both: a root list is torn, a base block's checksum is wrong."""
    folder = corpus / "evidence" / "registry"
    records = parsed(file_source(folder / "mkorman90__regipy__corrupted_system_hive"), "registry_hive")
    assert len(facts(records, "service")) > 50
    assert [record for record in records if isinstance(record, Gap) and record.damage]
    bad = folder / "msuhanov__yarp__BadBaseBlockHive_BadBaseBlockHive"
    gaps = [record for record in parsed(file_source(bad), "registry_hive") if isinstance(record, Gap)]
    assert any("key_with_many_subkeys" in gap.missing for gap in gaps)


def test_speed_on_a_system_hive(corpus: Path) -> None:
    """7.9 MB; the norm is 15 MB in about a second."""
    given = file_source(corpus / "evidence" / "registry" / "mkorman90__regipy__SYSTEM_2")
    start = time.perf_counter()
    records = parsed(given, "registry_hive")
    assert time.perf_counter() - start < 3
    assert facts(records, "time_zone")["Pacific Standard Time"].fields["daylight_start"] == "M3.2.0/02:00"


def test_a_cycle_of_keys_ends() -> None:
    data = bytearray(build.hive({"a": {"b": {"": {"x": build.dword(1)}}}}))
    at = data.find(b"lf\x01\0", 4096)
    again = data.find(b"lf\x01\0", at + 4)
    data[at + 4 : at + 8] = data[again + 4 : again + 8]
    data[again + 4 : again + 8] = data[36:40]  # the root below itself
    assert read(bytes(data))


def test_mutants_raise_nothing() -> None:
    clean, dirty = build.hive(build.system_tree()), build.hive(build.system_tree(), primary=2, secondary=1)
    log = build.old_log(dirty, clean, 2)
    for mutant in build.mutants(clean, 150, 1):
        given = source(mutant, "SYSTEM")
        if given.head[:4] == b"regf" and given.size >= 512:
            kind = "registry_log" if int.from_bytes(mutant[28:32], "little") in (1, 2, 6) else "registry_hive"
            parsed(given, kind)
    for mutant in build.mutants(log, 150, 2):
        parsed(source(dirty, "SYSTEM", {"SYSTEM.LOG": mutant}), "registry_hive")
