"""A setting, or a product on a system it is not made for → crashes that end when it is put right.

Source: findings on the surroundings of the crash (Driver Verifier, test signing, a guest), crash and memory settings in
the registry, lists of supported systems in known issues.

Folklore: Driver Verifier left on after a search for another fault is the commonest cause of this kind: it makes the
first careless driver crash.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.predicting import checked, cites_of, decided, found_in_dumps, untested
from bugcheck.timeline.store import PlacedFact

ID = "misconfiguration"
VERIFIER_CODES = frozenset([0xC4, 0xC9, 0xD5, 0xD6])
VERIFIEREXT = 9200
"""The build from which a driver is loaded only while Driver Verifier is on; small dumps tell its level at any build."""
VERIFIER_SETTINGS = ("verifydriverlevel", "verifydrivers")


@hypothesis(ID)
def misconfiguration(investigation: Investigation) -> Iterator[Hypothesis]:
    """A setting is wrong, or a product runs where it is not made for."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(_verifier(investigation), _settings(investigation), _unsupported(investigation))
    predictions.add(
        *checked(investigation, ID, topic="settings checked", expect="a setting is wrong", weight=1.5, against=1.0)
    )
    yield Hypothesis(
        ID,
        "a wrong setting",
        "",
        "a setting, or a product on a system it is not made for, brings about what would not happen otherwise",
        -2.2,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _verifier(investigation: Investigation) -> Prediction:
    codes = [crash.code for crash in investigation.crashes if crash.code in VERIFIER_CODES]
    if codes:
        told = f"bug check {codes[0]:#x} is raised only while Driver Verifier is on"
        return decided(
            "verifier", "Driver Verifier is on", told, True, 1.5, 0.6, investigation.cite_crashes(), group="verifier"
        )
    return found_in_dumps(
        investigation,
        ("environment",),
        topic="verifier",
        expect="Driver Verifier is on",
        weight=1.2,
        against=0.6,
        group="verifier",
        shows=lambda seen: seen.format == "kernel_triage" or (seen.build or 0) >= VERIFIEREXT,
        only=lambda _, finding: "verifier" in finding.statement.lower(),
    )


def _settings(investigation: Investigation) -> Prediction:
    topic, expect = "settings", "a setting that makes crashes is set"
    kept = investigation.of_failed("memory_setting", "crash_control")
    told = [each for each in kept if each.fact.kind == "memory_setting" or _is_hive(investigation, each)]
    if not told:
        return untested(
            topic,
            expect,
            "the registry of the failed host",
            "add its SYSTEM hive: reg save HKLM\\SYSTEM system.hiv",
            1.0,
            0.4,
        )
    wrong = [each for each in told if each.fact.name.lower() in VERIFIER_SETTINGS and each.fact.value not in ("", "0")]
    words = f"{wrong[0].fact.name} is {wrong[0].fact.value}" if wrong else "no setting known to make crashes is set"
    return decided(topic, expect, words, bool(wrong), 1.0, 0.4, cites_of(wrong or told[:2]), group="verifier")


def _is_hive(investigation: Investigation, placed: PlacedFact) -> bool:
    """Tell whether a fact comes from the whole SYSTEM hive: a part of it does not speak for what else is set."""
    found = investigation.timeline.evidence_of(placed.evidence)
    return found is not None and found.kind == "registry_hive"


def _unsupported(investigation: Investigation) -> Prediction | None:
    fits = [issue for issue in investigation.issues if issue.category == "configuration" and issue.kind == "match"]
    if not fits:
        return None
    told = f"{fits[0].id}: {fits[0].title}"
    return decided("known issue", "a known wrong setting or unsupported system", told, True, 0.8, 0.0)
