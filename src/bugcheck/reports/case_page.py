"""An investigation → the Page of the case: answer, picture of time, reasons, matrix, stack, plan, issues, files, gaps.

Source: the order is that of the target page of the design.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bugcheck import __version__
from bugcheck.cases.investigate import Case
from bugcheck.cases.session import Investigated
from bugcheck.evidence.evidence import Evidence
from bugcheck.hypotheses.hypothesis import Cite, Hypothesis, Outcome, Prediction
from bugcheck.hypotheses.investigation import IssueMatch
from bugcheck.reports.case_before import before_crashes
from bugcheck.reports.case_confidence import confidence_of
from bugcheck.reports.case_document import (
    change_words,
    code_words,
    host_words,
    local_time,
    read_words,
    supported,
    telling,
    verdict,
    watch_words,
)
from bugcheck.reports.case_matrix import evidence_matrix, hypothesis_anchor
from bugcheck.reports.case_picture import whole_picture
from bugcheck.reports.case_ranking import hypothesis_ranking
from bugcheck.reports.case_stack import case_stack, telling_crash
from bugcheck.reports.case_words import Words, words_of
from bugcheck.reports.document import Facts
from bugcheck.reports.page import (
    Entries,
    Entry,
    Grid,
    GridRow,
    Link,
    Page,
    Part,
    Remedies,
    Remedy,
    Section,
    Statement,
    Statements,
    anchor_of,
)
from bugcheck.reports.spoken import Say, say_in, spoken

MOST_CITES, MOST_CRASHES, MOST_ISSUES, MOST_FILES, MOST_CHANGED = 3, 500, 40, 2000, 20
FIRST_ISSUES, MOST_NAMED = 3, 12
LINK_LIMIT = 48


def case_page(investigated: Investigated, *, language: str = "en") -> Page:
    """Arrange all that is known of a case."""
    words, investigated, say = words_of(language), spoken(investigated, language), say_in(language)
    case = investigated.case
    sections = (
        _summary(case, words),
        _pictures(case, words, say),
        _reasons(case, words),
        _matrix(case, words, say),
        _stack(case, words, say),
        _plan(case, words),
        _issues(case, words),
        _more_issues(case, words),
        _changes(investigated, words, say),
        _hypotheses(case, words),
        _crashes(case, words),
        _evidence(case, words, say),
        _gaps(case, words),
    )
    head = verdict(case, words)
    colophon = f"bugcheck {__version__}  ·  {words['case']} {investigated.id or words['not kept']}  ·  "
    colophon += f"{case.created:%Y-%m-%d %H:%M} UTC"
    used = tuple(section for section in sections if section.parts)
    sure = confidence_of(case.weighed.hypotheses) if case.investigation.crashes else None
    tongue, skip = words["html language"], words["skip"]
    return Page(case.title or case.folder, head, used, sure, colophon, tongue, words["contents"], skip)


def _summary(case: Case, words: Words) -> Section:
    rows = [(words["read"], read_words(case, words))]
    if hosts := host_words(case, words, MOST_NAMED):
        rows.append((words["host list"], hosts))
    rows += [(words["mechanism"], each.mechanism) for each in supported(case)[:1]]
    return Section("", (Facts(tuple(rows)),))


def _pictures(case: Case, words: Words, say: Say) -> Section:
    found = (whole_picture(case, words), before_crashes(case, words, say))
    return Section(words["time heading"], tuple(each for each in found if each), "time")


def _reasons(case: Case, words: Words) -> Section:
    parts = list[Part]()
    for first in supported(case)[:1]:
        apart = telling(case, first)
        rows = (
            ("told apart", "for", [each for each in first.counted if each in apart and each.weight > 0]),
            ("because", "for", [each for each in first.counted if each not in apart and each.weight > 0]),
            ("against", "against", [each for each in first.predictions if each.weight < 0]),
        )
        for label, tone, found in rows:
            if found:
                parts.append(Statements(words[label], tuple(_statement(case, each) for each in found), tone))
    test = case.weighed.next_test
    if test is not None:
        lines = (Statement(f"{test.what}: {test.would_change}"), Statement(f"{words['how']}: {test.how}"))
        parts.append(Statements(words["next test"], lines, "doubt"))
    return Section(words["why heading"], tuple(parts), "why")


def _statement(case: Case, prediction: Prediction) -> Statement:
    return Statement(prediction.told, cites(case, prediction.citations), f"{prediction.weight:+.2f}")


def cites(case: Case, found: Sequence[Cite]) -> tuple[Link, ...]:
    """Links to the files that citations stand in, with the place in them."""
    shown = found if len(found) <= MOST_CITES else found[: MOST_CITES - 1]
    more = (Link(f"+{len(found) - len(shown)}"),) if len(found) > len(shown) else ()
    return (*(_link(case, cite) for cite in shown), *more)


def _link(case: Case, cite: Cite) -> Link:
    evidence = case.timeline.evidence_of(cite.evidence)
    name = evidence.path.replace("\\", "/").rpartition("/")[2] if evidence else cite.evidence
    text = ", ".join(filter(None, (name, cite.where)))
    return Link(text if len(text) <= LINK_LIMIT else text[: LINK_LIMIT - 1] + "…", anchor_of("file", cite.evidence))


def _matrix(case: Case, words: Words, say: Say) -> Section:
    found = (hypothesis_ranking(case, words, say), evidence_matrix(case, words))
    return Section(words["matrix heading"], tuple(each for each in found if each), "matrix")


def _stack(case: Case, words: Words, say: Say) -> Section:
    crash = telling_crash(case)
    stack = case_stack(case, crash, words, say) if crash else None
    if crash is None or stack is None:
        return Section("", ())
    about = [local_time(case, crash.time, crash.host), crash.host, code_words(crash.code)]
    told = say(crash.seen.headline) if crash.seen else ""
    return Section(words["stack heading"], (Statements("", (Statement(told, (), "  ".join(about)),)), stack), "stack")


def _plan(case: Case, words: Words) -> Section:
    heads = ("#", words["do"], words["target"], words["risk"], words["undo"], words["proves"], words["source"])
    rows = tuple(
        GridRow(
            (
                f"{step.step}",
                step.text + (f"  [{words['done']}: {step.done}]" if step.done else ""),
                step.target,
                step.risk,
                step.undo,
                step.proves,
                step.source,
            )
        )
        for step in case.plan.steps
    )
    parts: list[Part] = [Grid(words["plan order"], heads, rows)] if rows else []
    if case.investigation.crashes:
        parts.append(Statements(words["watch"], tuple(Statement(line) for line in watch_words(case, words))))
    return Section(words["plan heading"], tuple(parts), "plan")


def _issues(case: Case, words: Words) -> Section:
    """The known issues that come first: what matches, and the nearest misses."""
    parts = tuple(part for issue in case.issues[:FIRST_ISSUES] for part in _issue(issue, words))
    return Section(words["issues heading"], parts, "known-issues")


def _more_issues(case: Case, words: Words) -> Section:
    """The rest of them, closed until asked for."""
    parts = tuple(part for issue in case.issues[FIRST_ISSUES:MOST_ISSUES] for part in _issue(issue, words))
    note = _cut(len(case.issues), MOST_ISSUES, words)
    return Section(words["issues more"], parts, "further-issues", folded=True, note=note)


def _cut(number: int, most: int, words: Words) -> str:
    """What is said where not all is shown."""
    return words["cut"].format(f"{most:,}", f"{number:,}") if number > most else ""


def _issue(issue: IssueMatch, words: Words) -> list[Part]:
    """What holds, what fails and what nobody knows, a line each; a near miss is told by what fails."""
    rows = [
        (f"✓ {words['holds']}", issue.holds),
        (f"✗ {words['fails']}", issue.fails),
        (f"? {words['untested']}", issue.untested),
        (words["do"], issue.treatments),
        (words["source"], issue.sources),
    ]
    title = f"{issue.id} ({words.get(issue.kind, issue.kind)}): {issue.title}"
    entries = tuple(Entry(label, "  ·  ".join(found)) for label, found in rows if found)
    return [Statements(title, ()), Entries(entries)]


def _changes(investigated: Investigated, words: Words, say: Say) -> Section:
    told = [Statement(change_words(each, words, say)) for each in investigated.changes]
    files = [Statement(f"{words.get(each.what, each.what)}: {each.path}") for each in investigated.custody]
    parts = (Statements("", tuple(told)), Statements(words["files changed"], tuple(files[:MOST_CHANGED])))
    used = tuple(part for part in parts if part.items) if told else ()
    return Section(words["changed heading"], used, "changed", note=_cut(len(files), MOST_CHANGED, words))


def _hypotheses(case: Case, words: Words) -> Section:
    parts = list[Part]()
    for each in case.weighed.hypotheses:
        parts.append(_one(case, each, words))
    return Section(words["predictions"], tuple(parts), "hypotheses", folded=True)


def _one(case: Case, hypothesis: Hypothesis, words: Words) -> Statements:
    lines = [Statement(hypothesis.mechanism, (), f"{words['prior']} {hypothesis.prior:+.2f}")]
    for each in hypothesis.predictions:
        sign = {Outcome.OBSERVED: "✓", Outcome.CONTRADICTED: "✗", Outcome.UNTESTED: "?"}[each.outcome]
        remark = f"{each.weight:+.2f}" if each.outcome is not Outcome.UNTESTED else each.remedy and f"→ {each.remedy}"
        if each not in hypothesis.counted and each.weight:
            remark += f"  {words['not counted']}"
        text = f"{sign} {words[each.outcome.value]}: {each.expect}: {each.told}"
        lines.append(Statement(text, cites(case, each.citations), remark))
    for each in hypothesis.judgements:
        state = words[each.state.value] if each.state else f"{each.add:+.2f}"
        state = words["taken back"] if each.withdrawn or each.takes_back else state
        links = cites(case, [each.citation]) if each.citation else ()
        lines.append(Statement(f"{each.by or '?'}: {state}: {each.reason}", links))
    title = f"{hypothesis.title}: {words[hypothesis.state.value]}, {hypothesis.log_odds:+.2f}"
    return Statements(title, tuple(lines), anchor=hypothesis_anchor(hypothesis, case))


def _crashes(case: Case, words: Words) -> Section:
    rows = tuple(
        GridRow(
            (
                local_time(case, crash.time, crash.host),
                crash.host,
                code_words(crash.code),
                crash.seen.headline if crash.seen else "",
                ", ".join(link.text for link in cites(case, [Cite(s.evidence, s.where) for s in crash.sources])),
            )
        )
        for crash in case.timeline.crashes[-MOST_CRASHES:]
    )
    heads = (words["when"], words["host"], words["bug check"], words["what"], words["where"])
    parts = (Grid("", heads, rows, sortable=True),) if rows else ()
    note = _cut(len(case.timeline.crashes), MOST_CRASHES, words)
    return Section(words["crashes heading"], parts, "crashes", len(rows) > 5, note)


def _evidence(case: Case, words: Words, say: Say) -> Section:
    heads = (
        words["file"], words["kind"], words["host"], words["size"], words["event count"], words["covers"],
        words["quality"], "SHA-256",
    )  # fmt: skip
    rows = tuple(_file(each, say) for each in case.evidence[:MOST_FILES])
    numbers = frozenset([words["size"], words["event count"]])
    grid = Grid("", heads, rows, frozenset(["SHA-256"]), numbers, sortable=True)
    note = _cut(len(case.evidence), MOST_FILES, words)
    return Section(words["evidence heading"], (grid,) if rows else (), "evidence", note=note)


def _file(each: Evidence, say: Say) -> GridRow:
    covers = " – ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in _covers(each))
    quality = say(each.quality.value) + (f": {'; '.join(each.notes[:2])}" if each.notes else "")
    cells = (each.path, each.kind, each.host, f"{each.size:,}", f"{each.events:,}", covers, quality, each.sha256)
    keys = (each.path, each.kind, each.host, f"{each.size:015}", f"{each.events:015}", covers, quality, each.sha256)
    return GridRow(cells, keys, anchor_of("file", each.id))


def _covers(each: Evidence) -> Iterator[datetime]:
    if each.spans:
        yield min(span.start for span in each.spans)
        yield max(span.end for span in each.spans)


def _gaps(case: Case, words: Words) -> Section:
    items = tuple(Remedy(gap.what, gap.missing, gap.remedy) for gap in case.gaps)
    unknown = [each.path for each in case.evidence if each.kind == "unknown"]
    if unknown:
        items += (Remedy(words["not recognised"], ", ".join(unknown[:40]) + (" …" if unknown[40:] else "")),)
    return Section(words["gaps heading"], (Remedies(items),) if items else (), "gaps")
