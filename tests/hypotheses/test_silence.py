"""What silence means: a source that does not cover the time of a crash eliminates nothing for it.

Source: issue 5 sections 1 and 4 ("contradicted (the source covers the window and shows otherwise), or untested").
"""

from __future__ import annotations

import pytest

from bugcheck.evidence.evidence import Event, Fact, FindingSeen, Record, Span
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, Prediction, State
from tests.hypotheses.test_weighing import DAY, MINUTE, T, crash, investigated

TRAFFIC = frozenset(["firewall_allow", "firewall_drop", "attack"])
INSTALLS = ("driver_installed", "update_installed", "software_installed")


def of(found: Hypothesis, topic: str) -> Prediction:
    return next(each for each in found.predictions if each.topic == topic)


def two_crashes() -> dict[str, list[Record]]:
    return {"A/x.dmp": [crash()], "A/y.dmp": [crash(T - 20 * DAY)]}


# --- an attack: every crash it is ruled out for must be covered ---


@pytest.mark.parametrize(("first_day", "state"), [(30, State.ELIMINATED), (3, State.NOT_ELIMINATED)])
def test_an_attack_is_ruled_out_only_for_crashes_a_log_covers(first_day: int, state: State) -> None:
    log: list[Record] = [Span(T - first_day * DAY, T, TRAFFIC)]
    found = investigated({**two_crashes(), "A/fw.log": log})["remote_attack"]
    assert found.state is state
    strangers = of(found, "traffic from strangers")
    if state is State.ELIMINATED:
        assert strangers.silent == ()
        return
    assert strangers.silent == (T - 20 * DAY,)
    assert "before 1 of 2 crashes" in strangers.told
    assert "rules it out for that crash alone" in strangers.told
    assert "nothing speaks for the other crash" in strangers.told
    assert strangers.weight == -0.75, "half of what the whole would count"
    assert "firewall log of A" in strangers.remedy


def test_a_log_of_dropped_packets_alone_rules_out_nothing() -> None:
    log: list[Record] = [Span(T - 30 * DAY, T, frozenset(["firewall_drop"]))]
    found = investigated({**two_crashes(), "A/fw.log": log})["remote_attack"]
    assert found.state is State.NOT_ELIMINATED
    assert "what was let in is not logged" in of(found, "traffic from strangers").told


def test_a_crash_whose_time_is_not_known_is_not_covered() -> None:
    log: list[Record] = [Span(T - 30 * DAY, T, TRAFFIC)]
    files: dict[str, list[Record]] = {"A/x.dmp": [crash()], "A/y.dmp": [crash(None, parameters=(1, 2, 3, 4))]}  # type: ignore[arg-type]
    found = investigated({**files, "A/fw.log": log})["remote_attack"]
    assert found.state is State.NOT_ELIMINATED


# --- jobs: the records of the host and the kind that told of the runs ---


@pytest.mark.parametrize(("host", "state"), [("B", State.ELIMINATED), ("A", State.UNTESTED)])
def test_jobs_are_ruled_out_by_the_records_that_tell_of_them(host: str, state: State) -> None:
    run = Event(T - 9 * DAY, "task_run", "copy to A", "line 1", fields={"task": "copy to A"})
    spans: list[Record] = [Span(T - 30 * DAY, T, frozenset(["task_run"]))]
    files: dict[str, list[Record]] = {"A/x.dmp": [crash()], "B/tasks.log": [run], f"{host}/more.log": spans}
    found = investigated(files)["other_host_interaction:jobs with B"]
    assert found.state is state


# --- a recent change: drivers, updates and programs ---


@pytest.mark.parametrize(("kinds", "state"), [(INSTALLS, State.ELIMINATED), (INSTALLS[2:], State.NOT_ELIMINATED)])
def test_no_change_needs_every_kind_of_change_covered(kinds: tuple[str, ...], state: State) -> None:
    log: list[Record] = [Span(T - 60 * DAY, T, frozenset(kinds))]
    found = investigated({"A/x.dmp": [crash()], "A/app.log": log})["recent_change"]
    assert found.state is state
    told = of(found, "change before the first crash").told
    assert ("nothing speaks for drivers or updates" in told) is (state is State.NOT_ELIMINATED)


