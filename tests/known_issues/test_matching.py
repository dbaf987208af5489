"""Issues against situations: match, possible, near miss, nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bugcheck import api
from bugcheck.evidence.evidence import Event, Span
from bugcheck.known_issues.condition import State, check
from bugcheck.known_issues.crash_facts import facts_of_analysis
from bugcheck.known_issues.from_timeline import situation_of
from bugcheck.known_issues.issue import Condition, KnownIssue, Role
from bugcheck.known_issues.matching import MATCH, NEAR_MISS, POSSIBLE, match, match_all
from bugcheck.known_issues.shipped import shipped_issues
from bugcheck.known_issues.situation import Call, Fault, Situation
from bugcheck.timeline.crashes import IncidentCrash, Source
from tests.known_issues.situations import CRASHED, MODULES, crash, event, situation, software
from tests.timeline.cases import timeline_of, timeline_with

ISSUE = KnownIssue(
    "ACME-1",
    {"en": "AcmeFilt reads through null"},
    conditions=(
        Condition("driver_loaded", {"driver": "acmefilt.sys"}, Role.SCOPE),
        Condition("bugcheck", {"code": "8E"}),
        Condition("fault_kind", {"access": "read"}),
        Condition("system_call", {"name": "NtOpenSection"}, Role.TRIGGER),
    ),
)
OTHER_DRIVER = (*MODULES, replace(MODULES[0], name="nomatch", image="nomatch.sys"))


def test_everything_holds() -> None:
    found = match(ISSUE, situation(crash()))
    assert (found.kind, found.score, len(found.holds), found.fails, found.untested) == (MATCH, 1.0, 4, (), ())


def test_a_trigger_is_untested() -> None:
    found = match(ISSUE, situation(crash(stack=(), control_codes=())))
    assert found.kind == POSSIBLE
    assert len(found.untested) == 1


def test_a_sign_fails() -> None:
    found = match(ISSUE, situation(crash(fault=Fault("write", 4))))
    assert found.kind == NEAR_MISS
    assert found.fails == ("the fault is a write of address 0x4, not a read",)


def test_the_scope_fails() -> None:
    found = match(ISSUE, situation(crash(modules=OTHER_DRIVER)))
    assert (found.kind, found.score) == (None, 0.0)


def test_only_the_scope_holds() -> None:
    found = match(ISSUE, situation(crash(code=0x50, fault=Fault("write", 4), stack=(), control_codes=())))
    assert found.kind is None


def test_what_many_crashes_share_is_no_near_miss() -> None:
    general = replace(ISSUE, conditions=ISSUE.conditions[1:])
    assert match(general, situation(crash(fault=Fault("write", 4)))).kind is None


def test_a_driver_merely_loaded_is_no_near_miss() -> None:
    """A game's driver on a machine with bad memory, and one of whose guilt nothing is known."""
    conditions = (
        Condition("driver_loaded", {"driver": "other1.sys"}, Role.SCOPE),
        Condition("bugcheck", {"code": "8E"}),
        Condition("module_blamed", {"module": "other1.sys"}),
    )
    issue = replace(ISSUE, conditions=conditions)
    assert match(issue, situation(crash())).kind is None
    assert match(issue, situation(crash(module=None, image=None, level="none"))).kind is None


def test_nothing_known_is_nothing() -> None:
    assert match(ISSUE, Situation()).kind is None
    assert match(replace(ISSUE, conditions=()), situation(crash())).kind is None
    assert match_all(shipped_issues(), Situation()) == []


def test_what_it_could_be_mistaken_for_is_listed_beside_it() -> None:
    conditions = (Condition("bugcheck", {"code": "8E"}), Condition("parameter", {"number": 2, "value": "BF8154D7"}))
    double = KnownIssue("KB-1", {"en": "another 8E"}, conditions=conditions, near_miss_of=("ACME-1",))
    assert [each.issue.id for each in match_all([double], situation(crash()))] == []
    found = match_all([double, ISSUE], situation(crash()))
    assert [(each.issue.id, each.kind, each.because_of) for each in found] == [
        ("ACME-1", MATCH, ""),
        ("KB-1", NEAR_MISS, "ACME-1"),
    ]


