"""How hypotheses are weighed: log-odds by hand, states, groups, people's judgements, and rules without any evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bugcheck.evidence.evidence import CrashSeen, Event, Fact, ModuleSeen, Record, Span
from bugcheck.hypotheses.hypothesis import HYPOTHESES, Hypothesis, HypothesisRule, Outcome, Prediction, State
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.weighing import weigh
from tests.timeline.cases import timeline_with

T = datetime(2006, 4, 19, 11, 3, tzinfo=UTC)
NEEDS_MORE = ("own", "other_host_interaction", "product_conflict")
"""Rules that have nothing to say of one dump: they need a person, a second host, products."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
UPDATE_KINDS = frozenset(["antivirus_update", "software_installed"])


def prediction(weight: float, **more: object) -> Prediction:
    outcome = Outcome.OBSERVED if weight > 0 else Outcome.CONTRADICTED if weight < 0 else Outcome.UNTESTED
    return Prediction("t", "e", outcome, "told", weight, 1.0, -1.0, **more)  # type: ignore[arg-type]


def crash(time: datetime = T, **more: object) -> CrashSeen:
    values: dict[str, object] = {
        "time": time, "code": 0x8E, "name": "KERNEL_MODE_EXCEPTION_NOT_HANDLED", "parameters": (0xC0000005, 1, 2, 0),
        "signature": "8e|RapDrv", "bucket": "0x8E_RapDrv+9785", "headline": "RapDrv.sys wrote to null.",
        "level": "high", "confidence": 0.8, "category": "driver", "module": "RapDrv", "image": "RapDrv.sys",
        "process": "blackice.exe", "uptime": 3600.0, "manual": False,
        "modules": (ModuleSeen("RapDrv", "RapDrv.sys", "RapDrv.sys", 0x3F99BC4F, 0xE000, 0),), "unloaded": (),
        "stack": ("RapDrv+0x9785", "RapDrv+0x5a20", "nt!NtDeviceIoControlFile+0x2a"), "findings": (),
        "where": "the dump",
    }  # fmt: skip
    return CrashSeen(**{**values, **more})  # type: ignore[arg-type]


def investigated(files: dict[str, list[Record]]) -> dict[str, Hypothesis]:
    weighed = weigh(Investigation(timeline_with(files, hosts={path: path.partition("/")[0] for path in files})))
    assert weighed.gaps == ()
    return {each.key: each for each in weighed.hypotheses}


def test_log_odds_add_up_by_hand() -> None:
    found = Hypothesis("x", "x", "", "", -1.0, (prediction(1.5), prediction(-0.4), prediction(0)))
    assert found.log_odds == 0.1
    assert found.state is State.NOT_ELIMINATED


def test_one_observation_counts_once() -> None:
    pair = (prediction(1.0, group="g"), prediction(1.5, group="g"))
    assert Hypothesis("x", "x", "", "", 0.0, pair).log_odds == 1.5


def test_what_is_necessary_eliminates() -> None:
    found = Hypothesis("x", "x", "", "", 5.0, (prediction(2.0), prediction(-0.1, necessary=True)))
    assert found.state is State.ELIMINATED
    assert found.decided_by == "told"


def test_untested_is_neither() -> None:
    assert Hypothesis("x", "x", "", "", 3.0, (prediction(0),)).state is State.UNTESTED


@pytest.mark.parametrize("rule", list(HYPOTHESES), ids=lambda rule: rule.name)
def test_every_rule_survives_an_empty_case(rule: HypothesisRule) -> None:
    assert list(rule.propose(Investigation(timeline_with({})))) == []


@pytest.mark.parametrize("rule", list(HYPOTHESES), ids=lambda rule: rule.name)
def test_every_rule_meets_a_lone_dump(rule: HypothesisRule) -> None:
    investigation = Investigation(timeline_with({"A/x.dmp": [crash()]}, hosts={"A/x.dmp": "A"}))
    proposed = list(rule.propose(investigation))
    assert bool(proposed) is (rule.name not in NEEDS_MORE)
    for found in proposed:
        assert found.predictions
        for each in found.predictions:
            assert (each.outcome is Outcome.UNTESTED) == (each.weight == 0)


# --- the story's candidates, in small ---


def story(*, versions: tuple[str, str] = ("9.0.0", "10.0.0"), updates: bool = True) -> dict[str, list[Record]]:
    update = Event(
        T - 3 * MINUTE, "antivirus_update", "Symantec AntiVirus 9.0: LiveUpdate", "line 1", "Symantec AntiVirus"
    )
    files: dict[str, list[Record]] = {
        "A/x.dmp": [crash()],
        "A/software": [Fact("software", "Symantec AntiVirus", versions[0], "key")],
        "B/software": [Fact("software", "Symantec AntiVirus", versions[1], "key")],
        "A/av.log": [Span(T - 20 * DAY, T, UPDATE_KINDS), *([update] if updates else [])],
    }
    return files


