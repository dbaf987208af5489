"""A Case → the Document a person reads: what is most likely, what is not eliminated, what is, and what to do.

Source: the target screen of the design; no winner is printed that the evidence doesn't carry.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, State
from bugcheck.reports.case_words import Words, words_of
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table
from bugcheck.timeline.crashes import IncidentCrash

MOST_CRASHES, MOST_ISSUES, MOST_GAPS = 8, 4, 6
TONES = {State.SUPPORTED: "red", State.NOT_ELIMINATED: "yellow"}
WEAK = -2.0
"""Log-odds below which a hypothesis that is not eliminated is named only in passing."""


def case_document(investigated: Investigated, *, verbose: bool = False, language: str = "en") -> Document:
    """Arrange a case for a person; `verbose` adds every prediction and every file."""
    words, case = words_of(language), investigated.case
    blocks: list[Block] = [_headline(case, words), Facts(tuple(_facts(case, words)))]
    blocks += _crash_table(case, words)
    blocks += _hypotheses(case, words)
    blocks += _issues(case, words)
    blocks += _plan(case, words)
    if investigated.changes:
        blocks.append(Points(words["changed"], tuple(each.words for each in investigated.changes)))
    if verbose:
        blocks += _details(case, words)
    blocks += _missing(case, words, verbose)
    return Document(case.folder, tuple(blocks))


def _headline(case: Case, words: Words) -> Headline:
    supported = [each for each in case.weighed.hypotheses if each.state is State.SUPPORTED]
    if not case.investigation.crashes:
        return Headline(words["no crash"], "", "")
    if not supported:
        return Headline(words["nothing supported"], "", "yellow")
    first = supported[0]
    titles = words["and"].join(each.title for each in supported[:2] if each.log_odds >= first.log_odds - 1.5)
    return Headline(words["most likely"].format(titles), words["supported"].format(f"{first.log_odds:+.1f}"), "red")


def _facts(case: Case, words: Words) -> Iterator[tuple[str, str]]:
    if case.title:
        yield words["case"], case.title
    events = sum(each.events for each in case.evidence)
    hosts = len(case.timeline.hosts)
    crashes = len(case.investigation.crashes)
    yield words["read"], words["read counts"].format(len(case.evidence), hosts, events, crashes)
    for host in case.timeline.hosts:
        zone = f", {host.zone}" if host.zone_source else ""
        yield words["host"], f"{host.name}  ({words.get(host.role, host.role)})  {host.os}{zone}"
    leading = next(iter(case.weighed.hypotheses), None)
    if leading is not None and leading.state is State.SUPPORTED:
        yield words["mechanism"], leading.mechanism
        for each in leading.predictions:
            if each.outcome is Outcome.OBSERVED and each.weight > 0:
                yield words["because"], f"{each.told}  ({each.weight:+.1f})"
            elif each.outcome is Outcome.CONTRADICTED:
                yield words["against"], f"{each.told}  ({each.weight:+.1f})"


def _crash_table(case: Case, words: Words) -> Iterator[Block]:
    crashes = [crash for crash in case.timeline.crashes if not (crash.seen and crash.seen.manual)]
    if not crashes:
        return
    rows = [_crash_row(case, crash) for crash in crashes[-MOST_CRASHES:]]
    title = words["crashes"].format(len(crashes))
    yield Table(title, (words["when"], words["host"], words["bug check"], words["what"]), tuple(rows))


def _crash_row(case: Case, crash: IncidentCrash) -> tuple[str, str, str, str]:
    code = f"{crash.code:#x}" if crash.code is not None else ""
    what = crash.seen.headline if crash.seen else ""
    return local_time(case, crash.time, crash.host), crash.host, code, what


def local_time(case: Case, moment: datetime | None, host: str) -> str:
    """A time on a host's own clock, with its offset."""
    if moment is None:
        return "?"
    known = case.timeline.host(host) if host else None
    local = moment.astimezone(known.zone if known else None) if known else moment
    return f"{local:%Y-%m-%d %H:%M:%S %z}"


