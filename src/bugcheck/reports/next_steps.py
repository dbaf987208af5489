"""An Analysis → what a person does next: one thing to try, and the command that looks further.

Source: the verdict alone; treatments for whole incidents, with risks and ways back, are `plans/`.

Folklore: a verdict without a next step sends people to a search engine, which sells driver updaters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bugcheck.findings.findings import Category
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.verdict.analysis import Analysis

if TYPE_CHECKING:
    from bugcheck.known_issues.matching import Match

DISK = frozenset([0x24, 0x77, 0x7A, 0x7B, 0xED])
PROCESSOR = frozenset([0x5C, 0x65, 0x9C, 0x101, 0x124, 0x1CA])
NEXT_HARDWARE = (
    "test the memory modules one at a time, over several passes; set overclocking and memory profiles (XMP, EXPO) "
    "back to default; then keep the dumps coming"
)
NEXT_DISK = "save what is on the disk; then look at its own records (SMART), its cable and its controller's driver"
NEXT_PROCESSOR = (
    "set overclocking and undervolting back to default, check heat and power supply, update the firmware; "
    "then try another processor or board"
)
NEXT_FILES = "check the system's files: `sfc /scannow`, then `chkdsk`"
TOGETHER = "other dumps of this machine, judged together, show what one alone does not:"
INVESTIGATE = "logs, versions and files around {time} tell what came before:"


def next_steps(analysis: Analysis, known_issues: Sequence[Match] = ()) -> tuple[str, ...]:
    """Say what to do; nothing for a stop on purpose or a program's crash."""
    check = analysis.bugcheck
    if check is None or check.is_manual:
        return ()
    return (*_to_try(analysis, known_issues), *_to_ask(analysis))


def _to_try(analysis: Analysis, known_issues: Sequence[Match]) -> Iterator[str]:
    blame, check = analysis.blame, analysis.bugcheck
    helped = any(each.kind != "near_miss" and each.issue.treatments for each in known_issues)
    if helped or blame.level in ("none", "low") or check is None:
        return
    if blame.category is Category.HARDWARE:
        yield NEXT_DISK if check.code in DISK else NEXT_PROCESSOR if check.code in PROCESSOR else NEXT_HARDWARE
    elif blame.category is Category.CONFIGURATION:
        yield NEXT_FILES
    elif blame.module is not None:
        yield _driver(analysis)


def _driver(analysis: Analysis) -> str:
    module = analysis.modules.named(analysis.blame.module or "")
    if module is None:
        return f"look for another version of {analysis.blame.image}"
    if standing_of(module, analysis.crash) in (Standing.CORE, Standing.INBOX):
        return f"{module.image} comes with Windows: install its updates, and those of the firmware"
    facts = analysis.crash.driver_facts(module)
    of = facts.product or facts.vendor if facts else ""
    owner = f"{of} ({module.image})" if of and of != "unknown" else module.image
    return f"update {owner}, or go back to the version before the trouble began; where neither helps, do without it"


def _to_ask(analysis: Analysis) -> Iterator[str]:
    """The command that looks further: at other dumps where this one says little, else at what surrounds the crash."""
    system = analysis.system
    if analysis.blame.level in ("none", "low"):
        yield TOGETHER
        yield "→ bugcheck analyze FOLDER"
    elif system is not None and system.crash_time is not None:
        yield INVESTIGATE.format(time=f"{system.crash_time:%H:%M} UTC")
        yield "→ bugcheck investigate FOLDER"
