"""Power that fails, or heat → stops without a bug check, thermal events, sudden ends under load.

Source: Kernel-Power 41 with a BugcheckCode of 0, EventLog 6008 without a bug check.

Folklore: a machine that loses power writes no dump and no bug check; one that did write them did not lose power.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bugcheck.hypotheses.hypothesis import Builder, Cite, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked_or_asked, decided, in_a_guest, untested
from bugcheck.timeline.crashes import IncidentCrash

ID = "power_or_thermal"
MOST, EACH_MORE = 3.2, 0.4
"""What many stops without a trace add at most, and what each more adds."""
REPORT = timedelta(days=14)


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
            Sought(("thermal", "power_event"), "thermal or power event", 60, stops=True),
            topic="power and thermal events",
            expect="a thermal or power event in the hour before each crash",
            weight=1.8,
            against=0.3,
            remedy="add the system event log, the UPS's log, the board's sensor log",
        ),
    )
    predictions.add(in_a_guest(investigation))
    predictions.add(
        *checked_or_asked(
            investigation,
            ID,
            topic="power checked",
            expect="power or cooling fails",
            weight=2.0,
            against=1.2,
            missing="voltages and temperatures up to a stop",
            remedy="log supply voltages and temperatures until the next stop, and note the result",
        )
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
    """Stops without any trace; one that somebody ended by the power button was a hang, and had its power."""
    topic, expect = "stops without a bug check", "the machine stops without a bug check"
    stops = investigation.stops
    if not stops:
        return untested(topic, expect, "no stop is known", "add the system event log", 1.8, 1.8)
    pressed = [stop for stop in stops if stop.code is None and _was_switched_off(investigation, stop)]
    bare = [stop for stop in stops if stop.code is None and stop not in pressed]
    cites = [Cite(source.evidence, source.where) for stop in (bare or stops) for source in stop.sources[:1]]
    weight = min(MOST, 1.8 + EACH_MORE * (len(bare) - 1))
    hung = f"; {len(pressed)} were ended by the power button, after a hang" if pressed else ""
    if len(bare) * 2 >= len(stops):
        told = f"{len(bare)} of {len(stops)} stops left neither a bug check nor a dump{hung}"
        return decided(topic, expect, told, True, weight, 1.8, cites, share=len(bare) / len(stops))
    coded = len(stops) - len(bare) - len(pressed)
    told = f"{coded} of {len(stops)} stops are bug checks, which a machine that loses power cannot write{hung}"
    return decided(topic, expect, told, False, 1.8, 1.8, cites, share=1 - len(bare) / len(stops))


def _was_switched_off(investigation: Investigation, stop: IncidentCrash) -> bool:
    places = {(source.evidence, source.where) for source in stop.sources}
    if stop.time is None:
        return False
    reports = investigation.timeline.events(
        "unexpected_shutdown", host=stop.host, start=stop.time, end=stop.time + REPORT, limit=20
    )
    return any(each.fields.get("power_button") and (each.evidence, each.where) in places for each in reports)
