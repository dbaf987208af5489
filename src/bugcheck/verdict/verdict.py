"""Crash and findings → the Verdict: a sentence, a blame with its reasons, and what could not be told."""

from __future__ import annotations

from bugcheck.findings.findings import Crash, Finding, run_rules
from bugcheck.gaps import Gap
from bugcheck.records import dataclass
from bugcheck.verdict.blame import Blame, weigh
from bugcheck.verdict.gaps import standing_gaps
from bugcheck.verdict.headline import headline


@dataclass(frozen=True, slots=True)
class Verdict:
    """What bugcheck concludes from one dump.

    Attributes:
        headline: one sentence. blame: who or what, and why.
        findings: every statement, strongest first. gaps: what is not known.
    """

    headline: str
    blame: Blame
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]


def judge(crash: Crash) -> Verdict:
    """Ask all rules and weigh their findings."""
    findings, gaps = run_rules(crash)
    blame = weigh(crash, findings)
    sentence = headline(crash, blame, findings)
    known = (*crash.dump.gaps, *gaps, *standing_gaps(crash, blame))
    return Verdict(sentence, blame, tuple(findings), tuple(dict.fromkeys(known)))
