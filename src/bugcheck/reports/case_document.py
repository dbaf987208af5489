"""A Case → the Document a person reads: what is most likely, what is not eliminated, what is, and what to do.

Source: the target screen of the design; no winner is printed that the evidence doesn't carry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.cases.store import Change
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, Prediction, State
from bugcheck.hypotheses.investigation import IssueMatch
from bugcheck.knowledge.bugchecks import describe_bugcheck
from bugcheck.plans.plan import Treatment
from bugcheck.records import replace
from bugcheck.reports.case_confidence import confidence_of, level_word
from bugcheck.reports.case_words import Words, counted, words_of
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table
from bugcheck.reports.spoken import Say, say_in, spoken
from bugcheck.reports.widths import columns
from bugcheck.timeline.crashes import IncidentCrash

MOST_CRASHES, MOST_KINDS, MOST_REASONS, MOST_HYPOTHESES = 2, 3, 3, 3
MOST_ISSUES, MOST_STEPS, MOST_GAPS, MOST_CHANGES = 3, 3, 3, 4
MOST_HOSTS, MOST_TIMES, MOST_ELIMINATED = 4, 4, 6
EVERYTHING = 10_000
WEAK = -2.0
"""Log-odds below which a hypothesis that is not eliminated is named only in passing."""
LINE, SHORT = 200, 104
"""Columns of one statement on the screen, two lines and one; the page has them whole."""


def case_document(investigated: Investigated, *, verbose: bool = False, language: str = "en") -> Document:
    """Arrange a case for a person: one screen, or with `verbose` every prediction, crash, step and file."""
    words, investigated, say = words_of(language), spoken(investigated, language), say_in(language)
    case = investigated.case
    blocks: list[Block] = [verdict(case, words), Facts(tuple(_facts(case, words)))]
    blocks += _together([*_reasons(case, words), *_crashes(case, words, verbose)])
    blocks += _together([*_hypotheses(case, words, say, verbose)])
    blocks += _together([*_issues(case, words, verbose), *_plan(case, words, verbose)])
    rest: list[Block] = []
    if investigated.changes:
        shown = investigated.changes[: EVERYTHING if verbose else MOST_CHANGES]
        changes = [change_words(each, words, say) for each in shown]
        rest.append(Points(words["changed"], tuple(shortened(each, LINE if verbose else SHORT) for each in changes)))
    if verbose:
        blocks += _details(case, words)
    blocks += _together([*rest, *_missing(case, words, verbose)])
    return Document(case.folder, tuple(blocks))


def _together(blocks: list[Block]) -> Iterator[Block]:
    """Blocks of one subject, with no empty line between them."""
    for index, block in enumerate(blocks):
        yield replace(block, close=True) if index and isinstance(block, Points) else block


def verdict(case: Case, words: Words) -> Headline:
    """The answer in one sentence, with how far it is supported; none where the evidence carries none."""
    found = supported(case)
    if not case.investigation.crashes:
        return Headline(words["no crash"], "", "")
    if not found:
        return Headline(words["nothing supported"], "", "yellow")
    titles = words["and"].join(each.title for each in found[:2] if each.log_odds >= found[0].log_odds - 1.5)
    return Headline(words["most likely"].format(titles), sure_words(case, words), "red")


def change_words(change: Change, words: Words, say: Say) -> str:
    """What became of a hypothesis since the last time, in a sentence."""
    before, after = change.before, change.after
    title = say(change.title)
    if before is None:
        state = f" ({words[after.state]}, {after.log_odds:+.1f})" if after else ""
        return words["change new"].format(title) + state
    if after is None:
        return words["change gone"].format(title)
    state = words[after.state] if before.state == after.state else f"{words[before.state]} → {words[after.state]}"
    why = f": {say(after.decided_by)}" if after.decided_by else ""
    return f"{title}: {state}, {before.log_odds:+.1f} → {after.log_odds:+.1f}{why}"


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
    if hosts := host_words(case, words, MOST_HOSTS):
        yield words["host list"], hosts
    for leading in supported(case)[:1]:
        yield words["mechanism"], leading.mechanism


def host_words(case: Case, words: Words, most: int) -> str:
    """The first hosts with their role, Windows and time zone, and how many more there are; "" without any."""
    told = list[str]()
    for host in case.timeline.hosts[:most]:
        known = [words.get(host.role, host.role), host.os, str(host.zone) if host.zone_source else ""]
        told.append(f"{host.name} ({words['comma'].join(filter(None, known))})")
    if case.timeline.hosts[most:]:
        told.append(f"+{len(case.timeline.hosts) - most}")
    return "  ·  ".join(told)


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


LONGEST_WORD = 20
"""Characters of a word that is left out whole where a statement is cut."""


def shortened(text: str, limit: int = LINE) -> str:
    """A statement that fits two lines of the screen, or so many columns."""
    if columns(text) <= limit:
        return text
    while columns(text) > limit - 2:
        text = text[: limit - 2] if len(text) > limit - 2 else text[:-1]
    space = text.rfind(" ")
    return (text[:space] if space > len(text) - LONGEST_WORD else text) + " …"


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
        moments = [local_time(case, crash.time, crash.host) for crash in times]
        told = ", ".join(each[:16] for each in moments) if len(moments) <= MOST_TIMES else ""
        told = f"{told} {moments[-1][-6:]}" if told else f"{moments[0]} – {moments[-1]}"
        yield f"{told}  {', '.join(case.investigation.failed[:3])}"
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


def _hypotheses(case: Case, words: Words, say: Say, verbose: bool) -> Iterator[Block]:
    for state, label in (
        (State.SUPPORTED, "also supported"),
        (State.NOT_ELIMINATED, "not_eliminated"),
        (State.ELIMINATED, "eliminated"),
        (State.UNTESTED, "untested"),
    ):
        found = [each for each in case.weighed.hypotheses if each.state is state]
        if state is State.SUPPORTED:
            found = found[1:]
        most = MOST_ELIMINATED if state is State.ELIMINATED else MOST_HYPOTHESES
        lines = list(_lines(found, state, words, say, EVERYTHING if verbose else most, LINE if verbose else SHORT))
        if lines:
            yield Points(words[label], tuple(lines))
    test = case.weighed.next_test
    if test is not None:
        told = f"{test.what}: {test.would_change}" if verbose else test.what
        yield Points(words["next test"], (told, f"→ {test.how}"))


def _lines(found: list[Hypothesis], state: State, words: Words, say: Say, most: int, limit: int) -> Iterator[str]:
    """A line a hypothesis, the most telling ones first; the rest by name."""
    weak = [each for each in found if state is State.NOT_ELIMINATED and each.log_odds < WEAK]
    shown = [each for each in found if each not in weak]
    for each in shown[:most]:
        if state is State.UNTESTED:
            why = next((one.told for one in each.predictions), "")
        else:
            why = say(each.decided_by)
        odds = "" if state in (State.UNTESTED, State.ELIMINATED) else f" ({each.log_odds:+.1f})"
        yield shortened(f"{each.title}{odds}: {why}".removesuffix(": "), limit)
    if shown[most:]:
        yield shortened(words["also"].format(words["comma"].join(each.title for each in shown[most:])), limit)
    if weak:
        yield shortened(
            words["little for"].format(words["comma"].join(f"{each.title} ({each.log_odds:+.1f})" for each in weak))
        )


def _issues(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    lines = list[str]()
    for issue in case.issues[: EVERYTHING if verbose else MOST_ISSUES]:
        kind = words.get(issue.kind, issue.kind)
        fails = f"; {words['but']} {issue.fails[0]}" if issue.fails else ""
        holds = f": {issue.holds[0]}" if issue.holds else ""
        told = f"{issue.id} ({kind}) {issue.title}{holds}{fails}" if verbose else _nearest(issue, kind, words)
        lines.append(shortened(told, LINE if verbose else SHORT))
    if not verbose and case.issues[MOST_ISSUES:]:
        lines.append(counted(words, "issues", len(case.issues) - MOST_ISSUES))
    if lines:
        yield Points(words["known issues"], tuple(lines))


def _nearest(issue: IssueMatch, kind: str, words: Words) -> str:
    """A known issue in a line: what speaks against it, where something does, else what it is."""
    told = f", {words['but']} {issue.fails[0]}" if issue.fails else f": {issue.title}"
    return f"{issue.id} ({kind}){told}"


def _plan(case: Case, words: Words, verbose: bool) -> Iterator[Block]:
    steps = case.plan.steps
    shown = steps if verbose or len(steps) <= MOST_STEPS + 1 else steps[:MOST_STEPS]
    lines = [_step(step, words) if verbose else _short_step(step, words) for step in shown]
    if len(shown) < len(steps):
        lines.append(counted(words, "steps", len(steps) - len(shown)))
    if lines:
        yield Points(words["plan"], tuple(lines))
    if case.investigation.crashes:
        told = tuple(watch_words(case, words))
        yield Points(words["watch"], told if verbose else told[:1])


def _step(step: Treatment, words: Words) -> str:
    parts = [
        f"{words['risk']} {step.risk}" if step.source == "bugcheck" else f"{words['source']} {step.source}",
        f"{words['undo']}: {step.undo}" if step.undo else "",
        f"{words['proves']}: {step.proves}" if step.proves else "",
        f"{words['done']}: {step.done}" if step.done else "",
    ]
    return f"{step.step}  {step.text}  ·  " + "  ·  ".join(filter(None, parts))


def _short_step(step: Treatment, words: Words) -> str:
    """A step in two lines: what to do, what it risks in a word, and whether it is done."""
    risk = step.risk.replace("：", ":").partition(":")[0]
    mark = f"{words['risk']} {risk}" if step.source == "bugcheck" else step.source
    parts = (step.text, mark, f"{words['done']}: {step.done}" if step.done else "")
    return shortened(f"{step.step}  " + "  ·  ".join(filter(None, parts)))


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
