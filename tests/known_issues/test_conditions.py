"""Every test of a known issue's conditions: it holds, it fails, it stays untested."""

from __future__ import annotations

from typing import Any

import pytest

from bugcheck.evidence.evidence import Fact
from bugcheck.known_issues.condition import TESTS, State, check
from bugcheck.known_issues.issue import Condition
from bugcheck.known_issues.situation import Call, Fault, Situation
from tests.known_issues.situations import crash, event, situation, software

NOTHING = Situation()
DUMP = situation(crash())
HASH = "ab" * 32
FILE = Fact("file", "AcmeFilt.sys", HASH, "row 1", {"sha1": "cd" * 20, "version": "3.6.0.12", "stamp": "0x3f99bc4f"})
SERVICES = [
    Fact("service", f"svc{number}", "auto", "row", {"display_name": f"Service {number}"}) for number in range(6)
]
UPDATES = [Fact("update", f"KB90000{number}", "", "row") for number in range(6)]

HOLDS: dict[str, list[tuple[dict[str, Any], Situation]]] = {
    "driver_loaded": [
        ({"driver": "acmefilt.sys"}, DUMP),
        ({"driver": ("none.sys", "AcmeFilt")}, DUMP),
        ({"driver": "oldfilter.sys"}, DUMP),  # the list of unloaded modules keeps 12 characters
        ({"driver": "acmefilt.sys"}, situation(None, [Fact("driver", "AcmeFilt.sys", "", "row 3")])),
    ],
    "driver_version": [
        ({"driver": "acmefilt.sys", "version": ">=3.6, <3.7"}, DUMP),
        ({"driver": "acmefilt.sys", "version": "3.6"}, situation(None, [FILE])),
    ],
    "driver_linked": [({"driver": "acmefilt.sys", "before": "2004-01-01", "since": "2003-10-24"}, DUMP)],
    "driver_hash": [
        ({"hash": HASH.upper(), "driver": "acmefilt.sys"}, situation(None, [FILE])),
        ({"hash": "cd" * 20}, situation(None, [FILE])),
    ],
    "driver_state": [({"driver": "acmefilt.sys", "state": "loaded"}, DUMP)],
    "file_differs": [
        ({"file": "acmefilt.sys"}, situation(None, [FILE, Fact("baseline_file", "acmefilt.sys", "00" * 32, "list")])),
        ({"file": "acmefilt.sys"}, situation(None, [Fact("file_signature", "acmefilt.sys", "broken", "file")])),
    ],
    "bugcheck": [({"code": code}, DUMP) for code in ("8E", "8e/c0000005", "8E/*/F535E785", ("50", "8E"))],
    "parameter": [({"number": 1, "value": "C0000005"}, DUMP), ({"number": 4, "near": "null"}, DUMP)],
    "module_blamed": [({"module": "acmefilt.sys"}, DUMP)],
    "category_blamed": [({"category": "driver"}, DUMP)],
    "frame_on_stack": [
        ({"function": name}, DUMP) for name in ("nt!NtOpenSection", "NtOpen*", "ntoskrnl!ntopensection", "acmefilt.sys")
    ],
    "fault_kind": [({"access": "read", "address": "near_null"}, DUMP), ({"address": ("null", "near_null")}, DUMP)],
    "process": [
        ({"name": "AcmeSvc.exe"}, DUMP),
        ({"name": "averylongservicename.exe"}, situation(crash(process="averylongservic"))),
    ],
    "uptime": [({"below": "2 hours", "above": "10 min"}, DUMP)],
    "system_call": [
        ({"name": "ZwOpenSection"}, DUMP),
        ({"name": "NtDeviceIoControlFile"}, situation(crash(stack=(Call("acmefilt"),)))),
    ],
    "control_code": [({"code": "00222034"}, DUMP), ({"code": 0x222034}, DUMP)],
    "call_argument": [({"function": "nt!NtOpenSection", "number": 3, "value": 0}, DUMP)],
    "bucket": [({"name": "0x8E_acmefilt*"}, DUMP), ({"name": "*|read null"}, DUMP)],
    "finding": [({"rule": "poison_address", "says": "*[[]null*"}, DUMP)],
    "effect": [({"is": "crash"}, DUMP)],
    "os_build": [
        ({"build": "3790"}, DUMP),
        ({"from": 2600, "to": 6002}, DUMP),
        ({"build": 17763}, situation(None, [Fact("os", "Server", "10.0.17763", "line 2", {"build": "17763"})])),
    ],
    "architecture": [({"is": "x86"}, DUMP)],
    "product_installed": [
        ({"product": "acme*"}, situation(None, software(("Acme Filter", "9.0")))),
        ({"product": "acme*", "version": "<10"}, situation(None, software(("Acme Filter", "9.0")))),
    ],
    "service_present": [
        ({"service": "SVC1"}, situation(None, SERVICES)),
        ({"service": "service 2", "start_type": "auto"}, situation(None, SERVICES)),
    ],
    "update_installed": [({"update": "900002"}, situation(None, UPDATES))],
    "setting_is": [
        ({"name": "KStackMinFree", "value": "*"}, situation(None, [Fact("setting", "KStackMinFree", "0x2200", "key")]))
    ],
    "hardware": [
        ({"what": "system", "is": "*VMware*"}, situation(None, [Fact("hardware", "system", "VMware 7", "x")]))
    ],
    "fact": [({"kind": "service", "name": "svc*", "where": {"display_name": "*3"}}, situation(None, SERVICES))],
    "event_seen": [
        (
            {"kind": "logon", "within": "10 minutes", "where": {"user": ("bob", "svc*")}, "code": 7},
            situation(crash(), [], [event("logon", 9, user="svc_b")]),
        ),
        (
            {"kind": ("logon", "logoff"), "source": "sys*", "text": "*happened"},
            situation(None, [], [event("logoff", 0)]),
        ),
    ],
}

