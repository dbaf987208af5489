"""Findings, facts and people's checks → Predictions: the few ways in which hypotheses meet evidence.

Events before the crashes are `preceding.py`'s.

Source: a `CrashSeen` says what its analysis found, and what its dump keeps.

Folklore: a small dump holds next to no code and no system tables; that it shows no hook means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from bugcheck.evidence.evidence import CrashSeen, FindingSeen
from bugcheck.hypotheses.hypothesis import Cite, Outcome, Prediction
from bugcheck.hypotheses.investigation import Investigation, cite_event, cite_fact
from bugcheck.timeline.crashes import IncidentCrash
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent

MOST_CITES, MOST_DETECTIONS = 8, 2000
DUMP = "add C:/Windows/MEMORY.DMP or C:/Windows/Minidump"
"""How to get a dump."""
VERIFIER = "switch Driver Verifier on for drivers that are not Windows' own, set a kernel dump, and keep the next one"
"""How to make a dump name a driver."""


def untested(topic: str, expect: str, missing: str, remedy: str, weight: float, against: float) -> Prediction:
    """A prediction nothing speaks about yet."""
    return Prediction(topic, expect, Outcome.UNTESTED, missing, 0.0, weight, -against, remedy=remedy)


def decided(
    topic: str,
    expect: str,
    told: str,
    holds: bool,
    weight: float,
    against: float,
    citations: Sequence[Cite] = (),
    *,
    necessary: bool = False,
    group: str = "",
    share: float = 1.0,
) -> Prediction:
    """A prediction that was looked at; `share` (0 to 1) scales what it adds."""
    outcome = Outcome.OBSERVED if holds else Outcome.CONTRADICTED
    value = round((weight if holds else -against) * share, 2)
    cited = tuple(dict.fromkeys(citations))[:MOST_CITES]
    return Prediction(topic, expect, outcome, told, value, weight, -against, necessary, group, citations=cited)


def found_in_dumps(
    investigation: Investigation,
    rules: Collection[str],
    *,
    topic: str,
    expect: str,
    weight: float,
    against: float,
    group: str = "",
    only: Callable[[CrashSeen, FindingSeen], bool] | None = None,
    shows: Callable[[CrashSeen], bool] | None = None,
    necessary: bool = False,
) -> Prediction:
    """Predict that the analysis of a crash makes a finding of one of these rules (or that `only` accepts).

    Contradicted when dumps that would show it were analysed and none does; untested without such a dump.

    Args:
        shows: tells whether a dump keeps enough to show it; every dump does without.
    """
    seen = investigation.seen
    if not seen:
        missing = "no dump or debugger's log of a crash is among the evidence"
        return untested(topic, expect, missing, DUMP, weight, against)
    hits = [
        (crash, finding)
        for crash in seen
        for finding in crash.findings
        if (not rules or finding.rule in rules) and (only is None or only(crash, finding))
    ]
    if not hits:
        able = [crash for crash in seen if shows is None or shows(crash)]
        if not able:
            which = "the dump does not keep" if len(seen) == 1 else f"none of {len(seen)} dumps keeps"
            remedy = "set a kernel memory dump, and keep C:/Windows/MEMORY.DMP of the next crash"
            return untested(topic, expect, f"{which} what would show it", remedy, weight, against)
        which = "the dump" if len(seen) == 1 else f"any of {len(seen)} dumps"
        which = which if len(able) == len(seen) else f"{len(able)} of {len(seen)} dumps; the others do not keep it"
        told, share = f"nothing of the kind in {which}", len(able) / len(seen)
        cites, needed = investigation.cite_crashes(able), necessary and len(able) == len(seen)
        return decided(topic, expect, told, False, weight, against, cites, group=group, necessary=needed, share=share)
    crashes = {id(crash): crash for crash, _ in hits}
    strongest = max((finding for _, finding in hits), key=lambda finding: finding.weight)
    share = len(crashes) / len(seen) if len(seen) > 1 else 1.0
    often = f" (in {len(crashes)} of {len(seen)} dumps)" if len(seen) > 1 else ""
    cites = investigation.cite_crashes(list(crashes.values()))
    return decided(
        topic, expect, f"{strongest.statement}{often}", True, weight, against, cites, group=group, share=max(0.3, share)
    )


def checked(
    investigation: Investigation, hypothesis_id: str, *, topic: str, expect: str, weight: float, against: float
) -> list[Prediction]:
    """What people found when they checked: "negative" contradicts, "positive" is observed."""
    found: list[Prediction] = []
    for each in investigation.checks(hypothesis_id):
        result = each.fact.value.lower()
        holds = _positive(result)
        if holds is None:
            continue
        by = each.fact.fields.get("by", "")
        told = f"{by or 'a person'} checked: {each.fact.name}: {each.fact.value}"
        found.append(
            decided(topic, expect, told, holds, weight, against, [cite_fact(each)], group=f"check:{each.fact.name}")
        )
    return found


def checked_or_asked(
    investigation: Investigation,
    hypothesis_id: str,
    *,
    topic: str,
    expect: str,
    weight: float,
    against: float,
    missing: str,
    remedy: str,
) -> list[Prediction]:
    """What people found when they checked; while nobody did, that it is to be checked, and how."""
    found = checked(investigation, hypothesis_id, topic=topic, expect=expect, weight=weight, against=against)
    return found or [untested(topic, expect, missing, remedy, weight, against)]


def in_a_guest(investigation: Investigation) -> Prediction | None:
    """Predict, of a fault of hardware, that it is the machine's own; None unless a dump tells that it was a guest."""
    for seen in investigation.seen:
        for each in seen.findings:
            if each.rule == "environment" and "ran as a guest" in each.statement:
                told = f"{each.statement}: look there"
                cites = investigation.cite_crashes([seen])
                return decided("real hardware", "the machine has hardware of its own", told, False, 0.0, 1.0, cites)
    return None


