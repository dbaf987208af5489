"""Collections of others: recognised by what they hold, streamed, harmless when hostile."""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import NotADump
from bugcheck.evidence.evidence import Fact, ModuleSeen
from bugcheck.known_issues.import_path import ImportReport, import_path
from bugcheck.known_issues.json_items import JsonError, json_objects
from bugcheck.known_issues.library import Library
from bugcheck.known_issues.matching import MATCH, NEAR_MISS, POSSIBLE
from bugcheck.known_issues.shipped_tables import all_records, cves_of_driver, records_of_driver, records_of_hash
from bugcheck.known_issues.store import IssueStore
from bugcheck.known_issues.yaml_subset import YamlError, read_yaml
from tests.known_issues.situations import MODULES, crash, situation

SHA = "0123456789abcdef" * 4
YAML = f"""\
Id: 11111111-2222-3333-4444-555555555555
Tags:
- AcmeBad.sys
Verified: 'TRUE'
Created: '2023-11-02'
Category: vulnerable driver
CVE:
- CVE-2020-0001
Commands:
  Command: sc.exe create acmebad binPath= C:\\acmebad.sys
    && sc.exe start acmebad
  Description: "Lets anybody map\\
    \\ physical memory (\\u4e2d\\u6587)."
Resources: []
Detection: {{}}
KnownVulnerableSamples:
- Company: Acme Ltd
  Filename: ''
  OriginalFilename: acmebad64.sys
  SHA256: {SHA}
  MD5: {SHA[:32]}
  Authentihash:
    SHA1: {SHA[:40]}
  Sections:
    .M#):
      Entropy: 0.0
  Imports:
  - ntoskrnl.exe
-   Filename: acmebad.sys # a comment
    SHA256: {SHA.replace("0", "f")}
"""
RECORD = {
    "dataType": "CVE_RECORD",
    "cveMetadata": {"cveId": "CVE-2031-12345", "datePublished": "2031-05-06T00:00:00Z"},
    "containers": {
        "cna": {
            "title": "AcmeBad crash",
            "affected": [{"vendor": "Acme", "product": "Filter"}, {"vendor": "n/a", "product": "n/a"}],
            "descriptions": [
                {"lang": "en", "value": "AcmeBad.sys and acmetwo.sys in Acme Filter crash on IOCTL 0x222034."},
                {"lang": "de", "value": "acmedrei.sys"},
            ],
        }
    },
}
PLAIN = {**RECORD, "containers": {"cna": {"descriptions": [{"lang": "en", "value": "a cross-site scripting fault"}]}}}
FEED = {
    "CVE_data_type": "CVE",
    "CVE_Items": [
        {
            "cve": {
                "CVE_data_meta": {"ID": f"CVE-2032-{number:05}"},
                "description": {"description_data": [{"lang": "en", "value": text}]},
            },
            "publishedDate": "2032-01-02T03:04Z",
        }
        for number, text in enumerate(['win"} ]32feed.sys [ leaks', "nothing", "feedtwo.SYS in X"], 10001)
    ],
}
API = {
    "resultsPerPage": 1,
    "vulnerabilities": [
        {
            "cve": {
                "id": "CVE-2033-0001",
                "published": "2033",
                "descriptions": [{"lang": "en", "value": "apinew.sys"}],
            }
        }
    ],
}


def taken(path: Path) -> tuple[IssueStore, ImportReport]:
    store = IssueStore()
    return store, import_path(str(path), store)