@pytest.mark.parametrize("kinds", [("boot",), ("bugcheck",)])
def test_a_quiet_month_needs_boots_and_bug_checks_covered(kinds: tuple[str, ...]) -> None:
    log: list[Record] = [Span(T - 60 * DAY, T, frozenset(kinds))]
    found = investigated({"A/x.dmp": [crash()], "A/sys.log": log})["recent_change"]
    assert of(found, "quiet before").outcome is Outcome.UNTESTED


# --- hardware: the crashed host's own records ---


@pytest.mark.parametrize("rule", ["cpu_or_firmware", "bad_memory"])
def test_hardware_errors_of_another_host_say_nothing(rule: str) -> None:
    error = Event(T - MINUTE, "whea_error", "memory error", "record 1", fields={"component": "memory"})
    topic = "memory errors reported" if rule == "bad_memory" else "hardware errors reported"
    elsewhere = investigated(
        {"A/x.dmp": [crash()], "B/sys.log": [error, Span(T - 9 * DAY, T, frozenset(["whea_error"]))]}
    )
    assert of(elsewhere[rule], topic).outcome is Outcome.UNTESTED
    here = investigated({"A/x.dmp": [crash()], "A/sys.log": [error, Span(T - 9 * DAY, T, frozenset(["whea_error"]))]})
    assert of(here[rule], topic).outcome is Outcome.OBSERVED


@pytest.mark.parametrize(("kinds", "outcome"), [
    (("disk_error", "file_system_error"), Outcome.CONTRADICTED),
    (("disk_error",), Outcome.UNTESTED),
])  # fmt: skip
def test_disk_errors_are_missed_only_where_they_would_be_told(kinds: tuple[str, ...], outcome: Outcome) -> None:
    log: list[Record] = [Span(T - 9 * DAY, T, frozenset(kinds))]
    found = investigated({"A/x.dmp": [crash()], "A/sys.log": log})["failing_disk"]
    assert of(found, "disk errors").outcome is outcome


@pytest.mark.parametrize(("end", "outcome"), [(0, Outcome.CONTRADICTED), (1, Outcome.UNTESTED)])
def test_shortage_is_missed_only_up_to_the_crash(end: int, outcome: Outcome) -> None:
    log: list[Record] = [Span(T - 9 * DAY, T - end * MINUTE, frozenset(["memory_low"]))]
    found = investigated({"A/x.dmp": [crash()], "A/sys.log": log})["resource_exhaustion"]
    assert of(found, "warnings of shortage").outcome is outcome


def test_power_is_not_ruled_out_by_bug_checks() -> None:
    """A supply that sags, or heat, makes a processor err: such a machine does write bug checks."""
    found = investigated({"A/x.dmp": [crash()]})["power_or_thermal"]
    assert found.state is State.NOT_ELIMINATED
    assert of(found, "stops without a bug check").outcome is Outcome.CONTRADICTED


# --- two hosts that crash: each is held against its own records ---


def test_each_crash_is_held_against_its_own_hosts_records() -> None:
    kinds = frozenset(["disk_error", "file_system_error"])
    error = Event(T - MINUTE, "disk_error", "disk 0: bad block", "record 1")
    files: dict[str, list[Record]] = {
        "A/x.dmp": [crash()],
        "B/y.dmp": [crash(T - 5 * DAY)],
        "A/sys.log": [error, Span(T - 30 * DAY, T, kinds)],
        "B/sys.log": [Span(T - 30 * DAY, T, kinds)],
    }
    assert "before 1 of 2 crashes" in of(investigated(files)["failing_disk"], "disk errors").told
    del files["B/sys.log"]
    found = of(investigated(files)["failing_disk"], "disk errors")
    assert "nothing speaks for the other crash" in found.told
    assert found.silent == (T - 5 * DAY,)