@pytest.mark.parametrize("dump", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_the_story_is_a_near_miss_of_the_published_fault(shared: Path, dump: str) -> None:
    """../shared/story/README.md: "Facts that fit: RapDrv, bug check 8E, near-null address. Facts that don't: a write,
    and a device-control call by BlackICE itself. So it is a near miss, not the cause"."""
    facts = facts_of_analysis(api.analyze(shared / "story" / dump))
    found = {each.issue.id: each for each in match_all(shipped_issues(), Situation(facts))}
    cve = found["CVE-2006-4541"]
    assert cve.kind == NEAR_MISS
    assert any("RapDrv.sys was loaded" in each for each in cve.holds)
    assert any("8E" in each for each in cve.holds)
    assert any("RapDrv.sys is blamed" in each for each in cve.holds)
    assert sum("0x4" in each for each in cve.holds) == 1
    assert "the fault is a write of address 0x4, not a read" in cve.fails
    assert "the system call is NtDeviceIoControlFile, not NtOpenSection" in cve.fails
    # facts/blackice.md: SMB "must NOT match" (its effect is a hang); the worm needs port 4000 and a recent start
    assert {found[each].kind for each in ("CVE-2006-3840", "CVE-2004-0362")} == {NEAR_MISS}
    # facts/blackice.md: Server 2003 is not in the maker's list; which edition it is, only the host can tell
    assert found["BLACKICE-UNSUPPORTED-SERVER-2003"].kind == POSSIBLE
    assert "BLACK-ICE-SOFTWARE-OCX" not in found


def test_the_published_fault_matches_when_everything_fits() -> None:
    module = replace(MODULES[0], name="RapDrv", image="RapDrv.sys")
    facts = crash(
        module="RapDrv",
        image="RapDrv.sys",
        modules=(*MODULES, module),
        stack=(Call("RapDrv"), Call("nt!NtOpenSection", (1, 2, 0)), Call("nt!KiFastCallEntry")),
        control_codes=(),
    )
    installed = software(("BlackICE PC Protection", "3.6.cpn"))
    found = {each.issue.id: each for each in match_all(shipped_issues(), situation(facts, installed))}
    assert found["CVE-2006-4541"].kind == MATCH, found["CVE-2006-4541"]


def test_a_case_that_is_opened_again_tells_the_same(shared: Path, tmp_path: Path) -> None:
    """What was seen of the crash is stored, its dump is not."""
    dump = tmp_path / "A" / "story_triage.dmp"
    dump.parent.mkdir()
    dump.write_bytes((shared / "story" / dump.name).read_bytes())
    timeline = timeline_of(tmp_path)
    (stored,) = timeline.crashes
    assert stored.seen is not None
    assert stored.seen.analysis is None
    facts = facts_of_analysis(api.analyze(dump))
    again = situation_of(timeline, stored).crash
    assert again is not None
    for name in (
        "fault",
        "control_codes",
        "code",
        "module",
        "process",
        "build",
        "architecture",
        "effect",
        "whole_stack",
    ):
        assert getattr(facts, name) == getattr(again, name), name
    kinds = [
        {each.issue.id: each.kind for each in match_all(shipped_issues(), Situation(each_facts))}
        for each_facts in (facts, again)
    ]
    assert kinds[0] == kinds[1]


def test_the_logs_of_the_host_are_asked() -> None:
    """SMB traffic to the failed host four minutes before, told by a log that covers the time, not by B's."""
    start, end = CRASHED - timedelta(hours=2), CRASHED + timedelta(hours=1)
    packet = Event(
        CRASHED - timedelta(minutes=4), "firewall_allow", "B opened 445", "line 9", fields={"target_port": "445"}
    )
    condition = Condition(
        "event_seen", {"kind": "firewall_allow", "within": "10 minutes", "where": {"target_port": "445"}}
    )
    span = Span(start, end, frozenset({"firewall_allow"}))
    stop = IncidentCrash("a", CRASHED, True, 0x8E, (0xC0000005,), None, None, (Source("e0", "record 1"),))
    for records, host, state in (
        ([packet, span], "A", State.HOLDS),
        ([span], "A", State.FAILS),
        ([], "A", State.UNTESTED),
        ([packet, span], "B", State.UNTESTED),
    ):
        timeline = timeline_with({"log": [*records]}, {"log": host})
        found = check(
            condition, situation_of(timeline, replace(stop, host=timeline.hosts[0].name if host == "A" else "a"))
        )
        assert found.state is state, (records, host, found)


@pytest.mark.parametrize(
    ("port", "protocol", "state"),
    [("4000", "UDP", State.HOLDS), ("4000", "TCP", State.FAILS), ("4001", "UDP", State.FAILS)],
)
def test_the_witty_worm_comes_by_udp_from_port_4000(port: str, protocol: str, state: State) -> None:
    """ISS alert 167: the worm sends itself from UDP port 4000; a TCP client with that port is nothing."""
    issue = next(each for each in shipped_issues() if each.id == "CVE-2004-0362")
    trigger = next(each for each in issue.conditions if each.role is Role.TRIGGER)
    flow = event("firewall_allow", 5, source_port=port, protocol=protocol)
    assert check(trigger, situation(crash(), events=[flow], covered=True)).state is state
    assert check(trigger, situation(crash())).state is State.UNTESTED
