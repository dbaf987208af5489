"""File, signature and baseline facts of the case → is this driver's file what it should be?

Source: the facts' own kinds (`file`, `baseline_file`, `file_signature`), and the module entry of the crashes' dumps.

Folklore: a file is collected from the wrong directory as often as not; so the dump's own entry (time stamp and size of
the image that was loaded) decides whether it is the one that ran.
"""

from __future__ import annotations

from dataclasses import dataclass

from bugcheck.hypotheses.hypothesis import Cite
from bugcheck.hypotheses.investigation import Investigation, cite_fact
from bugcheck.timeline.store import PlacedFact


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What is known of a driver's file.

    Attributes:
        image: file name. words: the verdict, a sentence.
        modified: it is not what it should be. sure: two independent things agree (a baseline or signature, and the
            dump's entry where there is one).
        citations: where to check it.
    """

    image: str
    words: str
    modified: bool
    sure: bool
    citations: tuple[Cite, ...]


def verdicts(investigation: Investigation, image: str) -> FileVerdict | None:
    """Judge the file of a driver by name; None when no such file is among the evidence."""
    files = [each for each in investigation.facts("file", name=image) if each.host in (*investigation.failed, "")]
    if not files:
        return None
    judged = [_judge(investigation, image, each) for each in files]
    return next((each for each in judged if each.modified), None) or max(judged, key=lambda each: each.sure)


def _judge(investigation: Investigation, image: str, file: PlacedFact) -> FileVerdict:
    good: list[str] = []
    bad: list[str] = []
    cites = [cite_fact(file)]
    name = file.fact.name
    loaded = _against_dump(investigation, image, file)
    if loaded is not None:
        (good if loaded[0] else bad).append(loaded[1])
        cites += investigation.cite_crashes()[:1]
    for baseline in investigation.facts("baseline_file", name=image):
        same = baseline.fact.value.lower() == file.fact.value.lower()
        cites.append(cite_fact(baseline))
        (good if same else bad).append(f"{'the same as' if same else 'not the same as'} {_listed(baseline)} (SHA-256)")
    for signature in investigation.facts("file_signature", name=image):
        if signature.evidence != file.evidence:
            continue
        cites.append(cite_fact(signature))
        state, signer = signature.fact.value, signature.fact.fields.get("signer", "")
        if state in ("valid", "catalog"):
            good.append(f"signed by {signer}" if signer else "signed")
        elif state == "broken":
            bad.append("its signature does not fit its bytes")
    if bad:
        return FileVerdict(image, f"{name} is {'; '.join(bad)}", True, True, tuple(cites))
    if not good:
        return FileVerdict(image, f"nothing tells whether {name} is unmodified", False, False, tuple(cites))
    proved = any("same as" in each or "signed" in each for each in good)
    words = f"{name} is unmodified: {', '.join(good)}" if proved else f"{name} is {good[0]}"
    return FileVerdict(image, words, False, proved, tuple(cites))


def _listed(baseline: PlacedFact) -> str:
    """Name what a baseline says a file should be: its version, and the list it stands in."""
    version, source = baseline.fact.fields.get("version", ""), baseline.fact.fields.get("source", "")
    return f"version {version} in {source or 'the list'}" if version else f"{source or 'the list'} has it"


def _against_dump(investigation: Investigation, image: str, file: PlacedFact) -> tuple[bool, str] | None:
    """Compare time stamp and image size with the module entry of the dumps; None when either does not tell."""
    module = investigation.module(image)
    stamp, size = _number(file.fact.fields.get("stamp", ""), 16), _number(file.fact.fields.get("image_size", ""))
    if module is None or not module.stamp or stamp is None:
        return None
    same = stamp == module.stamp and (size is None or not module.size or size == module.size)
    words = "the build that the dump had loaded" if same else "not the build that the dump had loaded"
    return same, words


def _number(text: str, base: int = 0) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