# --- dumps: a small one keeps no code and no system tables ---


@pytest.mark.parametrize(("kept", "outcome"), [
    ("kernel_triage", Outcome.UNTESTED), ("windbg_log", Outcome.UNTESTED), ("kernel_full", Outcome.CONTRADICTED),
])  # fmt: skip
def test_hooks_are_missed_only_in_a_dump_that_would_show_them(kept: str, outcome: Outcome) -> None:
    found = investigated({"A/x.dmp": [crash(format=kept)]})["malware_or_tampering"]
    assert of(found, "code in memory").outcome is outcome


@pytest.mark.parametrize(("module", "weight"), [(None, 2.5), ("RapDrv", -0.5), ("qwxyz", 1.0)])
def test_whose_hook_it_is_decides(module: str | None, weight: float) -> None:
    """Code of no module is a stranger's; a known product's hooks are its trade; an unknown driver's are half odd."""
    hook = FindingSeen("hooks", "2 entries in the table of system services lead elsewhere", 0.0, "unknown", module)
    found = investigated({"A/x.dmp": [crash(format="kernel_full", findings=(hook,))]})["malware_or_tampering"]
    assert of(found, "code in memory").weight == weight


@pytest.mark.parametrize(("build", "kept", "outcome"), [
    (3790, "kernel_full", Outcome.UNTESTED), (19041, "kernel_full", Outcome.CONTRADICTED),
    (3790, "kernel_triage", Outcome.CONTRADICTED), (19041, "windbg_log", Outcome.CONTRADICTED),
])  # fmt: skip
def test_the_verifier_is_missed_only_where_a_dump_tells(build: int, kept: str, outcome: Outcome) -> None:
    found = investigated({"A/x.dmp": [crash(build=build, format=kept)]})["misconfiguration"]
    assert of(found, "verifier").outcome is outcome


def test_a_setting_is_missed_only_in_the_whole_hive() -> None:
    some: list[Record] = [Fact("crash_control", "AutoReboot", "1", "line 1")]
    found = investigated({"A/x.dmp": [crash()], "A/recoveros.txt": some})["misconfiguration"]
    assert of(found, "settings").outcome is Outcome.UNTESTED
    told: list[Record] = [Fact("memory_setting", "VerifyDriverLevel", "0", "key")]
    found = investigated({"A/x.dmp": [crash()], "A/system": told})["misconfiguration"]
    assert of(found, "settings").outcome is Outcome.CONTRADICTED


# --- after a treatment ---


@pytest.mark.parametrize(("image", "code", "state"), [
    ("RapDrv.sys", 0xD1, State.ELIMINATED), ("nvlddmkm.sys", 0x116, State.NOT_ELIMINATED),
])  # fmt: skip
def test_only_the_same_trouble_after_a_treatment_says_that_it_failed(image: str, code: int, state: State) -> None:
    stopped = Event(
        T - DAY, "action", "stopped DNS on B", "[[action]] 1", fields={"treats": "other_host_interaction:services"}
    )
    files: dict[str, list[Record]] = {
        "A/x.dmp": [crash(T - 9 * DAY)],
        "A/y.dmp": [crash(image=image, code=code, signature=f"{code:x}|{image}")],
        "B/services": [Fact("service", "DNS", "running", "l")],
        "A/notes": [stopped],
    }
    assert investigated(files)["other_host_interaction:services of B"].state is state


def test_a_chance_before_one_crash_of_many_is_told_as_such() -> None:
    """The hits of two hosts are held against what is usual on each (a Poisson binomial tail)."""
    from bugcheck.timeline.periodicity import Precedence, combined

    both = combined([Precedence(1, 1, 0.5, 0.5), Precedence(1, 2, 0.1, 0.19)])
    by_hand = 0.5 * (1 - 0.9**2) + 0.5 * 0.1**2  # A hit and at least one of B's, or A missed and both of B's
    assert both.hits == 2
    assert both.crashes == 3
    assert abs(both.chance - by_hand) < 1e-12
