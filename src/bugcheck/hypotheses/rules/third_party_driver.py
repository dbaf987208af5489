"""A defect of a driver outside Windows → crashes wherever its code runs into it.

Source: the verdicts of the crashes' analyses; see `findings` and `verdict`.

Folklore: a driver with a defect crashes in one place of its own code again and again; damaged memory crashes all over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bugcheck.evidence.evidence import CrashSeen
from bugcheck.hypotheses.driver_history import display_resets, job_before, set_off, treated
from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.integrity import verdicts
from bugcheck.hypotheses.investigation import Investigation, cite_event
from bugcheck.hypotheses.predicting import DUMP, VERIFIER, checked, decided, detections_of, untested

FAULTS = ("defect", "vulnerable_driver", "malicious_driver")
"""Kinds of known issues that are about a fault of the driver itself."""
LEVELS = {"high": 2.3, "medium": 1.5, "low": 0.5}
MOST = 4
ID = "third_party_driver"


@hypothesis(ID)
def third_party_driver(investigation: Investigation) -> Iterator[Hypothesis]:
    """A driver outside Windows has a defect of its own."""
    if investigation.crashes and not investigation.blamed:
        yield _unnamed(investigation)
    for image, shown, crashes in investigation.blamed[:MOST]:
        if crashes[0].category not in ("driver", "software", "unknown"):
            continue
        predictions = Builder()
        predictions.add(_blamed(investigation, shown, crashes), _one_place(investigation, crashes))
        predictions.add(_known(investigation, image, shown), _as_made(investigation, image))
        sets_off = set_off(investigation)
        check = checked(
            investigation, ID, topic="driver checked", expect="a fault of the driver is found", weight=1.0, against=0.7
        )
        predictions.add(sets_off, *check, *treated(investigation, ID, shown), display_resets(investigation, image))
        predictions.add(job_before(investigation))
        module = investigation.module(image)
        product = module.product if module else ""
        of = f" of {product}" if product else ""
        yield Hypothesis(
            ID,
            f"a defect of {shown}" + (" alone, whatever goes before" if sets_off else ""),
            shown,
            f"{shown}{of} mishandles something in its own code, whatever sets it off",
            -0.7,
            tuple(predictions.predictions),
            driver=image,
            products=(product,) if product else (),
        )


def _unnamed(investigation: Investigation) -> Hypothesis:
    """While no dump names anybody, a driver is the commonest cause, and there is a way to make it show."""
    looked = bool(investigation.seen)
    missing = "which driver it is: no crash at hand names one"
    how = VERIFIER if looked else DUMP
    return Hypothesis(
        ID,
        "a defect of a driver that no crash names yet",
        "",
        "a driver damages what others use, or passes them what they cannot handle, and they crash",
        -1.2,
        (untested("blame", "a crash names a driver", missing, how, 2.0, 0.8),),
        hosts=investigation.failed[:1],
    )


def _blamed(investigation: Investigation, shown: str, crashes: list[CrashSeen]) -> Prediction:
    best = max(crashes, key=lambda seen: LEVELS.get(seen.level, 0))
    share = len(crashes) / max(1, len(investigation.seen))
    told = f"{best.headline} (confidence {best.level}; {len(crashes)} of {len(investigation.seen)} analysed crashes)"
    return decided(
        "blame",
        f"analysis blames {shown}",
        told,
        True,
        LEVELS.get(best.level, 0.3),
        2.0,
        investigation.cite_crashes(crashes),
        group="blame",
        share=max(0.3, share),
    )


def _one_place(investigation: Investigation, crashes: list[CrashSeen]) -> Prediction:
    topic, expect = "one place", "several crashes are in one place"
    if len(investigation.seen) < 2:
        missing = "only one crash was analysed"
        return untested(topic, expect, missing, "keep the dumps of further crashes", 1.0, 1.0)
    counts = Counter(seen.signature for seen in investigation.seen)
    same = max(counts[seen.signature] for seen in crashes)
    holds = same >= 2
    told = (
        f"{same} of {len(investigation.seen)} crashes are the same by signature"
        if holds
        else f"no other of {len(investigation.seen)} crashes is like one in {crashes[0].image}"
    )
    share = same / len(investigation.seen) if holds else 1.0
    return decided(topic, expect, told, holds, 1.0, 1.0, investigation.cite_crashes(crashes), share=share)


def _known(investigation: Investigation, image: str, shown: str) -> Prediction:
    topic, expect = "known issue", f"a published fault of {shown} fits"
    about = [issue for issue in investigation.issues if issue.driver == image and issue.category in FAULTS]
    fits = [issue for issue in about if issue.kind == "match"]
    if fits:
        return decided(topic, expect, f"{fits[0].id}: {fits[0].title}", True, 1.2, 0.0, group="known issue")
    near = [issue for issue in about if issue.kind == "near_miss" and issue.fails]
    if near:
        told = f"{near[0].id} is a near miss: {near[0].fails[0]}"
        return decided(topic, expect, told, False, 1.2, 0.2, group="known issue")
    return untested(
        topic,
        expect,
        f"no published fault of {shown} is known here",
        "bugcheck known-issues import PATH (the CVE list, the vendor's articles)",
        1.2,
        0.0,
    )


def _as_made(investigation: Investigation, image: str) -> Prediction | None:
    """A file that somebody changed is no longer its maker's to answer for."""
    if detected := detections_of(investigation, image):
        told = f"a scanner found it: {detected[-1].text}"
        cites = [cite_event(each) for each in detected]
        return decided("files unmodified", "the driver is as its maker made it", told, False, 0.0, 2.5, cites)
    verdict = verdicts(investigation, image)
    if verdict is None or not (verdict.modified or verdict.patched):
        return None
    return decided(
        "files unmodified", "the driver is as its maker made it", verdict.words, False, 0.0, 2.0, verdict.citations
    )
