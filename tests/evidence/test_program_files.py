"""Program files, catalogs and baselines → facts; facts → what became of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bugcheck.api import analyze
from bugcheck.evidence.evidence import Fact, ModuleSeen
from bugcheck.evidence.integrity import FileState, FileVerdict, file_verdicts
from tests.evidence.samples_of import facts, gaps, read, sample, source_of
from tests.evidence.test_firewalls import corpus_source

RAPDRV_SHA256 = "b9112bcc41fb9f0103f8db14433db674838d6852159da28cd3ed25ae27fb3caa"


def story_driver(shared: Path) -> list[Fact]:
    path = shared / "story" / "RapDrv.sys"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return facts(read(corpus_source(path), "program_file"))


def story_modules(shared: Path) -> list[ModuleSeen]:
    analysis = analyze(shared / "story" / "story.dmp", hash_file=False)
    return [
        ModuleSeen(each.name, each.image, each.path, each.time_date_stamp, each.size, each.checksum)
        for each in analysis.machine.modules
    ]


def judged(file_facts: list[Fact], *others: Fact, modules: list[ModuleSeen] | None = None) -> FileVerdict:
    (verdict,) = file_verdicts([*file_facts, *others], modules or [])
    return verdict


def baseline(name: str, sha256: str, version: str = "") -> Fact:
    fields = {"source": "known-good.csv"} | ({"version": version} if version else {})
    return Fact("baseline_file", name, sha256, "line 2", fields)


def test_the_storys_driver_is_the_build_the_dump_had_loaded(shared: Path) -> None:
    """../shared/story/README.md: module RapDrv with time stamp 3f99bc4f."""
    file, signature = story_driver(shared)
    assert (file.value, file.fields["stamp"], file.fields["checksum_ok"]) == (RAPDRV_SHA256, "3f99bc4f", "yes")
    assert signature.value == "unsigned"
    module = next(each for each in story_modules(shared) if each.name == "RapDrv")
    assert (int(file.fields["image_size"], 16), int(file.fields["checksum"], 16)) == (module.size, module.checksum)
    alone = judged([file, signature], modules=[module])
    assert (alone.state, alone.is_loaded_build) == (FileState.UNKNOWN, True)
    verdict = judged([file, signature], baseline("rapdrv.sys", RAPDRV_SHA256), modules=[module])
    assert verdict.state is FileState.UNMODIFIED
    assert verdict.text == (
        "RapDrv.sys is unmodified: same as baseline known-good.csv; it is the build the dump had loaded"
    )
    assert [fact.kind for fact in verdict.citations] == ["file", "baseline_file"]


def test_a_driver_that_was_replaced(shared: Path) -> None:
    file, signature = story_driver(shared)
    module = next(each for each in story_modules(shared) if each.name == "RapDrv")
    changed = judged([file, signature], baseline("RapDrv.sys", "0" * 64), modules=[module])
    assert changed.state is FileState.DIFFERS
    assert changed.text.startswith("RapDrv.sys differs from baseline known-good.csv: another hash")
    other = judged([file, signature], modules=[replace(module, stamp=1, checksum=2)])
    assert other.is_loaded_build is False
    assert "it is not the build the dump had loaded (time stamp, checksum differ)" in other.text


def test_a_baseline_of_another_version_says_nothing_of_tampering() -> None:
    file = Fact("file", "a.sys", "1" * 64, "", {"version": "1.0.0.1"})
    verdict = judged([file], baseline("a.sys", "2" * 64, "1.0.0.2"))
    assert verdict.state is FileState.UNKNOWN
    assert "only other versions (1.0.0.2)" in verdict.text
    both = judged([file], baseline("a.sys", "2" * 64, "1.0.0.2"), baseline("a.sys", "1" * 64, "1.0.0.1"))
    assert both.state is FileState.UNMODIFIED


def test_signatures_and_catalogs_speak() -> None:
    file = Fact("file", "a.sys", "1" * 64, "", {"authentihash_sha1": "AB" * 20})
    valid = Fact("file_signature", "a.sys", "valid", "", {"signer": "Example Ltd"})
    listed = Fact("catalog_entry", "", "ab" * 20, "", {"catalog": "a.cat", "signer": "Vendor", "verdict": "valid"})
    assert judged([file, valid], baseline("a.sys", "1" * 64)).text == (
        "a.sys is unmodified: same as baseline known-good.csv and signed by Example Ltd"
    )
    unsigned = Fact("file_signature", "a.sys", "unsigned", "", {})
    assert judged([file, unsigned], listed).text == "a.sys is unmodified: signed by Vendor in catalog a.cat"
    broken = Fact("file_signature", "a.sys", "broken", "", {"signer": "Example Ltd", "reason": "its bytes changed"})
    assert judged([file, broken]).state is FileState.BROKEN
    untrusted = Fact("file_signature", "a.sys", "untrusted", "", {"signer": "X", "reason": "its chain ends at Y"})
    assert judged([file, untrusted]).state is FileState.UNKNOWN
    weak = replace(listed, fields={**listed.fields, "verdict": "unsigned"})
    assert judged([file], weak).state is FileState.UNKNOWN


def test_a_weaker_hash_is_enough_where_the_baseline_has_no_other() -> None:
    file = Fact("file", "a.sys", "1" * 64, "", {"sha1": "a" * 40, "md5": "b" * 32})
    by_sha1 = Fact("baseline_file", "a.sys", "", "line 1", {"sha1": "A" * 40, "source": "list"})
    assert judged([file], by_sha1).state is FileState.UNMODIFIED
    assert judged([file], replace(by_sha1, fields={"md5": "c" * 32})).state is FileState.DIFFERS


def test_two_files_of_one_name_keep_their_own_signatures() -> None:
    first, second = (Fact("file", "a.sys", digit * 64, "", {"path": f"{digit}/a.sys"}) for digit in "12")
    signatures = [Fact("file_signature", "a.sys", word, "", {"signer": "E"}) for word in ("valid", "broken")]
    verdicts = file_verdicts([first, signatures[0], second, signatures[1]])
    assert [verdict.state for verdict in verdicts] == [FileState.UNMODIFIED, FileState.BROKEN]
    assert [verdict.path for verdict in verdicts] == ["1/a.sys", "2/a.sys"]


def test_a_signed_driver_and_its_catalog() -> None:
    file, signature = facts(read(sample("program_file--example.sys"), "program_file"))
    assert file.fields["version"] == "1.2.3.4"
    assert (file.fields["vendor"], file.fields["type"]) == ("Example Software Ltd", "driver")
    assert (signature.value, signature.fields["root"]) == ("untrusted", "Example Root")
    entries = facts(read(sample("catalog_file--example.cat"), "catalog_file"), "catalog_entry")
    assert [entry.name for entry in entries] == ["example.sys", "example.inf"]
    assert entries[0].fields["signer"] == "Example Software Ltd"


def test_a_patched_file_has_the_wrong_checksum() -> None:
    data = bytearray((sample("program_file--example.sys")).view.read(0, sample("program_file--example.sys").size))
    data[0x410] ^= 0xFF
    records = read(source_of(bytes(data), "example.sys"), "program_file")
    file, signature = facts(records)
    assert (file.fields["checksum_ok"], signature.value) == ("no", "broken")
    assert any(gap.damage and "checksum" in gap.what for gap in gaps(records))


@pytest.mark.parametrize("name", ["SHA256SUMS", "get-filehash.txt", "sigcheck.csv", "certutil.txt"])
def test_baselines_of_all_tools_name_the_same_file(name: str) -> None:
    first, *rest = facts(read(sample(f"baseline_list--{name}"), "baseline_list"))
    assert first.name == "example.sys"
    assert (first.value or RAPDRV_SHA256) == RAPDRV_SHA256
    assert first.value or first.fields["sha1"] == "bf0aac95bd63f24c2b75cacdccc4c0f69c9576a0"
    assert not rest or rest[0].name == "other.sys"
    assert not gaps(read(sample(f"baseline_list--{name}")))


def test_a_list_of_bad_files_is_no_baseline() -> None:
    text = f"Vulnerable driver,SHA256\na.sys,{'1' * 64}\n"
    from bugcheck.evidence.evidence import parser_of

    assert parser_of(source_of(text.encode(), "drivers.csv")) is None


@pytest.mark.parametrize(
    "text",
    [
        f"file\tsha256\tsize\trepo\tpath\na.sys\t{'1' * 64}\t1\tx/y\ta.sys\n",  # where samples were taken from
        f"{'1' * 64}  System.evtx\n{'2' * 64}  notes.toml\n{'3' * 64}  MEMORY.DMP\n",  # a collection of evidence
        f"name,sha256\nfirewall.log,{'1' * 64}\n",
    ],
)
def test_a_list_of_other_files_is_no_baseline(text: str) -> None:
    from bugcheck.evidence.evidence import parser_of

    assert parser_of(source_of(text.encode(), "SHA256SUMS")) is None