def test_a_record_of_loldrivers(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(YAML, "utf-8")
    store, report = taken(tmp_path)
    assert report.faults == []
    (issue,) = store.by_driver("acmebad64.sys")
    assert issue.drivers == ("acmebad.sys", "acmebad64.sys")
    assert issue.vendor == "Acme Ltd"
    assert "physical memory (中文)" in issue.text["en"]
    assert "CVE-2020-0001" in issue.sources[0].name
    for digest in (SHA, SHA[:32], SHA[:40].upper(), SHA.replace("0", "f")):
        assert store.by_hash(digest) == [issue]
    counts = import_path(str(tmp_path), store).counts
    assert (counts.added, counts.changed, counts.same) == (0, 0, 1)


def test_records_as_json_and_csv(tmp_path: Path) -> None:
    record = read_yaml(YAML)
    assert isinstance(record, dict)
    (tmp_path / "drivers.json").write_text(json.dumps([record, {**record, "Id": "second"}, 7, {"other": 1}]), "utf-8")
    header = (
        '"Id","Category","Tags","KnownVulnerableSamples_SHA256","KnownVulnerableSamples_OriginalFilename","Verified"'
    )
    row = f'"third","malicious","AcmeBad.sys","{SHA}, {SHA.replace("0", "e")}","x.sys, y.sys","TRUE"'
    (tmp_path / "drivers.csv").write_text(f"{header}\n{row}\n,,,,,\n", "utf-8")
    store, report = taken(tmp_path)
    assert report.faults == []
    assert {issue.id for issue in store.issues()} == {
        "LOLDRIVERS-11111111-2222-3333-4444-555555555555",
        "LOLDRIVERS-second",
        "LOLDRIVERS-third",
    }
    (third,) = store.by_hash(SHA.replace("0", "e"))
    assert third.kind == "malicious_driver"
    assert third.drivers == ("acmebad.sys", "x.sys", "y.sys")


@pytest.mark.parametrize("form", ["folder", "zip", "zip in zip", "tar.gz"])
def test_the_cve_list(tmp_path: Path, form: str) -> None:
    files = {
        "cves/CVE-2031-12345.json": RECORD,
        "cves/CVE-2031-1.json": PLAIN,
        "nvd.json": FEED,
        "a.json": API,
    }
    path = pack(tmp_path, form, {name: json.dumps(value).encode() for name, value in files.items()})
    store, report = taken(path)
    assert report.faults == []
    assert (report.files, report.without) == (4, 1)
    assert {issue.id for issue in store.issues()} == {
        "CVE-2031-12345", "CVE-2032-10001", "CVE-2032-10003", "CVE-2033-0001",
    }  # fmt: skip
    (issue,) = store.by_driver("acmetwo.sys")
    assert issue.products == ("Filter",)
    assert [condition.test for condition in issue.conditions if condition.test == "control_code"]
    assert store.by_driver("32feed")
    assert store.by_driver("apinew.sys")
    assert not store.by_driver("acmedrei.sys")


def pack(folder: Path, form: str, files: dict[str, bytes]) -> Path:
    if form == "folder":
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder
    inner = io.BytesIO()
    if form == "tar.gz":
        with tarfile.open(fileobj=inner, mode="w:gz") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    else:
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    if form == "zip in zip":
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("cves.zip", inner.getvalue())
        inner = outer
    path = folder / f"cves.{form.split()[0]}"
    path.write_bytes(inner.getvalue())
    return path


def test_a_teams_own_file_beats_what_ships(tmp_path: Path) -> None:
    own = '[[issue]]\nid = "CVE-2006-4541"\ntitle.zh = "我们的说法"\ndrivers = ["rapdrv.sys"]\n'
    (tmp_path / "team.toml").write_text(own + "[[issue.condition]]\ntest = 'bugcheck'\ncode = '8E'\n", "utf-8")
    store, report = taken(tmp_path / "team.toml")
    assert report.counts.added == 1
    library = Library(store)
    for found in (library.get("cve-2006-4541"), library.by_driver("rapdrv")[0], library.search("说法")[0]):
        assert found is not None
        assert found.title == {"zh": "我们的说法"}
    assert [issue.id for issue in library.entries()].count("CVE-2006-4541") == 1


def test_faults_do_not_cost_the_rest(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(YAML, "utf-8")
    (tmp_path / "bad.yaml").write_text(YAML.replace("Tags:", "Tags: &anchor"), "utf-8")
    (tmp_path / "bad.json").write_text('{"vulnerabilities": [{"cve": {"id": "x.sys"', "utf-8")
    (tmp_path / "bad.csv").write_text("Status,SHA256\nAllowed,00\n", "utf-8")
    (tmp_path / "bad.toml").write_text("[[issue]]\nid = 'x'\n", "utf-8")
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4" + bytes(100))
    (tmp_path / "empty.json").write_bytes(b"")
    store, report = taken(tmp_path)
    assert len(store) == 1
    assert sorted(Path(name.partition(",")[0]).name for name, _ in report.faults) == [
        "bad.csv", "bad.json", "bad.toml", "bad.yaml", "bad.zip",
    ]  # fmt: skip


def test_what_is_nothing_of_the_kind(tmp_path: Path) -> None:
    with pytest.raises(NotADump):
        taken(tmp_path / "nowhere")
    (tmp_path / "x.exe").write_bytes(b"MZ" * 100)
    with pytest.raises(NotADump, match="known issues come as"):
        taken(tmp_path / "x.exe")


@pytest.mark.corpus
@pytest.mark.slow
def test_the_real_loldrivers(corpus: Path) -> None:
    """MANIFEST.tsv: "all 661 LOLDrivers driver records"; a tag and a hash read off the files themselves."""
    store, report = taken(corpus / "evidence" / "drivers" / "magicsword-io__LOLDrivers__yaml.tar.xz")
    assert (report.counts.added, report.faults, report.without) == (661, [], 0)
    assert [issue.id for issue in store.by_driver("atlAccess.sys")] == [
        "LOLDRIVERS-fb783760-cb3f-4cf4-b4ac-8edb756b9821"
    ]
    assert store.by_hash("c25cb17f5879e9c2fb4c91adb18e24b50a94738d5deb62a4189065bcf2c1d86b")
    assert {issue.id for issue in store.issues()} == {issue.id for issue in all_records()}, (
        "stale: make_known_issues.py"
    )


def test_the_shipped_tables() -> None:
    assert [issue.id for issue in records_of_driver("CAPCOM.SYS")] == [
        "LOLDRIVERS-b51c441a-12c7-407d-9517-559cc0030cf6"
    ]
    (record,) = records_of_hash("c25cb17f5879e9c2fb4c91adb18e24b50a94738d5deb62a4189065bcf2c1d86b")
    assert "atlaccess.sys" in record.drivers
    assert records_of_hash("") == records_of_hash("c2") == records_of_hash("\n") == []
    assert "CVE-2019-7630" in [issue.id for issue in cves_of_driver("gdrv.sys")]
    assert cves_of_driver("") == cves_of_driver("\ud800") == []


def test_a_vulnerable_driver_by_hash_and_by_name() -> None:
    """A name alone is never a match; a hash is one where the driver is also blamed."""
    module = ModuleSeen("capcom", "capcom.sys", "", 0, 0, 0)
    (record,) = records_of_driver("capcom.sys")
    file = Fact("file", "capcom.sys", record.hashes[0], "row")
    blamed = crash(module="capcom", image="capcom.sys", modules=(*MODULES, module))
    other = crash(modules=(*MODULES, module))
    for facts, files, kind in (
        (blamed, [file], MATCH),
        (blamed, [], POSSIBLE),
        (other, [file], NEAR_MISS),
        (other, [], None),
    ):
        found = {each.issue.id: each.kind for each in Library().matches(situation(facts, files))}
        assert found.get(record.id) == kind


HOSTILE: dict[str, bytes] = {
    "deep.json": b"[" * 100_000,
    "deep2.json": b'{"vulnerabilities": [' + b'{"a":' * 100_000,
    "string.json": b'["' + b"\\" * 2_000_001,
    "deep.yaml": b"KnownVulnerableSamples:\n" + b"".join(b" " * n + b"- a:\n" for n in range(200)),
    "dashes.yaml": b"KnownVulnerableSamples:\n" + b"- " * 50_000 + b"a",
    "quote.yaml": b'KnownVulnerableSamples: "' + b"x\n" * 100_000,
    "keys.yaml": b"KnownVulnerableSamples: 1\n" + b"a " * 300_000 + b":",
    "nul.yaml": b"KnownVulnerableSamples:\0\n\0",
    "lines.csv": b'Id,"' + b"a" * 6_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HOSTILE[name])
    store, _ = taken(tmp_path)
    assert len(store) == 0


def test_mutants(tmp_path: Path) -> None:
    chance = random.Random(7)
    samples = {
        "m.yaml": YAML.encode(),
        "m.json": json.dumps([RECORD, FEED]).encode(),
        "n.json": json.dumps(FEED).encode(),
    }
    for turn in range(600):
        name = chance.choice(sorted(samples))
        data = bytearray(samples[name])
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(len(data))
            data[place : place + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 4))
        (tmp_path / name).write_bytes(bytes(data) or b" ")
        taken(tmp_path / name)
        assert turn >= 0


def test_a_list_is_streamed_and_skipped() -> None:
    items: list[Any] = [{"n": number, "text": 'a "quoted" ] } \\ text'} for number in range(50)]
    view = BinaryView(json.dumps(items).encode(), "x.json")
    assert list(json_objects(view)) == items
    assert list(json_objects(view, b'"n": 7,')) == [items[7]]
    for bad in (b"7", b"[{]", b'["', b"[{} "):
        with pytest.raises(JsonError):
            list(json_objects(BinaryView(bad, "x")))


def test_yaml_is_read_as_the_standard_says() -> None:
    """YAML 1.2.2: 7.3 (flow scalars and their folding), 8.1 (block scalars), 8.2 (block collections)."""
    text = (
        "a: plain over\n  two lines # not this\nb: 'it''s'\nc: \"tab\\tx\"\nd: |\n  one\n  two\ne: >-\n  one\n  two\n"
        "f:\n- x\n- - y\n  - z\n- k: v\n  l: w\ng: [1, 'two', three]\nh: ~\ni: []\nj: {}\nk:\n  - deep: er\n"
        '"quoted key": yes\n? : no\n'
    )
    assert read_yaml(text.replace("? : no\n", "")) == {
        "a": "plain over two lines", "b": "it's", "c": "tab\tx", "d": "one\ntwo", "e": "one two",
        "f": ["x", ["y", "z"], {"k": "v", "l": "w"}], "g": ["1", "two", "three"], "h": "", "i": [], "j": {},
        "k": [{"deep": "er"}], "quoted key": "yes",
    }  # fmt: skip
    for bad in ("a: &x 1", "a: *x", "a: !t 1", "a: {b: c}", "a: 'open", "a: [open", "- a\nb: 1"):
        with pytest.raises(YamlError, match="line"):
            read_yaml(bad)
    assert read_yaml("") == ""
