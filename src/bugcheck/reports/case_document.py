"""A Case → the Document a person reads: what is most likely, what is not eliminated, what is, and what to do.

Source: the target screen of the design; no winner is printed that the evidence doesn't carry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, Prediction, State
from bugcheck.knowledge.bugchecks import describe_bugcheck
from bugcheck.plans.plan import Treatment
from bugcheck.reports.case_confidence import confidence_of, level_word
from bugcheck.reports.case_words import Words, counted, words_of
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table
from bugcheck.timeline.crashes import IncidentCrash

MOST_CRASHES, MOST_KINDS, MOST_REASONS, MOST_HYPOTHESES = 4, 4, 4, 4
MOST_ISSUES, MOST_STEPS, MOST_GAPS = 3, 4, 3
EVERYTHING = 10_000
WEAK = -2.0
"""Log-odds below which a hypothesis that is not eliminated is named only in passing."""
LINE = 200
"""Characters of one statement on the screen; the page has them whole."""


def case_document(investigated: Investigated, *, verbose: bool = False, language: str = "en") -> Document:
    """Arrange a case for a person; `verbose` adds every prediction, crash, step and file."""
    words, case = words_of(language), investigated.case
    blocks: list[Block] = [verdict(case, words), Facts(tuple(_facts(case, words)))]
    blocks += _reasons(case, words)
    blocks += _crashes(case, words, verbose)
    blocks += _hypotheses(case, words, verbose)
    blocks += _issues(case, words, verbose)
    blocks += _plan(case, words, verbose)
    if investigated.changes:
        changes = [each.words for each in investigated.changes[: EVERYTHING if verbose else 4]]
        blocks.append(Points(words["changed"], tuple(changes)))
    if verbose:
        blocks += _details(case, words)
    blocks += _missing(case, words, verbose)
    return Document(case.folder, tuple(blocks))


def verdict(case: Case, words: Words) -> Headline:
    """The answer in one sentence, with how far it is supported; none where the evidence carries none."""
    found = supported(case)
    if not case.investigation.crashes:
        return Headline(words["no crash"], "", "")
    if not found:
        return Headline(words["nothing supported"], "", "yellow")
    titles = words["and"].join(each.title for each in found[:2] if each.log_odds >= found[0].log_odds - 1.5)
    return Headline(words["most likely"].format(titles), sure_words(case, words), "red")


def sure_words(case: Case, words: Words) -> str:
    """How sure the first hypothesis is, in a word and as its share of the odds."""
    share = confidence_of(case.weighed.hypotheses) or 0.0
    return words[f"sure {level_word(share)}"].format(f"{share:.0%}")


def supported(case: Case) -> list[Hypothesis]:
    """The hypotheses that are supported, best first."""
    return [each for each in case.weighed.hypotheses if each.state is State.SUPPORTED]


def read_words(case: Case, words: Words) -> str:
    """What was read, in numbers."""
    crashes = len(case.investigation.crashes)
    numbers = [
        counted(words, "files", len(case.evidence)),
        counted(words, "hosts", len(case.timeline.hosts)),
        counted(words, "events", sum(each.events for each in case.evidence)),
        counted(words, "crashes", crashes),
    ]
    if others := len(case.investigation.stops) - crashes:
        numbers.append(counted(words, "stops", others))
    return words["comma"].join(numbers)


def _facts(case: Case, words: Words) -> Iterator[tuple[str, str]]:
    if case.title:
        yield words["case"], case.title
    yield words["read"], read_words(case, words)
    for host in case.timeline.hosts[:MOST_HYPOTHESES]:
        known = [host.os, str(host.zone) if host.zone_source else ""]
        yield words["host"], f"{host.name}  ({', '.join([words.get(host.role, host.role), *filter(None, known)])})"
    for leading in supported(case)[:1]:
        yield words["mechanism"], leading.mechanism


def telling(case: Case, hypothesis: Hypothesis) -> list[Prediction]:
    """Predictions of a hypothesis whose outcome tells it apart from others."""
    topics = {
        each.prediction.topic
        for each in case.weighed.discriminating
        if hypothesis.key in (*each.speaks_for, *each.speaks_against)
    }
    return [each for each in hypothesis.counted if each.topic in topics and each.weight]


def _reasons(case: Case, words: Words) -> Iterator[Block]:
    for leading in supported(case)[:1]:
        apart = telling(case, leading)
        counting = sorted(leading.counted, key=lambda each: -abs(each.weight))
        rows = (
            ("told apart", [each for each in counting if each in apart and each.weight > 0]),
            ("because", [each for each in counting if each not in apart and each.weight > 0]),
            ("against", [each for each in counting if each.outcome is Outcome.CONTRADICTED]),
        )
        for label, found in rows:
            if found:
                lines = [f"{shortened(each.told)}  ({each.weight:+.1f})" for each in found[:MOST_REASONS]]
                yield Points(words[label], tuple(lines))


def shortened(text: str, limit: int = LINE) -> str:
    """A statement that fits two lines of the screen."""
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + " …"


def _crashes(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    stops = case.investigation.stops
    if verbose and stops:
        rows = tuple(_crash_row(case, crash) for crash in stops)
        yield Table(words["crashed"], (words["when"], words["host"], words["bug check"], words["what"]), rows)
        return
    if len(stops) <= MOST_CRASHES:
        lines = ["  ".join(filter(None, _crash_row(case, crash))) for crash in stops]
    else:
        lines = list(_kinds(case, words, case.investigation.crashes or stops))
    if lines:
        yield Points(words["crashed"], tuple(shortened(line) for line in lines))


def _crash_row(case: Case, crash: IncidentCrash) -> tuple[str, str, str, str]:
    what = crash.seen.headline if crash.seen else ""
    return local_time(case, crash.time, crash.host), crash.host, code_words(crash.code), what


def code_words(code: int | None) -> str:
    """A bug check's number and name; "" without one."""
    if code is None:
        return ""
    known = describe_bugcheck(code)
    return f"{code:X}" + (f" {known.name}" if known else "")


