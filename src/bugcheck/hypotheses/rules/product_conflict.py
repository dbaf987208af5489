"""Security products that get in each other's way → crashes when one of them changes programs or is updated.

Two shapes: one product in different versions on hosts that serve each other updates, and two products on one host.

Source: the story bugcheck was founded on; vendors' advice against two resident scanners on one machine.

Folklore: a server edition on a second host takes clients of its own product over, whatever version they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from bugcheck.hypotheses.file_watchers import watcher_crashed, watching_driver
from bugcheck.hypotheses.hypothesis import Builder, Cite, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.predicting import DUMP, after_action, checked, cites_of, decided, untested
from bugcheck.hypotheses.products import SecurityProduct, family_of, security_products
from bugcheck.hypotheses.update_evidence import logon_before, updates_before
from bugcheck.knowledge.drivers import find_driver

ID = "product_conflict"
LEAST_STACK = 3  # levels a stack must have before who is missing from it means anything


@hypothesis(ID)
def product_conflict(investigation: Investigation) -> Iterator[Hypothesis]:
    """Two security products, or versions of one that update each other, get in each other's way."""
    products = security_products(investigation)
    failed = investigation.failed
    for ours, theirs in combinations(products, 2):
        if ours.host not in failed and theirs.host in failed:
            ours, theirs = theirs, ours
        if ours.host not in failed:
            continue
        if ours.family == theirs.family and ours.host != theirs.host:
            yield _versions(investigation, ours, theirs)
        elif ours.host == theirs.host and ours.family != theirs.family:
            yield _two_products(investigation, ours, theirs)


def _versions(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> Hypothesis:
    subject = f"{ours.shown} on {ours.host}, {theirs.shown} on {theirs.host}"
    predictions = Builder()
    predictions.add(_differ(investigation, ours, theirs), updates_before(investigation, (ours, theirs)))
    predictions.add(logon_before(investigation, ours, theirs), watcher_crashed(investigation))
    predictions.add(_reported(investigation, (ours, theirs)))
    predictions.add(*_checks(investigation), *_treated(investigation, ours, theirs))
    return Hypothesis(
        ID,
        _title(investigation, ours, theirs),
        subject,
        f"{theirs.host} and {ours.host} update each other's {ours.name} across versions, which replaces program files "
        f"{_while(investigation)}",
        -1.1,
        tuple(predictions.predictions),
        hosts=(ours.host, theirs.host),
        driver=watching_driver(investigation)[0],
        products=(ours.name, theirs.name),
    )


def _title(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> str:
    if not ours.release or not theirs.release:
        return f"two versions of {ours.name} in conflict"
    told = [f"{'.'.join(map(str, each.release))} on {each.host}" for each in (ours, theirs)]
    _, shown = watching_driver(investigation)
    return f"{ours.name} {told[0]} and {told[1]} in conflict" + (
        f", which sets off a defect of {shown}" if shown else ""
    )


def _while(investigation: Investigation) -> str:
    """What the replacing of files runs into: the driver that crashed when it watches files, or nobody in particular."""
    _, shown = watching_driver(investigation)
    return f"that {shown} watches; a defect of {shown} turns that into a crash" if shown else "while drivers watch them"


def _treated(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> list[Prediction]:
    """What came after the versions were made equal, or, while nobody did so, that this is the test to make."""
    if investigation.actions(ID, whole=False):
        return after_action(investigation, ID, weight=0.5, against=3.0, whole=False)
    missing = f"whether the crashes end once {ours.host} and {theirs.host} have one version of {ours.name}"
    remedy = "give both one version (the plan says how) and wait for as long as the watch says"
    test = untested("after treatment", "no crash once both have one version", missing, remedy, 1.5, 3.0)
    return [replace(test, necessary=True)]


def _two_products(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> Hypothesis:
    predictions = Builder()
    predictions.add(updates_before(investigation, (ours, theirs)), _both_on_stack(investigation, ours, theirs))
    predictions.add(_reported(investigation, (ours, theirs)))
    return Hypothesis(
        ID,
        f"{ours.name} and {theirs.name} in conflict",
        f"{ours.shown} and {theirs.shown} on {ours.host}",
        f"{ours.name} and {theirs.name} both watch files and programs of {ours.host} and work on the same requests",
        -2.0,
        tuple(predictions.predictions),
        hosts=(ours.host,),
        products=(ours.name, theirs.name),
    )


def _differ(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> Prediction:
    topic, expect = "product versions", "the versions differ"
    if not ours.release or not theirs.release:
        unknown = ours if not ours.release else theirs
        missing = f"the version of {unknown.name} on {unknown.host}"
        return untested(topic, expect, missing, f"add the installed software of {unknown.host}", 1.0, 3.0)
    differ = ours.release != theirs.release
    if not differ and (made := investigation.actions(ID, whole=False)):
        missing = f"which versions there were before this: {made[-1].text}"
        return untested(topic, expect, missing, "add a list of installed software from before", 1.0, 3.0)
    told = f"{ours.host} has {ours.shown}, {theirs.host} has {theirs.shown}" + ("" if differ else ": no difference")
    cites = cites_of([*ours.facts, *theirs.facts])
    return decided(topic, expect, told, differ, 1.0, 3.0, cites, necessary=True)


def _both_on_stack(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> Prediction:
    topic, expect = "who is on the stack", "drivers of both are on a crashed stack"
    if not any(len(seen.stack) >= LEAST_STACK for seen in investigation.seen):
        return untested(topic, expect, "the stack of no crash is known", DUMP, 1.5, 0.7)

    def families(names: tuple[str, ...]) -> set[str]:
        found = (find_driver(name.partition("!")[0].partition("+")[0]) for name in names)
        known = (family_of(f"{each.product} {each.vendor}") for each in found if each)
        return {family[0] for family in known if family}

    holds = any({ours.family, theirs.family} <= families(seen.stack) for seen in investigation.seen)
    told = f"drivers of both {'are' if holds else 'are not'} on the stack"
    return decided(topic, expect, told, holds, 1.5, 0.7, investigation.cite_crashes())


def _reported(investigation: Investigation, products: tuple[SecurityProduct, SecurityProduct]) -> Prediction | None:
    families = {product.family for product in products}
    for issue in investigation.issues:
        found = family_of(issue.product)
        if found and found[0] in families and issue.kind == "match" and issue.category in ("conflict", "defect"):
            told = f"{issue.id}: {issue.title}"
            return decided("reported", "others report the like", told, True, 0.5, 0.0, [Cite("", issue.id)])
    return None


def _checks(investigation: Investigation) -> list[Prediction]:
    return checked(investigation, ID, topic="conflict checked", expect="a conflict is found", weight=1.0, against=1.0)