def test_two_versions_that_update_each_other() -> None:
    found = next(each for key, each in investigated(story()).items() if key.startswith("product_conflict"))
    assert found.state is State.SUPPORTED
    assert [each.outcome for each in found.predictions[:2]] == [Outcome.OBSERVED, Outcome.OBSERVED]


def test_equal_versions_eliminate_the_conflict() -> None:
    files = story(versions=("10.0.0", "10.0.2"))
    found = next(each for key, each in investigated(files).items() if key.startswith("product_conflict"))
    assert found.state is State.ELIMINATED
    assert "no difference" in found.decided_by


@pytest.mark.parametrize(("whose", "outcome"), [
    ("Symantec AntiVirus", Outcome.CONTRADICTED), ("McAfee VirusScan", Outcome.UNTESTED),
])  # fmt: skip
def test_another_products_log_says_nothing_by_its_silence(whose: str, outcome: Outcome) -> None:
    files = story(updates=False)
    files["A/av.log"].append(Event(T - 9 * DAY, "antivirus_scan", "scan complete", "line 1", whose))
    found = next(e for key, e in investigated(files).items() if key.startswith("product_conflict"))
    update = next(each for each in found.predictions if each.topic == "update before the crash")
    assert update.outcome is outcome


def test_no_update_speaks_against_the_conflict() -> None:
    found = next(e for key, e in investigated(story(updates=False)).items() if key.startswith("product_conflict"))
    assert found.state is not State.SUPPORTED


def test_an_attack_is_eliminated_only_by_a_log_that_covers_the_time() -> None:
    flow = Event(T - 2 * DAY, "firewall_allow", "flow", "line 1", fields={"source": "10.0.0.2", "target": "10.0.0.1"})
    kinds = frozenset(["firewall_allow", "firewall_drop", "attack"])
    covered: list[Record] = [Span(T - 3 * DAY, T + DAY, kinds), flow]
    found = investigated({"A/x.dmp": [crash()], "A/fw.log": covered})["remote_attack"]
    assert found.state is State.ELIMINATED
    early: list[Record] = [Span(T - 3 * DAY, T - DAY, kinds), flow]
    found = investigated({"A/x.dmp": [crash()], "A/fw.log": early})["remote_attack"]
    assert found.state is State.NOT_ELIMINATED


def test_an_attack_in_the_log_is_no_longer_eliminated() -> None:
    kinds = frozenset(["firewall_allow", "firewall_drop", "attack"])
    probe = Event(T - MINUTE, "attack", "TCP port scan", "line 2", fields={"source": "203.0.113.9"})
    found = investigated({"A/x.dmp": [crash()], "A/fw.log": [Span(T - 9 * DAY, T, kinds), probe]})["remote_attack"]
    assert found.state is not State.ELIMINATED
    assert found.log_odds > -1


def test_jobs_at_other_times_are_eliminated() -> None:
    task = Fact("scheduled_task", "copy to A", "xcopy C:\\data \\\\A\\backup", "row 1", {"schedule": "01:00"})
    other = Fact("scheduled_task", "defragment", "defrag.exe c:", "row 1", {"schedule": "02:00"})
    files: dict[str, list[Record]] = {"A/x.dmp": [crash()], "B/tasks.csv": [task], "A/tasks.csv": [other]}
    found = investigated(files)["other_host_interaction:jobs with B"]
    assert found.state is State.ELIMINATED
    assert "01:00" in found.decided_by


@pytest.mark.parametrize(
    ("schedule", "listed", "reason"),
    [
        ("At 01:00 every day", False, "the tasks of A are not listed"),
        ("Hourly 01:00", True, "copy to A runs at other times too"),
    ],
)
def test_jobs_are_not_eliminated_by_half_a_list(schedule: str, listed: bool, reason: str) -> None:
    task = Fact("scheduled_task", "copy to A", "xcopy C:\\data \\\\A\\backup", "row 1", {"schedule": schedule})
    other = Fact("scheduled_task", "defragment", "defrag.exe c:", "row 1", {"schedule": "02:00"})
    files: dict[str, list[Record]] = {"A/x.dmp": [crash()], "B/tasks.csv": [task], "A/x": [other] if listed else []}
    found = investigated(files)["other_host_interaction:jobs with B"]
    assert found.state is State.NOT_ELIMINATED
    assert reason in found.predictions[0].told


def test_a_crash_after_the_services_were_stopped_eliminates_them() -> None:
    stopped = Event(
        T - DAY,
        "action",
        "stopped DNS and DHCP on B",
        "[[action]] 1",
        fields={"treats": "other_host_interaction:services"},
    )
    files: dict[str, list[Record]] = {"A/x.dmp": [crash()], "B/services": [Fact("service", "DNS", "stopped", "l")]}
    assert investigated(files)["other_host_interaction:services of B"].state is State.NOT_ELIMINATED
    found = investigated({**files, "A/notes": [stopped]})["other_host_interaction:services of B"]
    assert found.state is State.ELIMINATED


