"""A small case built by hand: two hosts, two crashes, an update before each, and one text wherever text can stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.cases.store import Change, Custody, Standing
from bugcheck.evidence.evidence import CrashSeen, Event, Fact, FindingSeen, ModuleSeen, Span
from bugcheck.gaps import Gap
from bugcheck.hypotheses.investigation import Investigation, IssueMatch
from bugcheck.hypotheses.weighing import weigh
from bugcheck.plans.plan import make_plan
from tests.timeline.cases import timeline_with

NOW = datetime(2020, 3, 9, 8, 0, tzinfo=UTC)
CRASHES = (datetime(2020, 3, 2, 18, 2, tzinfo=UTC), datetime(2020, 3, 5, 18, 4, tzinfo=UTC))
STACK = """{"stack": [
 {"index": 0, "name": "nt!KeBugCheckEx+0x1b", "module": "nt", "symbol": "KeBugCheckEx", "trust": "context"},
 {"index": 1, "name": "acme+0x1234", "module": "acme", "symbol": null, "trust": "frame_pointer", "warning": "WORDS"},
 {"index": 2, "name": "nt!left+1", "module": "nt", "symbol": "left", "trust": "scan"}]}"""


def crash(moment: datetime, words: str) -> CrashSeen:
    """A crash in acme.sys."""
    module = ModuleSeen("acme", "acme.sys", words, 1, 4096, 0, "1.0", words, words)
    return CrashSeen(
        time=moment, code=0x8E, name="", parameters=(0xC0000005, 1, 2, 3), signature="s1", bucket="",
        headline=f"acme.sys wrote through a null pointer. {words}", level="high", confidence=0.9, category="driver",
        module="acme", image="acme.sys", process=words, uptime=86400.0, manual=False, modules=(module,), unloaded=(),
        stack=("acme+0x1234",), findings=(FindingSeen("r", words, 0.9, "driver", "acme"),), where="the dump", host="A",
    )  # fmt: skip


def build(words: str = "plain words") -> Investigated:
    """The case; `words` stand in paths, host names, events, facts, notes, issues and gaps."""
    day = timedelta(days=1)
    updates = [
        Event(each - timedelta(minutes=2), "antivirus_update", words, "line 1", words, fields={"product": words})
        for each in CRASHES
    ]
    logons = [Event(each - timedelta(minutes=9), "logon", words, "line 2", fields={"user": words}) for each in CRASHES]
    span = Span(CRASHES[0] - day, CRASHES[1] + day, frozenset(["antivirus_update", "logon", "attack"]))
    judged = Fact("judgement", "bad_memory", "", words, {"who": words, "reason": words, "add": "-0.5"})
    timeline = timeline_with(
        {
            f"A/{words}.dmp": [crash(CRASHES[0], words)],
            "A/second.dmp": [crash(CRASHES[1], words)],
            f"A/{words}.log": [*updates, *logons, span, Fact("software", words, words, words)],
            "notes.toml": [judged],
            f"B/{words}.txt": [Event(CRASHES[0], "boot", words, words, host=f"B{words}")],
        },
        {f"A/{words}.dmp": "A", "A/second.dmp": "A", f"A/{words}.log": "A"},
    )
    for stored in timeline.store.crashes():
        timeline.store.keep_analysis(stored.number, STACK.replace('"WORDS"', json.dumps(words)))
    issue = IssueMatch(
        f"ID-{words}", words, "near_miss", "acme.sys", words, (words,), (words,), (words,), (words,), (words,)
    )
    investigation = Investigation(timeline, (issue,))
    weighed = weigh(investigation)
    case = Case(
        folder=words, created=NOW, title=words, timeline=timeline, investigation=investigation, weighed=weighed,
        issues=(issue,), plan=make_plan(investigation, weighed), evidence=tuple(timeline.evidence),
        gaps=(Gap(words, words, words),),
    )  # fmt: skip
    before, after = (Standing("k", words, state, 1.0, words) for state in ("untested", "supported"))
    return Investigated(case, "c0ffee", "", (Change(words, before, after),), (Custody(NOW, "added", words, "00"),))