def _kinds(case: Case, words: Words, crashes: Sequence[IncidentCrash]) -> Iterator[str]:
    """Many crashes: when they were, and how many of each bug check with what their dumps say."""
    times = [crash for crash in crashes if crash.time]
    if times:
        first, last = (local_time(case, crash.time, crash.host) for crash in (times[0], times[-1]))
        yield f"{first} – {last}  {', '.join(case.investigation.failed[:3])}"
    groups: dict[int | None, list[IncidentCrash]] = {}
    for crash in crashes:
        groups.setdefault(crash.code, []).append(crash)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    for code, group in ordered[:MOST_KINDS]:
        said = [crash.seen.headline for crash in group if crash.seen and crash.seen.headline]
        most = max(said, key=said.count, default="")
        yield f"{len(group)} × {code_words(code) or words['no code']}" + (f": {most}" if most else "")
    if ordered[MOST_KINDS:]:
        yield counted(words, "kinds", len(ordered) - MOST_KINDS)


def local_time(case: Case, moment: datetime | None, host: str) -> str:
    """A time on a host's own clock, with its offset."""
    if moment is None:
        return "?"
    known = case.timeline.host(host) if host else None
    local = moment.astimezone(known.zone) if known else moment
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def _hypotheses(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    for state, label in (
        (State.SUPPORTED, "also supported"),
        (State.NOT_ELIMINATED, "not_eliminated"),
        (State.ELIMINATED, "eliminated"),
        (State.UNTESTED, "untested"),
    ):
        found = [each for each in case.weighed.hypotheses if each.state is state]
        if state is State.SUPPORTED:
            found = found[1:]
        lines = list(_lines(found, state, words))
        if lines:
            yield Points(words[label], tuple(lines[: EVERYTHING if verbose else MOST_HYPOTHESES + 2]))
    test = case.weighed.next_test
    if test is not None:
        yield Points(words["next test"], (f"{test.what}: {test.would_change}", f"→ {test.how}"))


def _lines(found: list[Hypothesis], state: State, words: Words) -> Iterator[str]:
    weak: list[str] = []
    for each in found:
        if state is State.NOT_ELIMINATED and each.log_odds < WEAK:
            weak.append(f"{each.title} ({each.log_odds:+.1f})")
        elif state is State.UNTESTED:
            missing = next((one.told for one in each.predictions), "")
            yield shortened(f"{each.title}: {missing}")
        elif state is State.ELIMINATED:
            yield shortened(f"{each.title}: {each.decided_by}")
        else:
            yield shortened(f"{each.title} ({each.log_odds:+.1f}): {each.decided_by}".removesuffix(": "))
    if weak:
        yield words["little for"].format(", ".join(weak))


def _issues(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    lines = list[str]()
    for issue in case.issues[: EVERYTHING if verbose else MOST_ISSUES]:
        kind = words.get(issue.kind, issue.kind)
        fails = f"; {words['but']} {issue.fails[0]}" if issue.fails else ""
        holds = f": {issue.holds[0]}" if issue.holds else ""
        lines.append(shortened(f"{issue.id} ({kind}) {issue.title}{holds}{fails}"))
    if lines:
        yield Points(words["known issues"], tuple(lines))


def _plan(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    steps = case.plan.steps
    shown = steps if verbose or len(steps) <= MOST_STEPS + 1 else steps[:MOST_STEPS]
    lines = [_step(step, words) for step in shown]
    if len(shown) < len(steps):
        lines.append(counted(words, "steps", len(steps) - len(shown)))
    if lines:
        yield Points(words["plan"], tuple(lines))
    if case.investigation.crashes:
        yield Points(words["watch"], tuple(watch_words(case, words)))


def _step(step: Treatment, words: Words) -> str:
    parts = [
        f"{words['risk']} {step.risk}" if step.source == "bugcheck" else f"{words['source']} {step.source}",
        f"{words['undo']}: {step.undo}" if step.undo else "",
        f"{words['proves']}: {step.proves}" if step.proves else "",
        f"{words['done']}: {step.done}" if step.done else "",
    ]
    return f"{step.step}  {step.text}  ·  " + "  ·  ".join(filter(None, parts))


def watch_words(case: Case, words: Words) -> Iterator[str]:
    """How long to watch, and why so long."""
    watch = case.plan.watch
    if watch.until is not None:
        host = case.investigation.failed[0] if case.investigation.failed else ""
        until = local_time(case, watch.until, host)
        yield words["watch until"].format(f"{until[:16]} {until[-6:]}", f"{watch.confidence:.0%}")
    yield watch.basis


def _details(case: Case, words: Words) -> Iterator[Block]:
    rows = [row for each in case.weighed.hypotheses for row in _sum(each, words)]
    heads = (words["hypothesis"], words["expected"], words["outcome"], words["weight"], words["found"], words["where"])
    yield Table(words["predictions"], heads, tuple(rows), frozenset([words["weight"]]))
    files = [
        (each.id, each.path, each.kind, each.host, f"{each.events:,}", f"{each.facts:,}", each.quality.value)
        for each in case.evidence
    ]
    counts = (words["event count"], words["facts"])
    heads = ("id", words["file"], words["kind"], words["host"], *counts, words["quality"])
    yield Table(words["evidence"], heads, tuple(files), frozenset(counts))


def _sum(each: Hypothesis, words: Words) -> Iterator[tuple[str, str, str, str, str, str]]:
    """A hypothesis's log-odds as a sum that can be done by hand; a weight in brackets is not counted."""
    yield each.title, words["prior"], "", f"{each.prior:+.2f}", "", ""
    for one in each.predictions:
        weight = f"{one.weight:+.2f}" if one in each.counted else f"({one.weight:+.2f})"
        yield each.title, one.expect, words[one.outcome.value], weight, one.told, _places(one)
    for said in each.standing_judgements:
        state = words[said.state.value] if said.state else ""
        yield each.title, words["people added"], state, f"{said.add:+.2f}", said.reason, said.by
    yield each.title, words["log-odds"], words[each.state.value], f"{each.log_odds:+.2f}", each.decided_by, ""


def _places(prediction: Prediction) -> str:
    return ", ".join(f"{cite.evidence} {cite.where}".strip() for cite in prediction.citations[:3])


def _missing(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    unknown = [each.path for each in case.evidence if each.kind == "unknown"]
    lines = list[str]()
    for gap in case.gaps[: EVERYTHING if verbose else MOST_GAPS]:
        lines.append(f"{gap.what}: {gap.missing}")
        if gap.remedy:
            lines.append(f"→ {gap.remedy}")
    if unknown:
        shown = ", ".join(unknown[: None if verbose else 8]) + (" …" if len(unknown) > 8 and not verbose else "")
        lines.append(f"{words['not recognised']}: {counted(words, 'files', len(unknown))}: {shown}")
    if lines:
        yield Points(words["missing"], tuple(lines))