def test_a_file_that_differs_from_its_baseline() -> None:
    def files(digest: str) -> dict[str, list[Record]]:
        return {
            "A/x.dmp": [crash()],
            "A/RapDrv.sys": [
                Fact("file", "RapDrv.sys", digest, "file", {"stamp": "0x3f99bc4f", "image_size": "0xe000"})
            ],
            "A/baseline": [Fact("baseline_file", "RapDrv.sys", "aa" * 32, "line 1", {"source": "the vendor's list"})],
        }

    negative = Fact("check_result", "virus scan", "negative", "[[check]] 1", {"about": "malware_or_tampering"})
    alone = investigated(files("aa" * 32))["malware_or_tampering"]
    assert alone.state is State.NOT_ELIMINATED, "a clean driver does not speak for whoever calls it"
    found = investigated({**files("aa" * 32), "A/notes": [negative]})["malware_or_tampering"]
    assert found.state is State.ELIMINATED
    found = investigated(files("bb" * 32))["malware_or_tampering"]
    assert found.state is not State.ELIMINATED
    assert found.log_odds > 0


def test_a_person_overrules_with_a_reason() -> None:
    said = Fact(
        "judgement", "remote_attack", "eliminated", "[[judgement]] 1",
        {"state": "eliminated", "reason": "the line was unplugged", "who": "admin"},
    )  # fmt: skip
    found = investigated({"A/x.dmp": [crash()], "A/notes": [said]})["remote_attack"]
    assert found.state is State.ELIMINATED
    assert "unplugged" in found.decided_by


def test_a_persons_own_hypothesis_is_weighed_like_the_others() -> None:
    fields = {"event": "disk_error", "before_minutes": "10", "weight": "3"}
    records: list[Record] = [
        Fact("hypothesis", "cable", "a loose cable", "[[hypothesis]] 1", {"prior": "-1.0"}),
        Fact("expectation", "cable", "disk_error", "[[hypothesis]] 1 expects 1", fields),
        Event(T - 5 * MINUTE, "disk_error", "disk 0: bad block", "record 1"),
        Span(T - 30 * DAY, T, frozenset(["disk_error"])),
    ]
    found = investigated({"A/x.dmp": [crash()], "A/n": records})["cable"]
    assert found.state is State.SUPPORTED
    assert found.log_odds == 2.0


@pytest.mark.parametrize(("result", "weight"), [
    ("negative: none of the files it names", -1.5), ("no errors found", -1.5), ("passed 8 passes", -1.5),
    ("ok", -1.5), ("without errors", -1.5), ("0 errors", -1.5), ("0 infected", -1.5), ("未发现异常", -1.5),
    ("3 errors in module B", 3.0), ("Positive", 3.0), ("10 errors", 3.0), ("it failed in the second pass", 3.0),
    ("发现坏块", 3.0), ("unknown", None), ("still running", None),
])  # fmt: skip
def test_the_words_of_a_check(result: str, weight: float | None) -> None:
    """A memory test: 3.0 for errors, -1.5 for none; a result nobody understands leaves it untested."""
    check = Fact("check_result", "memory test", result, "[[check]] 1", {"about": "bad_memory", "by": "Ann"})
    found = investigated({"A/x.dmp": [crash()], "A/notes": [check]})["bad_memory"]
    tested = next(each for each in found.predictions if each.topic == "memory test")
    assert tested.weight == (weight or 0)
    assert (tested.outcome is Outcome.UNTESTED) is (weight is None)


def test_the_next_test_is_the_one_expected_to_change_most() -> None:
    """By hand: two weights fix how likely an outcome is; a dump tests several predictions at once."""
    weighed = weigh(Investigation(timeline_with({"A/x.dmp": [crash()]}, hosts={"A/x.dmp": "A"})))
    assert weighed.next_test is not None
    assert weighed.next_test.hypothesis == "third_party_driver:RapDrv.sys"
    event = Event(T, "bugcheck", "stopped", "record 1", fields={"code": "0x8e", "parameters": "0x1 0x2 0x3 0x4"})
    weighed = weigh(Investigation(timeline_with({"A/log": [event]}, hosts={"A/log": "A"})))
    assert weighed.next_test is not None
    assert "MEMORY.DMP" in weighed.next_test.how


def test_the_state_of_what_a_person_says_and_takes_back() -> None:
    from bugcheck.hypotheses.hypothesis import Judgement

    found = Hypothesis("x", "x", "", "", 1.0, (prediction(1.5),))
    assert found.state is State.SUPPORTED
    said = (Judgement("a", "r", State.ELIMINATED, 0, at="1"), Judgement("b", "s", None, -4.0, at="2"))
    overruled = Hypothesis("x", "x", "", "", 1.0, (prediction(1.5),), said)
    assert (overruled.state, overruled.log_odds, overruled.decided_by) == (State.ELIMINATED, -1.5, "a: r")
    taken = tuple(Judgement(each.by, each.reason, each.state, each.add, withdrawn=True) for each in said)
    back = Hypothesis("x", "x", "", "", 1.0, (prediction(1.5),), (*taken, Judgement("a", "t", takes_back=True)))
    assert (back.state, back.log_odds) == (found.state, found.log_odds)
