"""Defective memory → single changed bits, crashes in unrelated places, codes of damaged structures.

Source: the findings of the crashes' analyses; WHEA events; memory tests people ran.

Folklore: software is blamed for years of memory that flips a bit a week.  The signs are variety (of codes, modules and
addresses) and powers of two.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import FindingSeen
from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked_or_asked, decided, found_in_dumps, in_a_guest, untested

ID = "bad_memory"
BIT_RULES = frozenset(
    [
        *("possible_bit_flip", "code_mismatch", "given_image", "memory_management", "pfn_list_corrupt"),
        *("bad_pool_header", "driver_overran_stack_buffer", "memory1_initialization_failed"),
    ]
)
"""Rules that find changed bits; others of hardware speak of devices and processors."""
MEMORY_WORDS = ("memory", "dimm", "ecc", "dram")


@hypothesis(ID)
def bad_memory(investigation: Investigation) -> Iterator[Hypothesis]:
    """Memory modules, or their settings, change bits."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(
        found_in_dumps(
            investigation,
            BIT_RULES | {"hardware_reported"},
            topic="changed bits",
            expect="a value in the dump has a changed bit",
            weight=2.2,
            against=1.0,
            only=lambda _, found: found.category == "hardware" and found.weight >= 0.3 and is_of_memory(found),
        ),
        _scattered(investigation),
        preceded(
            investigation,
            Sought(
                ("whea_error",),
                "reported memory error",
                60 * 24 * 7,
                after=30,
                telling=0.7,
                only=lambda event: any(word in f"{event.text} {event.fields}".lower() for word in MEMORY_WORDS),
            ),
            topic="memory errors reported",
            expect="the hardware reported memory errors",
            weight=2.0,
            against=0.3,
            remedy="add the system event log",
        ),
    )
    predictions.add(in_a_guest(investigation))
    predictions.add(
        *checked_or_asked(
            investigation,
            ID,
            topic="memory test",
            expect="a memory test finds errors",
            weight=3.0,
            against=1.5,
            missing="the result of a memory test",
            remedy="test the modules one at a time over several passes and note the result",
        )
    )
    yield Hypothesis(
        ID,
        "bad memory",
        "",
        "a memory module, its slot or its settings change bits, and whoever uses them crashes",
        -1.4,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def is_of_memory(finding: FindingSeen) -> bool:
    """Tell whether a finding of hardware speaks of memory: a bit, or memory in so many words."""
    return finding.rule in BIT_RULES or any(word in finding.statement.lower() for word in (" bit", *MEMORY_WORDS))


def _scattered(investigation: Investigation) -> Prediction:
    topic, expect = "one place", "the crashes are in unrelated places"
    signatures = [seen.signature for seen in investigation.seen]
    if len(signatures) < 3:
        return untested(topic, expect, "fewer than three crashes were analysed", "keep further dumps", 1.2, 1.5)
    most = max(signatures.count(each) for each in set(signatures))
    holds = most <= len(signatures) // 3
    told = f"{len(set(signatures))} different signatures in {len(signatures)} crashes"
    if not holds:
        told = f"{most} of {len(signatures)} crashes are the same"
    return decided(topic, expect, told, holds, 1.2, 1.5, investigation.cite_crashes())