def _hypotheses(case: Case, words: Words) -> Iterator[Block]:
    for state, label in (
        (State.SUPPORTED, "also supported"),
        (State.NOT_ELIMINATED, "not eliminated"),
        (State.ELIMINATED, "eliminated"),
        (State.UNTESTED, "untested"),
    ):
        found = [each for each in case.weighed.hypotheses if each.state is state]
        if state is State.SUPPORTED:
            found = found[1:]
        if found:
            yield Points(words[label], tuple(_lines(found, state, words)))
    if case.weighed.discriminating:
        told = [
            f"{each.told}  ({_whom(case, each.speaks_for, '+')}{_whom(case, each.speaks_against, '-')})"
            for each in case.weighed.discriminating[:4]
        ]
        yield Points(words["tells apart"], tuple(told))
    test = case.weighed.next_test
    if test is not None:
        yield Points(words["next test"], (f"{test.what}: {test.would_change}", f"→ {test.how}"))


def _whom(case: Case, keys: tuple[str, ...], sign: str) -> str:
    titles = [each.title for each in case.weighed.hypotheses if each.key in keys]
    return f" {sign} {', '.join(titles[:2])}" if titles else ""


def _lines(found: list[Hypothesis], state: State, words: Words) -> Iterator[str]:
    weak: list[str] = []
    for each in found:
        if state is State.NOT_ELIMINATED and each.log_odds < WEAK:
            weak.append(f"{each.title} ({each.log_odds:+.1f})")
        elif state is State.UNTESTED:
            missing = next((one.told for one in each.predictions), "")
            yield f"{each.title}: {missing}"
        elif state is State.ELIMINATED:
            yield f"{each.title}: {each.decided_by}"
        else:
            yield f"{each.title} ({each.log_odds:+.1f}): {each.decided_by}"
    if weak:
        yield words["little for"].format(", ".join(weak))


def _issues(case: Case, words: Words) -> Iterator[Block]:
    lines = list[str]()
    for issue in case.issues[:MOST_ISSUES]:
        kind = words.get(issue.kind, issue.kind)
        fails = f"; {words['but']} {issue.fails[0]}" if issue.fails else ""
        holds = issue.holds[0] if issue.holds else ""
        lines.append(f"{issue.id} ({kind}): {issue.title}: {holds}{fails}")
    if lines:
        yield Points(words["known issues"], tuple(lines))


def _plan(case: Case, words: Words) -> Iterator[Block]:
    rows = tuple((str(step.step), step.text, step.risk, step.undo or "", step.proves or "") for step in case.plan.steps)
    if rows:
        heads = ("#", words["do"], words["risk"], words["undo"], words["proves"])
        yield Table(words["plan"], heads, rows)
    watch = case.plan.watch
    if watch.until is not None:
        host = case.investigation.failed[0] if case.investigation.failed else ""
        until = local_time(case, watch.until, host)[:16]
        yield Points(words["watch"], (words["watch until"].format(until, f"{watch.confidence:.0%}"), watch.basis))
    elif case.investigation.crashes:
        yield Points(words["watch"], (watch.basis,))


def _details(case: Case, words: Words) -> Iterator[Block]:
    rows = [
        (each.title, one.expect, one.outcome.value, f"{one.weight:+.2f}", one.told, _places(one.citations))
        for each in case.weighed.hypotheses
        for one in each.predictions
    ]
    heads = (words["hypothesis"], words["expected"], words["outcome"], words["weight"], words["found"], words["where"])
    yield Table(words["predictions"], heads, tuple(rows), frozenset([words["weight"]]))
    files = [
        (each.id, each.path, each.kind, each.host, f"{each.events:,}", f"{each.facts:,}", each.quality.value)
        for each in case.evidence
    ]
    heads = ("id", words["file"], words["kind"], words["host"], words["events"], words["facts"], words["quality"])
    yield Table(words["evidence"], heads, tuple(files), frozenset([words["events"], words["facts"]]))


def _places(citations: tuple[object, ...]) -> str:
    return ", ".join(f"{getattr(cite, 'evidence', '')} {getattr(cite, 'where', '')}".strip() for cite in citations[:3])


def _missing(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    unknown = [each.path for each in case.evidence if each.kind == "unknown"]
    lines = [
        f"{gap.what}: {gap.missing}" + (f"  → {gap.remedy}" if gap.remedy else "")
        for gap in (case.gaps if verbose else case.gaps[:MOST_GAPS])
    ]
    if unknown:
        shown = ", ".join(unknown[: None if verbose else 8]) + (" …" if len(unknown) > 8 and not verbose else "")
        lines.append(words["not recognised"].format(len(unknown), shown))
    if lines:
        yield Points(words["missing"], tuple(lines))
