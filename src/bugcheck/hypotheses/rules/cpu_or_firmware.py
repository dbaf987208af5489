"""A defective processor, its voltage or firmware → machine checks, impossible faults, processors that stop answering.

Source: bug checks 0x101, 0x124, 0x9C; WHEA-Logger events; findings that name what no correct processor does.

Folklore: a corrected error is no crash; a flood of corrected errors announces one.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked_or_asked, decided, found_in_dumps, in_a_guest, untested

ID = "cpu_or_firmware"
CODES = {0x9C: "machine check", 0x101: "a processor that stopped answering", 0x124: "an uncorrectable hardware error"}
BY_HARDWARE, REPORTED = (0x9C, 0x124), 3.2
"""Bug checks that Windows raises on the hardware's own word, and what they add."""
RULES = ("impossible_fault", "hardware_reported", "whea_uncorrectable_error", "clock_watchdog_timeout")


@hypothesis(ID)
def cpu_or_firmware(investigation: Investigation) -> Iterator[Hypothesis]:
    """The processor, its voltage or the firmware is defective."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(
        _codes(investigation),
        found_in_dumps(
            investigation,
            RULES,
            topic="impossible faults",
            expect="a fault no correct processor raises",
            weight=2.0,
            against=0.5,
            group="hardware",
            only=lambda _, finding: finding.weight >= 0.3 and " bit" not in finding.statement,
        ),
        preceded(
            investigation,
            Sought(("whea_error",), "reported hardware error", 60 * 24 * 7, after=30, telling=0.3),
            topic="hardware errors reported",
            expect="hardware errors in the week before, or told at the next boot",
            weight=1.5,
            against=0.5,
            remedy="add the system event log",
        ),
    )
    predictions.add(in_a_guest(investigation))
    predictions.add(
        *checked_or_asked(
            investigation,
            ID,
            topic="processor checked",
            expect="a fault of processor or firmware",
            weight=2.0,
            against=1.0,
            missing="how it runs under load with clocks, voltages and firmware at their defaults",
            remedy="set clocks and voltages to their defaults, run a stress test for an hour, and note the result",
        )
    )
    yield Hypothesis(
        ID,
        "a fault of processor or firmware",
        "",
        "the processor, its voltage or the firmware makes mistakes under some load",
        -2.0,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _codes(investigation: Investigation) -> Prediction:
    topic, expect = "bug checks of the hardware", "the bug checks are those the hardware raises"
    codes = [crash.code for crash in investigation.crashes if crash.code is not None]
    if not codes:
        return untested(topic, expect, "no bug check is known", "add the system event log or a dump", 2.2, 0.8)
    hits = [code for code in codes if code in CODES]
    if not hits:
        shown = ", ".join(sorted({f"{code:#x}" for code in codes}))
        return decided(topic, expect, f"the bug checks are {shown}", False, 2.2, 0.8, investigation.cite_crashes())
    told = f"{len(hits)} of {len(codes)} crashes are {CODES[hits[0]]} ({hits[0]:#x})"
    weight, share = REPORTED if any(code in BY_HARDWARE for code in hits) else 2.2, len(hits) / len(codes)
    cites = investigation.cite_crashes()
    return decided(topic, expect, told, True, weight, 0.8, cites, group="hardware", share=share)
