"""The story's evidence, investigated as it is and with single pieces of it turned round: the conclusion follows.

Source: ../shared/story/README.md (its rows are named in the tests) and issue 5 section 8, for what must come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bugcheck.api.incident import investigate
from bugcheck.cases.investigate import Case
from bugcheck.hypotheses.hypothesis import Hypothesis, State
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import STOPS, Turns


@dataclass(frozen=True)
class Told:
    """What came out."""

    case: Case

    def of(self, start: str) -> Hypothesis:
        """The hypothesis whose key begins so."""
        return next(each for each in self.case.weighed.hypotheses if each.key.startswith(start))

    @property
    def first(self) -> Hypothesis:
        return self.case.weighed.hypotheses[0]

    @property
    def drivers(self) -> set[str]:
        """Drivers that are accused of a defect."""
        return {each.driver for each in self.case.weighed.hypotheses if each.id == "third_party_driver"}


def told(folder: Path, **turns: object) -> Told:
    write_story(folder, Turns(sparse=6, **turns))  # type: ignore[arg-type]
    return Told(investigate(folder, keep=False, known_issues=":memory:").case)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(tmp_path_factory.mktemp("story"))


def test_every_file_is_read(story: Told) -> None:
    assert len(story.case.evidence) == 25
    assert {each.quality.value for each in story.case.evidence} == {"complete"}
    assert not [each.path for each in story.case.evidence if each.kind == "unknown"]
    assert story.case.gaps == ()


def test_four_crashes_at_the_times_of_the_story(story: Told) -> None:
    found = [crash.time for crash in story.case.investigation.crashes]
    assert [time.strftime("%H:%M") for stop in STOPS for time in [stop.time]] == ["11:47", "16:20", "09:05", "19:03"]
    for time, stop in zip(found, STOPS, strict=True):
        assert time is not None
        assert abs(time - stop.time) <= timedelta(seconds=20), "event 6008 knows the time of a lost dump nearly"


def test_the_antivirus_conflict_comes_first(story: Told) -> None:
    """Rows 7 and 13: only the conflict predicts an update just before, and a logon from B."""
    assert story.first.id == "product_conflict"
    assert story.first.state is State.SUPPORTED
    assert "9.0" in story.first.title
    assert "10.0" in story.first.title
    assert "RapDrv.sys" in story.first.mechanism
    logon = next(each for each in story.first.predictions if each.topic == "logon before the crash")
    assert "nobody else" in logon.told


def test_the_drivers_defect_alone_stays_behind(story: Told) -> None:
    """Rows 9 to 12: RapDrv.sys is the direct cause, but an update goes before every crash."""
    defect = story.of("third_party_driver:RapDrv.sys")
    assert defect.state is State.NOT_ELIMINATED
    assert defect.log_odds < story.first.log_odds
    assert "against it: an update" in defect.decided_by


def test_three_candidates_are_ruled_out_for_the_storys_reasons(story: Told) -> None:
    """Rows 1, 2, 3, 5 and 10."""
    reasons = {
        "remote_attack": "known or local addresses",
        "other_host_interaction:services": "stopped the services of B",
        "other_host_interaction:jobs": "the jobs run at 01:00",
        "malware_or_tampering": "RapDrv.sys is unmodified: same as baseline",
    }
    for key, reason in reasons.items():
        assert story.of(key).state is State.ELIMINATED, key
        assert reason in story.of(key).decided_by
    files = story.of("malware_or_tampering").predictions[0].told
    assert "it is the build the dump had loaded; its code is unchanged in memory: 36,864 of 36,864" in files
    check = next(each for each in story.of("malware_or_tampering").predictions if each.topic == "virus check")
    assert check.weight < 0


def test_the_cve_is_a_near_miss(story: Told) -> None:
    """Row 12 and ../shared/facts/blackice.md: a write, not the read of NtOpenSection's argument."""
    issue = next(each for each in story.case.issues if each.id == "CVE-2006-4541")
    assert issue.kind == "near_miss"
    assert "RapDrv.sys was loaded" in issue.holds
    assert any("a write" in each and "not a read" in each for each in issue.fails)
    assert issue in story.case.issues[:3], "on the first screen"


