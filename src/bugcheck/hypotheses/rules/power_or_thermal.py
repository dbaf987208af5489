"""Power that fails, or heat → stops without a bug check, thermal events, sudden ends under load.

Source: Kernel-Power 41 with a BugcheckCode of 0, EventLog 6008 without a bug check.

Folklore: a machine that loses power writes no dump and no bug check; one that did write them did not lose power.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.hypotheses.hypothesis import Builder, Cite, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked, decided, untested

ID = "power_or_thermal"


@hypothesis(ID)
def power_or_thermal(investigation: Investigation) -> Iterator[Hypothesis]:
    """The power supply fails, or something overheats."""
    if not investigation.stops:
        return
    predictions = Builder()
    predictions.add(
        _without_code(investigation),
        preceded(
            investigation,
            Sought(("thermal", "power_event"), "thermal or power event", 60),
            topic="power and thermal events",
            expect="a thermal or power event in the hour before each crash",
            weight=1.8,
            against=0.3,
            remedy="add the system event log, the UPS's log, the board's sensor log",
        ),
    )
    predictions.add(
        *checked(investigation, ID, topic="power checked", expect="power or cooling fails", weight=2.0, against=1.2)
    )
    yield Hypothesis(
        ID,
        "power or heat",
        "",
        "the supply drops or a part overheats, and the machine stops or computes wrongly",
        -2.0,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _without_code(investigation: Investigation) -> Prediction:
    topic, expect = "stops without a bug check", "the machine stops without a bug check"
    stops = investigation.stops
    bare = [stop for stop in stops if stop.code is None]
    cites = [Cite(source.evidence, source.where) for stop in (bare or stops) for source in stop.sources[:1]]
    if not stops:
        return untested(topic, expect, "no stop is known", "add the system event log", 1.8, 1.8)
    if len(bare) * 2 >= len(stops):
        told = f"{len(bare)} of {len(stops)} stops left neither a bug check nor a dump"
        return decided(topic, expect, told, True, 1.8, 1.8, cites, share=len(bare) / len(stops))
    told = (
        f"{len(stops) - len(bare)} of {len(stops)} stops are bug checks, which a machine that loses power cannot write"
    )
    return decided(topic, expect, told, False, 1.8, 1.8, cites, share=1 - len(bare) / len(stops))
