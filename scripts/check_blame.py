"""A folder of real logs → docs/logs-blamed.md: whom the debugger blames, whom these rules blame, and where they differ.

Usage: `python scripts/check_blame.py FOLDER [--write docs/logs-blamed.md]`; the folder is that of check_logs.py.  A
difference that a person has judged stands with the judgement in scripts/logs_judged.tsv; one without counts as open,
and the exit status is 1.  The same text published twice counts once.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bugcheck.api import Analysis, analyze_all, signature
from bugcheck.dump.log.facts import LogFacts
from bugcheck.verdict.log_verdict import NOBODY

JUDGED = Path(__file__).with_name("logs_judged.tsv")


class Row(NamedTuple):
    """One kernel log: its source, bug check, both answers, what comes of comparing them, both buckets."""

    source: str
    code: str
    theirs: str
    mine: str
    level: str
    outcome: str
    buckets: tuple[str, str]


def main() -> int:
    """Compare all kernel logs of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path, help="the table to write")
    options = parser.parse_args()
    judged = read_judged()
    rows = list(rows_of(sorted(options.folder.glob("*/*")), judged))
    if options.write:
        options.write.write_text(table(rows), encoding="utf-8")
    print(summary(rows))
    return 1 if any(row.outcome == "open" for row in rows) else 0


def read_judged() -> dict[tuple[str, str], str]:
    """(bug check and their module, our module) → what a person says of it."""
    lines = JUDGED.read_text("utf-8").splitlines() if JUDGED.exists() else []
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {(theirs, mine): words for theirs, mine, words in rows}


def rows_of(paths: list[Path], judged: dict[tuple[str, str], str]) -> Iterator[Row]:
    """Compare each kernel log that names a module."""
    seen: set[tuple[object, ...]] = set()
    for path in paths:
        for outcome in analyze_all([path], hash_file=False):
            analysis = outcome.analysis
            log = analysis.dump.log if analysis else None
            if analysis is None or log is None or not analysis.dump.is_kernel or analysis.bugcheck is None:
                continue
            key = (analysis.bugcheck.recorded_code, *(each.value for each in analysis.bugcheck.parameters))
            theirs = blamed_by_log(log)
            if theirs and key not in seen:
                seen.add(key)
                yield row(
                    f"{path.parent.name.replace('+', '/')}: {path.name.replace('__', '/')}", analysis, theirs, judged
                )


def blamed_by_log(log: LogFacts) -> str:
    """The module the debugger names, "" for none."""
    words = log.field("MODULE_NAME").split() or log.probable_cause.split()
    return "" if not words or words[0].lower() in NOBODY else words[0].removesuffix(".sys")


def row(source: str, analysis: Analysis, theirs: str, judged: dict[tuple[str, str], str]) -> Row:
    """Compare the two answers to one log."""
    assert analysis.bugcheck is not None
    assert analysis.dump.log is not None
    blame, log = analysis.blame, analysis.dump.log
    mine = blame.module or ("" if blame.level == "none" else blame.category.value)
    code = f"{analysis.bugcheck.code:X}"
    same = theirs.lower() == mine.lower()
    outcome = "same" if same else judged.get((f"{code} {theirs}", mine), "open")
    printed = log.field("FAILURE_BUCKET_ID") or log.field("BUCKET_ID")
    return Row(source, code, theirs, mine, blame.level, outcome, (printed, signature(analysis).failure_bucket_id))


def summary(rows: list[Row]) -> str:
    """Count the answers."""
    same = sum(row.outcome == "same" for row in rows)
    kinds = Counter(row.outcome.partition(":")[0] for row in rows if row.outcome != "same")
    printed = [row.buckets for row in rows if row.buckets[0]]
    equal = sum(theirs.lower() == mine.lower() for theirs, mine in printed)
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    text = f"{len(rows)} kernel logs that blame a module: {same} blamed alike, {others or 'no differences'}"
    return f"{text}; {equal} of {len(printed)} buckets printed are made alike"


def table(rows: list[Row]) -> str:
    """Write the table in Markdown."""
    lines = [
        "# Whom logs blame, and whom these rules blame",
        "",
        f"{summary(rows)}.",
        "",
        "Made by `scripts/check_blame.py` from texts that are other people's and not here ([list](logs-read.md)). Each",
        "difference was looked at by a person: *stricter* means that the debugger names a part of Windows that ran",
        "somebody's request, and these rules name nobody for that; *ours* and *theirs* say who is right.",
        "",
        "| source | bug check | the debugger | these rules | how sure | differs |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.source.replace("|", "\\|"), row.code, row.theirs, row.mine or "nobody", row.level)
        differs = "–" if row.outcome == "same" else row.outcome
        lines.append(f"| {' | '.join(cells)} | {differs} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
