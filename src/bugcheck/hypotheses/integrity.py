"""Files of the case, held against baselines, signatures, catalogs and dumps → is this driver's file what it should be?

Source: `evidence.integrity` judges a file; here it is asked for one host, with that host's crashes, and what the dump's
code shows beside the file is added (the rule `given_image`).

Folklore: a file is collected from the wrong directory, or after an update, as often as not.  One that is not the build
the dump had loaded did not run then, and whatever is known of it says nothing of what did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bugcheck.evidence.evidence import CrashSeen, FindingSeen
from bugcheck.evidence.integrity import FileState, file_verdicts
from bugcheck.gaps import Gap
from bugcheck.hypotheses.hypothesis import Cite
from bugcheck.hypotheses.investigation import Investigation, cite_fact
from bugcheck.knowledge.drivers import find_driver

KINDS = ("file", "file_signature", "baseline_file", "catalog_entry")
FILE_RULE, CHANGED = "given_image", "corruption"
"""The rule that holds a file against the dump, and the category it gives when the code differs."""
MOST_ASKED = 3
WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What is known of a driver's file.

    Attributes:
        image: file name. words: the verdict, a sentence.
        modified: its bytes are not what they should be, and it is not known to be another build than the one that ran.
        sure: it is unmodified, and no other build ran.
        patched: the dump's code differs from it.
        citations: where to check it.
    """

    image: str
    words: str
    modified: bool
    sure: bool
    patched: bool
    citations: tuple[Cite, ...]


def verdicts(investigation: Investigation, image: str) -> FileVerdict | None:
    """Judge the file of a driver by name, on the hosts whose crashes had it; None when no such file is there."""
    judged = [
        verdict
        for host in (*investigation.failed, "")
        for verdict in _of_host(investigation, host).get(image.lower(), ())
    ]
    worst = next((each for each in judged if each.modified), None)
    return worst or max(judged, key=lambda each: (each.patched, each.sure), default=None)


def missing_files(investigation: Investigation) -> Iterator[Gap]:
    """Name the files of blamed drivers that nobody collected: only they tell whether what ran was the maker's."""
    for image, shown, crashes in investigation.blamed[:MOST_ASKED]:
        facts = find_driver(image)
        is_ours = facts is not None and facts.vendor.lower().startswith("microsoft")
        if is_ours or crashes[0].category == "hardware" or verdicts(investigation, image) is not None:
            continue
        module = investigation.module(image)
        path = (module.path if module else "") or shown
        host = investigation.failed[0] if investigation.failed else ""
        yield Gap(
            f"whether {shown} is what its maker made",
            "the file itself",
            f"add {path} of {host or 'the failed host'} to the evidence, and its maker's hashes or another host's file",
        )


def _of_host(investigation: Investigation, host: str) -> dict[str, list[FileVerdict]]:
    """The verdicts on a host's files by name; files of no host are judged apart, against every crash."""

    def judge() -> dict[str, list[FileVerdict]]:
        everyone = [each for each in investigation.facts(*KINDS) if _counts(each.fact.kind, each.host, host)]
        evidence = {id(each.fact): each for each in everyone}
        crashes = [crash for crash in investigation.crashes if host in (crash.host, "") and crash.seen is not None]
        seen = [crash.seen for crash in crashes if crash.seen is not None]
        modules = [module for each in seen for module in each.modules]
        found: dict[str, list[FileVerdict]] = {}
        for verdict in file_verdicts([each.fact for each in everyone], modules):
            words, patched = verdict.text, False
            compared = _in_memory(seen, verdict.name) if verdict.is_loaded_build is not False else None
            if compared is not None:
                patched = compared.category == CHANGED
                words = f"{words}; {compared.statement if patched else compared.statement.rpartition(', and ')[2]}"
            cites = [cite_fact(evidence[id(fact)]) for fact in verdict.citations]
            cites += investigation.cite_crashes(seen)[:1] if verdict.modules else ()
            wrong = verdict.state in (FileState.DIFFERS, FileState.BROKEN)
            other_build = verdict.is_loaded_build is False
            found.setdefault(verdict.name.lower(), []).append(
                FileVerdict(
                    verdict.name,
                    words,
                    wrong and not other_build,
                    verdict.state is FileState.UNMODIFIED and not other_build,
                    patched,
                    tuple(cites),
                )
            )
        return found

    return investigation.timeline.kept(("file verdicts", host), judge)


def _counts(kind: str, owner: str, host: str) -> bool:
    """A baseline or catalog speaks for every host; a file, and its signature, for the host it was collected from."""
    return kind in ("baseline_file", "catalog_entry") or owner == host


def _in_memory(crashes: list[CrashSeen], image: str) -> FindingSeen | None:
    """What the dumps' code shows beside the file: that it differs, before that it is the same; None without either."""
    names = {module.name for crash in crashes for module in crash.modules if module.image.lower() == image.lower()}
    found = [
        finding
        for crash in crashes
        for finding in crash.findings
        if finding.rule == FILE_RULE and finding.module in names
    ]
    return next((each for each in found if each.category == CHANGED), None) or next(iter(found), None)