def test_the_plan_is_the_administrators(story: Told) -> None:
    """Row 14: one version first; the watch over files is switched off only if it happens again."""
    first, second, *_ = story.case.plan.steps
    assert "one version" in first.text
    assert first.if_recurs == 2
    assert "Application Protection" in second.text
    watch = story.case.plan.watch
    assert watch.quiet is not None
    assert watch.quiet > timedelta(days=10)
    assert "4 crashes" in watch.basis
    test = story.case.weighed.next_test
    assert test is not None
    assert test.hypothesis == story.first.key


def test_an_attack_in_the_firewall_log(tmp_path: Path) -> None:
    found = told(tmp_path, attack=True)
    attack = found.of("remote_attack")
    assert attack.state is not State.ELIMINATED
    assert any("traffic from an unusual address" in each.told and each.weight > 0 for each in attack.predictions)


def test_a_driver_that_is_not_its_makers(tmp_path: Path) -> None:
    found = told(tmp_path, driver_changed=True)
    assert found.first.id == "malware_or_tampering"
    assert found.first.state is State.SUPPORTED
    assert "RapDrv.sys differs from baseline BlackICE-3.6.cbd.csv" in found.first.decided_by
    assert "a defect of RapDrv.sys" not in found.of("product_conflict:Symantec").title


def test_versions_that_are_equal(tmp_path: Path) -> None:
    found = told(tmp_path, versions_equal=True)
    conflict = found.of("product_conflict:Symantec")
    assert conflict.state is State.ELIMINATED
    assert "no difference" in conflict.decided_by
    assert found.first.id != "product_conflict"


def test_a_firewall_log_that_begins_too_late(tmp_path: Path) -> None:
    found = told(tmp_path, firewall_from=STOPS[-1].time + timedelta(minutes=10))
    attack = found.of("remote_attack")
    assert attack.state is not State.ELIMINATED
    strangers = next(each for each in attack.predictions if each.topic == "traffic from strangers")
    assert strangers.outcome.value == "untested"
    assert "15 minutes before the 4 crashes" in strangers.told
    assert "firewall log of A" in strangers.remedy


def test_dumps_that_blame_another_driver(tmp_path: Path) -> None:
    found = told(tmp_path, culprit="tcpip.sys")
    assert "rapdrv.sys" not in found.drivers
    assert "RapDrv" not in found.first.title
    issue = next((each for each in found.case.issues if each.id == "CVE-2006-4541"), None)
    assert issue is None or issue.kind != "match"


def test_a_driver_changed_in_memory_alone(tmp_path: Path) -> None:
    """The file is its maker's; the dump has a jump where the file has none."""
    found = told(tmp_path, patch=bytes.fromhex("e9fb250000"))
    tampering = found.of("malware_or_tampering")
    assert tampering.state is State.SUPPORTED
    assert "code of RapDrv in the dump differs from RapDrv.sys at RapDrv+0x3000" in tampering.decided_by
    assert found.of("third_party_driver:RapDrv.sys").log_odds < 0
    assert "a defect of RapDrv.sys" not in found.of("product_conflict:Symantec").title


def test_one_bit_changed_in_memory_is_no_tampering(tmp_path: Path) -> None:
    found = told(tmp_path, patch=b"\xcd")
    assert found.of("malware_or_tampering").state is not State.SUPPORTED
    bits = next(each for each in found.of("bad_memory").predictions if each.topic == "changed bits")
    assert "one bit of the code of RapDrv in the dump differs" in bits.told
    assert bits.weight > 0


def test_a_driver_whose_file_nobody_collected(tmp_path: Path) -> None:
    write_story(tmp_path, Turns(sparse=6))
    (tmp_path / "A" / "RapDrv.sys").unlink()
    case = investigate(tmp_path, keep=False, known_issues=":memory:").case
    assert Told(case).of("malware_or_tampering").state is not State.ELIMINATED
    (gap,) = case.gaps
    assert gap.what == "whether RapDrv.sys is what its maker made"
    assert "RapDrv.sys of A" in gap.remedy
