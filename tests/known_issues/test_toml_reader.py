"""Files of issues: what is taken, what is refused and why."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path

import pytest

from bugcheck.known_issues.condition import TESTS
from bugcheck.known_issues.condition import test_named as find_test
from bugcheck.known_issues.issue import Certainty, KnownIssue, Role
from bugcheck.known_issues.shipped import shipped_faults, shipped_issues, toml_files
from bugcheck.known_issues.toml_reader import FILE_LIMIT, read_toml

GOOD = """
[[issue]]
id = "TEAM-1"
title = "AcmeFilt 3.6 stops after a backup"
drivers = ["AcmeFilt.sys"]
text.zh = "备份后崩溃"
  [[issue.condition]]
  test = "driver_version"
  role = "scope"
  driver = "acmefilt.sys"
  version = ">=3.6, <3.7"
  [[issue.condition]]
  test = "any"
  not = true
  [[issue.condition.of]]
  test = "event_seen"
  kind = "backup"
  within = "1 hour"
  where = { program = ["a*", "b*"] }
  [[issue.condition.of]]
  test = "told"
  says = "a person saw it"
  [[issue.treatment]]
  text = "Update to 3.7"
  risk = "low"
  [[issue.check]]
  en = "Look at the version"
  [[issue.source]]
  name = "our own ticket 12"
"""


def test_a_good_entry() -> None:
    (issue,), faults = read_toml(GOOD.encode(), "team.toml")
    assert faults == []
    assert issue.drivers == ("acmefilt.sys",)
    assert issue.languages == ("en", "zh")
    assert issue.origin == "team.toml"
    assert issue.sources[0].certainty is Certainty.OWN
    first, second = issue.conditions
    assert first.role is Role.SCOPE
    assert second.negated
    assert second.parts[0].values["where"] == {"program": ("a*", "b*")}


BAD = {
    "unknown key versoin": ('title = "AcmeFilt', 'versoin = "1"\ntitle = "AcmeFilt'),
    "needs an id": ('id = "TEAM-1"', ""),
    "no test named": ('test = "driver_version"', 'test = "driver_versions"'),
    "unknown key drivr": ('driver = "acmefilt.sys"', 'drivr = "acmefilt.sys"'),
    "needs driver": ('driver = "acmefilt.sys"', ""),
    "no range": ('">=3.6, <3.7"', '">= , < "'),
    "role is one of": ('role = "scope"', 'role = "scop"'),
    "not must be": ("not = true", 'not = "yes"'),
    "needs says": ('says = "a person saw it"', ""),
    "certainty is one of": ('name = "our own ticket 12"', 'name = "x"\ncertainty = "sure"'),
    "drivers must be a text": ('["AcmeFilt.sys"]', "[1]"),
    "treatment needs a text": ('text = "Update to 3.7"', ""),
    "it is no TOML": ("[[issue]]", "[[issue"),
    "unknown key other": ("[[issue]]", "other = 1\n[[issue]]"),
}


@pytest.mark.parametrize("what", BAD)
def test_faults_are_told(what: str) -> None:
    old, new = BAD[what]
    assert old in GOOD
    _, faults = read_toml(GOOD.replace(old, new, 1).encode(), "team.toml")
    assert any(what in fault.what for fault in faults), faults


def test_one_bad_entry_does_not_cost_the_others() -> None:
    bad = GOOD.replace("driver_version", "no_such_test").replace("TEAM-1", "TEAM-2")
    issues, faults = read_toml((bad + GOOD).encode(), "team.toml")
    assert [issue.id for issue in issues] == ["TEAM-1"]
    assert [fault.where for fault in faults] == ["entry 1, TEAM-2"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"issue = 1",
        b"issue = [1, 2]",
        b"[[issue]]\nid = 3\ntitle = 4",
        b'[[issue]]\nid = "a"\ntitle = ["x"]',
        b'[[issue]]\nid = "a"\ntitle = "x"\ncondition = {test = "bugcheck"}',
        b'[[issue]]\nid = "a"\ntitle = "x"\ncondition = [1]',
        b"x = " + b"[" * 5000,
        b"a" * (FILE_LIMIT + 1),
        b'[[issue]]\nid = "a"\ntitle = "' + b"x" * 30_000 + b'"',
    ],
)
def test_nonsense_is_refused_in_words(data: bytes) -> None:
    issues, faults = read_toml(data, "x.toml")
    assert issues == []
    assert faults


def test_mutants() -> None:
    chance = random.Random(5)
    data = GOOD.encode()
    for _ in range(1500):
        mutant = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(mutant))
            mutant[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        issues, faults = read_toml(bytes(mutant), "x.toml")
        assert isinstance(issues, list)
        assert all(fault.what for fault in faults)


def test_the_shipped_files_have_no_faults() -> None:
    assert shipped_faults() == []
    assert len(shipped_issues()) >= 60


def test_shipped_entries_are_whole() -> None:
    """Every entry is told in English, has a source and says how certain that is; ids are unique; file names are."""
    ids = [issue.id for issue in shipped_issues()]
    assert len(ids) == len(set(ids))
    for issue in shipped_issues():
        assert issue.title.get("en"), issue.id
        assert issue.sources, issue.id
        assert all(source.certainty is not Certainty.OWN for source in issue.sources), issue.id
        assert issue.conditions, issue.id
        assert any(condition.role is not Role.SCOPE for condition in issue.conditions), issue.id
        assert set(issue.near_miss_of) <= set(ids), issue.id
    for file in toml_files():
        assert "Source:" in file.read_text("utf-8").partition("[[issue]]")[0], file.name


def test_shipped_conditions_read_as_lists() -> None:
    """A number where hexadecimal text is meant ("8E") would be read as another code."""
    for file in toml_files():
        for entry in tomllib.loads(file.read_text("utf-8"))["issue"]:
            for condition in entry["condition"]:
                if condition["test"] == "bugcheck":
                    codes = condition["code"] if isinstance(condition["code"], list) else [condition["code"]]
                    assert all(isinstance(code, str) for code in codes), entry["id"]


def test_a_shipped_issue_names_what_can_be_searched() -> None:
    named: list[KnownIssue] = [
        issue for issue in shipped_issues() if issue.drivers or issue.products or issue.bugchecks
    ]
    assert len(named) == len(shipped_issues())
    assert find_test("driver_loaded") is not None


def test_the_guide_and_the_reference_say_what_is_true() -> None:
    """The guide's entry is taken as it stands; the reference lists every test with its values."""
    docs = Path(__file__).resolve().parents[2] / "docs"
    guide = (docs / "how-to" / "add-a-known-issue.md").read_text("utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    issues, faults = read_toml(block.encode(), "guide")
    assert faults == []
    assert [issue.id for issue in issues] == ["ACME-17"]
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]*) \|", (docs / "reference" / "known-issues.md").read_text("utf-8"), re.MULTILINE
    )
    listed = {name: set(re.findall(r"\w+", values)) for name, values in rows}
    for test in TESTS:
        assert listed[test.name] == {*test.needs, *test.may}, test.name