NEGATIVE = (
    *("negative", "none", "nothing", "no ", "not found", "clean", "unmodified", "ruled out", "passed", "without"),
    *("0 [a-z]", "healthy", "阴性", "未发现", "排除", "通过", "正常", "無", "无"),
)
POSITIVE = (
    "positive",
    "found",
    "infected",
    "yes",
    "modified",
    "error",
    "fail",
    "defect",
    "阳性",
    "发现",
    "错误",
    "故障",
)
"""Words of a check's result, looked for in this order: "no errors found" is negative."""


def _positive(result: str) -> bool | None:
    if result in ("no", "ok", "good") or any(re.search(rf"(?<![a-z0-9]){word}", result) for word in NEGATIVE):
        return False
    return True if any(re.search(rf"(?<![a-z]){word}", result) for word in POSITIVE) else None


def after_action(
    investigation: Investigation,
    hypothesis_id: str,
    *,
    weight: float,
    against: float,
    necessary: bool = True,
    whole: bool = True,
) -> list[Prediction]:
    """What happened after a person had treated the suspected cause: a crash like those before it contradicts."""
    found: list[Prediction] = []
    for action in investigation.actions(hypothesis_id, whole=whole):
        if "undo" in action.fields and action.fields["undo"].lower() in ("done", "undone"):
            continue
        later = _again(investigation, action.time)
        expect = "no crash after the suspected cause was taken away"
        if later:
            came = "a crash came" if len(later) == 1 else f"{len(later)} crashes came"
            told = f"{came} all the same after this: {action.text}"
            cites = [cite_event(action)]
            found.append(decided("after treatment", expect, told, False, weight, against, cites, necessary=necessary))
    return found


def _again(investigation: Investigation, treated: datetime) -> list[datetime]:
    """When it crashed after a treatment as it had before; a crash unlike all those before is another trouble's."""
    dated = [(crash.time, crash) for crash in investigation.crashes if crash.time is not None]
    before = [crash for time, crash in dated if time <= treated]
    analysed = [crash for crash in before if crash.seen is not None]

    def again(crash: IncidentCrash) -> bool:
        compared = analysed if analysed and crash.seen is not None else before
        return not compared or any(_alike(crash, each) for each in compared)

    return [time for time, crash in dated if time > treated and again(crash)]


def _alike(first: IncidentCrash, second: IncidentCrash) -> bool:
    """Tell whether two crashes may be one trouble: by signature or the driver blamed; unanalysed ones by bug check."""
    if first.seen is None or second.seen is None:
        return first.code == second.code
    ours, theirs = first.seen, second.seen
    same_driver = bool(ours.image) and (ours.image or "").lower() == (theirs.image or "").lower()
    return same_driver or (bool(ours.signature) and ours.signature == theirs.signature)


def detections_of(investigation: Investigation, image: str) -> list[TimedEvent]:
    """What scanners found at the file of a driver, oldest first."""
    found = investigation.timeline.events("antivirus_detection", limit=MOST_DETECTIONS)
    name = re.compile(rf"(?<![\w-]){re.escape(image)}(?![\w-])", re.IGNORECASE)
    return [each for each in found if name.search(f"{each.text} {each.fields.get('path', '')}")]


def network_on_stack(
    investigation: Investigation, modules: frozenset[str], code: str, *, where: str, weight: float, against: float
) -> Prediction:
    """Predict that network code is on a crashed stack of three levels or more.

    Args:
        modules: debugger names of the modules that are such code. code: what it is called ("network code").
        where: where it is missed, in words ("the crashed stack").
    """
    topic, expect = "network on the stack", f"{code} is on the crashed stack"
    stacks = [seen.stack for seen in investigation.seen if len(seen.stack) >= 3]
    if not stacks:
        return untested(topic, expect, "the stack of no crash is known", DUMP, weight, against)
    found = {place.partition("!")[0].partition("+")[0].lower() for stack in stacks for place in stack} & modules
    told = f"{', '.join(sorted(found))} on the stack" if found else f"no {code} is on {where}"
    return decided(topic, expect, told, bool(found), weight, against, investigation.cite_crashes())


def keeps_kernel(seen: CrashSeen) -> bool:
    """Tell whether a dump keeps the kernel's memory: code, system tables; a small one and a debugger's log do not."""
    return seen.format.startswith("kernel_") and seen.format not in ("kernel_triage", "kernel_header")


def cites_of(facts: Sequence[PlacedFact]) -> list[Cite]:
    """Cite facts."""
    return [cite_fact(each) for each in facts]
