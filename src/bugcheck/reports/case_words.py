"""A language → the fixed words of a case's report, so that the same report speaks English, Chinese or another.

Source: our own wording.  English stands here; each other language is one file of `languages/`, which also holds the
sentences the stages tell (`spoken.py`).  What evidence says is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from bugcheck.reports.language_files import language_file

Words = Mapping[str, str]
ENGLISH: dict[str, str] = {
    # the verdict
    "most likely": "Most likely: {}.",
    "nothing supported": "No hypothesis is supported by the evidence at hand.",
    "no crash": "No crash is among the evidence.",
    "and": "; and ",
    "comma": ", ",
    "case": "case",
    "read": "read",
    "files": "{:,} file|{:,} files",
    "hosts": "{:,} host|{:,} hosts",
    "events": "{:,} event|{:,} events",
    "crashes": "{:,} crash|{:,} crashes",
    "stops": "{:,} stop without a bug check|{:,} stops without a bug check",
    "steps": "{:,} more step: -v, or the HTML report|{:,} more steps: -v, or the HTML report",
    "host": "host",
    "host list": "hosts",
    "failed": "failed",
    "other": "other",
    "mechanism": "mechanism",
    "because": "because",
    "told apart": "told apart by",
    "against": "against",
    "crashed": "crashed",
    "no code": "no bug check",
    "kinds": "{:,} more kind: -v|{:,} more kinds: -v",
    # how hypotheses stand
    "also supported": "also supported",
    "supported": "supported",
    "not_eliminated": "not eliminated",
    "eliminated": "eliminated",
    "untested": "untested",
    "little for": "little speaks for {}",
    "also": "further: {}",
    "issues": "{:,} more: -v, or the HTML report|{:,} more: -v, or the HTML report",
    "next test": "next test",
    "known issues": "known issues",
    "match": "match",
    "possible": "possible",
    "near_miss": "near miss",
    "but": "but",
    # plan and watch
    "plan": "plan",
    "risk": "risk",
    "cost": "cost",
    "undo": "way back",
    "proves": "shows",
    "source": "source",
    "done": "done",
    "watch": "watch",
    "watch until": "until {0} ({1}): quiet till then means it was not chance",
    "missing": "missing",
    "changed": "changed",
    "not recognised": "not recognised",
    # tables
    "hypothesis": "hypothesis",
    "expected": "expected",
    "outcome": "outcome",
    "weight": "weight",
    "found": "found",
    "where": "where",
    "when": "when",
    "bug check": "bug check",
    "what": "what the analysis says",
    "predictions": "Every prediction",
    "file": "file",
    "kind": "kind",
    "event count": "events",
    "facts": "facts",
    "quality": "quality",
    "evidence": "Evidence",
    "observed": "observed",
    "contradicted": "contradicted",
    # the page
    "picture": "What happened from {} to {}: a filled bed is time some file speaks for, a dotted line time nobody does",
    "number": "number",
    "in words": "the same in words",
    "lane crash": "crashes",
    "lane attack": "attacks",
    "lane hardware": "hardware errors",
    "lane security": "antivirus",
    "lane change": "installs, updates",
    "lane job": "jobs, copies",
    "lane logon": "logons",
    "lane boot": "boots",
    "lane person": "people's notes",
    "time heading": "Timeline",
    "why heading": "Why, what speaks against it, and what would change it",
    "matrix heading": "Hypotheses and evidence",
    "matrix help": "Log-odds: +0.7 doubles the odds, +2.3 makes them tenfold. ◆ tells hypotheses apart; a weight "
    "in brackets is not counted, for it rests on the same observation as a stronger one. A column adds up to its "
    "last row.",
    "looked at": "looked at",
    "state": "state",
    "prior": "before any evidence",
    "people added": "added by people",
    "taken back": "taken back",
    "untested rest": "predictions not tested",
    "the rest": "everything else (rows on the screen)",
    "log-odds": "log-odds",
    "stack heading": "The stack",
    "plan heading": "Plan and watch",
    "plan order": "Least harm first; the next step stands ready should it crash again",
    "do": "do",
    "target": "where",
    "issues heading": "Known issues and near misses",
    "issues more": "Further near misses",
    "holds": "holds",
    "fails": "fails",
    "changed heading": "Changed since the last time",
    "files changed": "files",
    "added": "added",
    "gone": "gone",
    "crashes heading": "Every crash",
    "evidence heading": "Evidence",
    "gaps heading": "What is missing, and how to get it",
    "size": "bytes",
    "covers": "covers",
    "how": "how to test it",
    "not counted": "not counted again",
    "not kept": "not kept",
    "sure high": "confidence high  ·  {} of the odds",
    "sure medium": "confidence medium  ·  {} of the odds",
    "sure low": "confidence low  ·  {} of the odds",
    "sure none": "confidence none  ·  {} of the odds",
    "contents": "sections",
    "decided by": "decided by",
    "ranking": "every hypothesis, in order of support",
    "crash": "crash",
    "before": "before",
    "before picture": "The MINUTES minutes before the crash|The MINUTES minutes before each of {:,} crashes: a row a "
    "crash, the newest on top, all aligned at the crash",
    "silent": "Watched all the time, and silent: {}.",
    "unwatched": "Not watched throughout, so that silence means nothing: {}.",
    "crashes cut": "{:,} older crash is not drawn.|{:,} older crashes are not drawn.",
    "hosts cut": "{:,} more host is not drawn.|{:,} more hosts are not drawn.",
    "events cut": "Only the first {0:,} of {1} on {2} are drawn.",
    "hypotheses cut": "{:,} more hypothesis is not shown.|{:,} more hypotheses are not shown.",
    "columns cut": "{:,} more hypothesis has no column here; it is in the list above.|{:,} more hypotheses have no "
    "column here; they are in the list above.",
    "cut": "{0} of {1} are shown; the JSON report has all.",
    "skip": "Skip to the report",
    "html language": "en",
    "levels": "{:,} level: {{}}|{:,} levels: {{}}",
    "found how": "how this level was found",
    "inlined": "inlined",
    "change new": "new: {}",
    "change gone": "no longer proposed: {}",
    "a person": "a person",
    "against it": "against it: {}",
}


def words_of(language: str) -> Words:
    """The words of a language; English for what it has not, and for one that is not there."""
    return ENGLISH | language_file(language).words


def counted(words: Words, what: str, number: int) -> str:
    """Say how many of something there are, in the singular where there is one."""
    one, _, more = words[what].partition("|")
    return (one if number == 1 or not more else more).format(number)
