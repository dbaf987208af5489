"""A failing disk, cable or controller → disk errors in the log, pages that cannot be read, dumps not written.

Source: event ids of disk, ntfs, storport and volmgr; bug checks 0x7A, 0x77, 0xF4, 0x24 and their statuses.

Folklore: disk event 153 (a retry) comes with healthy disks behind busy controllers; 7 (a bad block) does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Outcome, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked_or_asked, decided, found_in_dumps, untested

ID = "failing_disk"
CODES = {
    0x24: "damaged file system",
    0x77: "unreadable kernel stack page",
    0x7A: "unreadable kernel page",
    0x7B: "no boot device",
    0xF4: "a critical process that ended",
    0xEF: "a critical process that ended",
}
STORAGE_RULES = ("kernel_data_inpage_error", "kernel_stack_inpage_error", "critical_process_died")
DAY = 60 * 24


@hypothesis(ID)
def failing_disk(investigation: Investigation) -> Iterator[Hypothesis]:
    """A disk, its cable or its controller fails."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(
        _codes(investigation),
        preceded(
            investigation,
            Sought(("disk_error", "file_system_error"), "disk or file system error", DAY, telling=0.5),
            topic="disk errors",
            expect="disk or file system errors in the day before each crash",
            weight=1.8,
            against=1.2,
            remedy=f"add the system event log of {investigation.failed[0] or 'the failed host'}",
        ),
    )
    predictions.add(_reported(investigation))
    predictions.add(
        *checked_or_asked(
            investigation,
            ID,
            topic="disk checked",
            expect="the disk has errors",
            weight=2.0,
            against=1.5,
            missing="the disk's own health record",
            remedy="read the disk's health record (smartctl -a, or its maker's tool) and note the result",
        )
    )
    yield Hypothesis(
        ID,
        "a failing disk or controller",
        "",
        "reads and writes fail or hang, and the system stops where it cannot go on without them",
        -1.8,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _reported(investigation: Investigation) -> Prediction | None:
    found = found_in_dumps(
        investigation,
        STORAGE_RULES,
        topic="statuses of storage",
        expect="a dump holds a status of failed reads",
        weight=1.0,
        against=0.0,
        only=lambda _, finding: finding.category == "hardware",
    )
    return found if found.outcome is Outcome.OBSERVED else None


def _codes(investigation: Investigation) -> Prediction:
    topic, expect = "bug checks of storage", "the bug checks are those of failing storage"
    codes = [crash.code for crash in investigation.crashes if crash.code is not None]
    if not codes:
        return untested(topic, expect, "no bug check is known", "add the system event log or a dump", 2.0, 0.8)
    hits = [code for code in codes if code in CODES]
    if hits:
        told = f"{len(hits)} of {len(codes)} crashes are {CODES[hits[0]]} ({hits[0]:#x})"
        return decided(topic, expect, told, True, 2.0, 0.8, investigation.cite_crashes(), share=len(hits) / len(codes))
    shown = ", ".join(sorted({f"{code:#x}" for code in codes}))
    return decided(topic, expect, f"the bug checks are {shown}", False, 2.0, 0.8, investigation.cite_crashes())