FAILS: dict[str, list[tuple[dict[str, Any], Situation]]] = {
    "driver_loaded": [({"driver": "rapdrv.sys"}, DUMP)],
    "driver_version": [({"driver": "acmefilt.sys", "version": ">=3.7"}, DUMP)],
    "driver_linked": [({"driver": "acmefilt.sys", "since": "2004-01-01"}, DUMP)],
    "driver_hash": [({"hash": "11" * 32, "driver": "acmefilt.sys"}, situation(None, [FILE]))],
    "driver_state": [({"driver": "acmefilt.sys", "state": "unloaded"}, DUMP)],
    "file_differs": [
        ({"file": "acmefilt.sys"}, situation(None, [FILE, Fact("baseline_file", "acmefilt.sys", HASH, "list")])),
        ({"file": "acmefilt.sys"}, situation(None, [Fact("file_signature", "acmefilt.sys", "valid", "file")])),
    ],
    "bugcheck": [({"code": code}, DUMP) for code in ("50", "8E/C000001D", "8E/*/1", "not hexadecimal")],
    "parameter": [({"number": 1, "value": "C000001D"}, DUMP)],
    "module_blamed": [
        ({"module": "rapdrv.sys"}, DUMP),
        ({"module": "x.sys"}, situation(crash(module=None, image=None, category="hardware"))),
    ],
    "category_blamed": [({"category": "hardware"}, DUMP)],
    "frame_on_stack": [({"function": "nt!NtDeviceIoControlFile"}, DUMP)],
    "fault_kind": [({"access": "write"}, DUMP), ({"address": "null"}, DUMP)],
    "process": [({"name": "other.exe"}, DUMP)],
    "uptime": [({"below": "10 min"}, DUMP)],
    "system_call": [({"name": "NtCreateFile"}, DUMP)],
    "control_code": [({"code": "00222038"}, DUMP)],
    "call_argument": [
        ({"function": "nt!NtOpenSection", "number": 1, "value": 0}, DUMP),
        ({"function": "nt!NtCreateFile", "number": 1, "value": 0}, DUMP),
    ],
    "bucket": [({"name": "*rapdrv*"}, DUMP)],
    "finding": [({"rule": "possible_bit_flip"}, DUMP)],
    "effect": [({"is": "hang"}, DUMP)],
    "os_build": [({"build": "2600"}, DUMP), ({"from": "6000"}, DUMP), ({"from": "not a number"}, DUMP)],
    "architecture": [({"is": "x64"}, DUMP)],
    "product_installed": [
        ({"product": "acme*"}, situation(None, software())),
        ({"product": "acme*", "version": ">=10"}, situation(None, software(("Acme Filter", "9.0")))),
    ],
    "service_present": [
        ({"service": "dns"}, situation(None, SERVICES)),
        ({"service": "svc1", "start_type": "disabled"}, situation(None, SERVICES)),
    ],
    "update_installed": [({"update": "KB938648"}, situation(None, UPDATES))],
    "setting_is": [
        ({"name": "KStackMinFree", "value": "1"}, situation(None, [Fact("setting", "kstackminfree", "2", "k")]))
    ],
    "hardware": [
        ({"what": "system", "is": "*VMware*"}, situation(None, [Fact("hardware", "system", "PowerEdge", "x")]))
    ],
    "fact": [({"kind": "service", "name": "dns"}, situation(None, SERVICES))],
    "event_seen": [
        ({"kind": "logon", "within": "5 minutes"}, situation(crash(), [], [event("logon", 9)], covered=True)),
        ({"kind": "logon", "code": 8}, situation(crash(), [], [event("logon", 9)], covered=True)),
    ],
}

UNTESTED: dict[str, list[tuple[dict[str, Any], Situation]]] = {
    "driver_loaded": [({"driver": "rapdrv.sys"}, situation(crash(modules=())))],  # a log that lists no modules
    "driver_version": [({"driver": "other1.sys", "version": ">1"}, DUMP)],
    "driver_linked": [({"driver": "other1.sys", "before": "2004-01-01"}, DUMP)],
    "module_blamed": [({"module": "x.sys"}, situation(crash(module=None, image=None, level="none")))],
    "frame_on_stack": [
        ({"function": "nt!NtCreateFile"}, situation(crash(whole_stack=False))),
        ({"function": "nt!NtCreateFile"}, situation(crash(stack=(Call("nt"),)))),  # no symbols
    ],
    "fault_kind": [
        ({"access": "read"}, situation(crash(fault=Fault("touched", 4)))),
        ({"address": "null"}, situation(crash(fault=Fault("read", None)))),
    ],
    "system_call": [({"name": "NtCreateFile"}, situation(crash(stack=(Call("nt"),), control_codes=())))],
    "call_argument": [
        ({"function": "nt!NtOpenSection", "number": 3, "value": 0}, situation(crash(architecture="x64"))),
        ({"function": "nt!NtOpenSection", "number": 3, "value": 0}, situation(crash(stack=(Call("nt"),)))),
    ],
    "product_installed": [
        ({"product": "acme*", "version": "<10"}, situation(None, software(("Acme Filter", "")))),
        ({"product": "acme*"}, situation(None, [Fact("software", "Other", "1", "row")])),
    ],
    "event_seen": [
        ({"kind": "logon", "within": "5 minutes"}, situation(crash(), [], [event("logon", 9)])),
        ({"kind": "logon", "within": "5 minutes"}, situation(crash(time=None), [], [event("logon", 1)], covered=True)),
    ],
}
for name, cases in HOLDS.items():
    UNTESTED.setdefault(name, []).append((cases[0][0], NOTHING))


def cases(table: dict[str, list[tuple[dict[str, Any], Situation]]]) -> list[Any]:
    return [
        pytest.param(name, values, where, id=f"{name} {number}")
        for name, each in table.items()
        for number, (values, where) in enumerate(each)
    ]


@pytest.mark.parametrize(("name", "values", "where"), cases(HOLDS))
def test_holds(name: str, values: dict[str, Any], where: Situation) -> None:
    outcome = check(Condition(name, values), where)
    assert outcome.state is State.HOLDS, outcome
    assert outcome.citations
    assert check(Condition(name, values, negated=True), where).state is State.FAILS


@pytest.mark.parametrize(("name", "values", "where"), cases(FAILS))
def test_fails(name: str, values: dict[str, Any], where: Situation) -> None:
    outcome = check(Condition(name, values), where)
    assert outcome.state is State.FAILS, outcome
    assert check(Condition(name, values, negated=True), where).state is State.HOLDS


@pytest.mark.parametrize(("name", "values", "where"), cases(UNTESTED))
def test_untested(name: str, values: dict[str, Any], where: Situation) -> None:
    outcome = check(Condition(name, values), where)
    assert outcome.state is State.UNTESTED, outcome
    assert outcome.sentence
    assert check(Condition(name, values, negated=True), where).state is State.UNTESTED


def test_every_test_is_tested() -> None:
    names = {test.name for test in TESTS}
    assert not TESTS.broken
    assert names == set(HOLDS) == set(FAILS) == set(UNTESTED)


def test_nothing_given_survives() -> None:
    """A condition whose values have the wrong shapes is answered, not thrown at anybody."""
    for test in TESTS:
        for value in ("", -1, (), {"a": "b"}, ("x", 1), 2.5, True):
            values = dict.fromkeys((*test.needs, *test.may), value)
            for where in (NOTHING, DUMP, situation(crash(), [FILE, *SERVICES], [event("logon", 1)])):
                check(Condition(test.name, values), where)


def test_any_and_all() -> None:
    yes, no, open_ = Condition("bugcheck", {"code": "8E"}), Condition("bugcheck", {"code": "50"}), Condition("told", {})
    cases_of: list[tuple[str, tuple[Condition, ...], State]] = [
        ("any", (no, yes), State.HOLDS),
        ("any", (no, open_), State.UNTESTED),
        ("any", (no, no), State.FAILS),
        ("all", (yes, yes), State.HOLDS),
        ("all", (yes, no, open_), State.FAILS),
        ("all", (yes, open_), State.UNTESTED),
        ("all", (), State.UNTESTED),
    ]
    for name, parts, state in cases_of:
        assert check(Condition(name, {}, parts=parts), DUMP).state is state, (name, parts)


def test_nesting_is_limited() -> None:
    condition = Condition("bugcheck", {"code": "8E"})
    for _ in range(5000):
        condition = Condition("any", {}, parts=(condition,))
    assert check(condition, DUMP).state is State.UNTESTED


def test_an_unknown_test_is_untested() -> None:
    outcome = check(Condition("phase_of_the_moon", {}), DUMP)
    assert outcome.state is State.UNTESTED
    assert "phase_of_the_moon" in outcome.sentence
