"""`make bench`: one run, the same files, bugcheck beside the others; `--record` appends the figures to HISTORY.md.

benchmarks/run.py [--record NOTE] [--times N]

Starts are told in wall time, processor time and peak memory, each the least of N runs; ratios are of processor time,
which other work on the machine distorts least.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Run, best_of, installed_environment
from benchmarks.peers import BUGCHECK, BUGCHECK_JSON, OFFLINE, OUT, SKELSEC, VENV, VOLATILITY, Peer, ntoseye, stackwalk

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared"
HISTORY = HERE / "HISTORY.md"
SPARSE_SIZE = 64 << 30
FIREWALL_LOG = 10**9
COLD_FILES = {
    "triage dump, 1.4 MB": SHARED / "corpus/kernel/rizinorg__rizin-testbins__triage_x64.dmp",
    "triage dump, 4.2 MB": SHARED / "corpus/kernel/r-Techsupport__training_bsods__9f.dmp",
    "user minidump, 37 KB": SHARED / "corpus/user/radareorg__radare2-testbins__mdmp_calc.dmp",
    "full dump, 3.4 MB": SHARED / "corpus/synthetic/x64_fault_full.dmp",
}
RULES_SHOWN = 8
STACK_DUMP = SHARED / "corpus/user/google__breakpad__minidump2.dmp"
STACK_SYMBOLS = SHARED / "corpus/user/google__breakpad/symbols"
FULL_DUMP = COLD_FILES["full dump, 3.4 MB"]
PYTHON = str(VENV / "python")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what was measured, by whom, the figure, how it stands to bugcheck's, a note."""

    what: str
    who: str
    figure: str
    ratio: str = ""
    note: str = ""


def cold_starts(times: int) -> Iterator[Row]:
    """One process for one file."""
    peers = [peer for peer in (BUGCHECK_JSON, ntoseye(), VOLATILITY, SKELSEC) if peer is not None]
    for what, path in COLD_FILES.items():
        own = best_of(times, BUGCHECK.command(path))
        yield _cold_row(what, BUGCHECK, own, own)
        for peer in peers:
            yield _cold_row(what, peer, best_of(times, peer.command(path), OFFLINE), own)


def _cold_row(what: str, peer: Peer, run: Run, own: Run) -> Row:
    refused = run.status != 0 and not peer.name.startswith("bugcheck")
    ratio = _ratio(run.processor_seconds, own.processor_seconds)
    return Row(what, peer.name, _figure(run), ratio, "refuses the file" if refused else "")


def _figure(run: Run) -> str:
    return f"{run.milliseconds:.0f} ms  {run.processor_seconds * 1000:.0f} ms  {run.megabytes:.0f} MiB"


def starts(times: int) -> Iterator[Row]:
    """What it costs before any file is opened."""
    commands = {
        "python -c pass": [PYTHON, "-c", "pass"],
        "import bugcheck": [PYTHON, "-c", "import bugcheck"],
        "bugcheck --help": [str(VENV / "bugcheck"), "--help"],
        "bugcheck --version": [str(VENV / "bugcheck"), "--version"],
    }
    for what, command in commands.items():
        run = best_of(times, command)
        yield Row("start", what, _figure(run))


def corpus_rates() -> Iterator[Row]:
    """Many files in one process."""
    paths = sorted(str(path) for path in (SHARED / "corpus/kernel").glob("*.dmp"))
    answer = _child("corpus_rate.py", *paths)
    what = f"{len(paths)} triage dumps, one process"
    yield Row(what, "analysis and screen", f"{answer['text']:.0f} files/s")
    yield Row(what, "analysis, SHA-256 and JSON", f"{answer['json']:.0f} files/s")
    yield Row(what, "analysis alone", f"{answer['analysis']:.0f} files/s", "", f"peak {answer['megabytes']:.0f} MiB")


def analysis_rates() -> Iterator[Row]:
    """One analysis with and without symbols, dump by dump, and what the slowest rules take of it."""
    paths = sorted(str(path) for path in (SHARED / "corpus/kernel").glob("*.dmp"))
    paths += [str(SHARED / "story/story.dmp"), str(FULL_DUMP)]
    answer = _child("analysis_rate.py", f"{SHARED / 'story'};{SHARED / 'corpus/synthetic'}", *paths)
    for path in paths:
        plain, named = answer["plain"][path], answer["named"][path]
        name = path.rpartition("__")[2].rpartition("/")[2]
        yield Row("analysis of one dump", name, f"{plain:.1f} ms", "", f"{named:.1f} ms with a symbol path")
    slowest = sorted(answer["rules"].items(), key=lambda each: -each[1])
    for name, spent in slowest[:RULES_SHOWN]:
        yield Row("one rule, mean per dump", name, f"{spent:.2f} ms")
    rest = sum(spent for _, spent in slowest[RULES_SHOWN:])
    yield Row("one rule, mean per dump", f"the other {len(slowest) - RULES_SHOWN} together", f"{rest:.2f} ms")


def memory_rates() -> Iterator[Row]:
    """Page tables and reads, in Python and in C++."""
    answer = _child("memory_rate.py", str(FULL_DUMP))
    what = f"{answer['pages']:.0f} pages of {FULL_DUMP.name}"
    own, peer = answer["translations"], answer["peer_translations"]
    yield Row(what, "bugcheck, translations", f"{own:,.0f} /s")
    yield Row(what, "kdmp-parser, translations", f"{peer:,.0f} /s", _ratio(peer, own))
    own, peer = answer["reads"], answer["peer_reads"]
    yield Row(what, "bugcheck, page reads", f"{own:,.0f} /s", "", f"{answer['first_reads']:,.0f} /s the first time")
    yield Row(what, "kdmp-parser, page reads", f"{peer:,.0f} /s", _ratio(peer, own))


def firewall_rate() -> Iterator[Row]:
    """A firewall's log that is too large to hold."""
    answer = _child("firewall_rate.py", str(FIREWALL_LOG))
    figure = f"{answer['lines'] / answer['cpu']:,.0f} lines/s"
    note = f"{answer['cpu']:.0f} s of processor, {answer['events']:,} events, peak {answer['megabytes']:.0f} MiB"
    yield Row("1 GB of pfirewall.log", f"{answer['lines']:,} lines", figure, "", note)


def incident_rate() -> Iterator[Row]:
    """An investigation of two million events, stage by stage."""
    answer = _child("incident_rate.py")
    what = f"{answer['events']:,} events, one case"
    for stage in ("load", "settle", "settle_again", "known_issues", "weigh", "plan"):
        yield Row(what, stage, f"{answer[stage]:.1f} s of processor")
    note = f"{answer['database_megabytes']} MB on disk"
    yield Row(what, "peak of memory", f"{answer['megabytes']} MiB", "", note)


def incident_files() -> Iterator[Row]:
    """Two million events from files on disk to the page."""
    answer = _child("incident_files.py")
    what = f"{answer['events']:,} events, {answer['files']} files, {answer['file_megabytes']} MB"
    for stage in ("read", "conclude", "html", "again"):
        yield Row(what, stage, f"{answer[stage]:.1f} s of processor")
    yield Row(what, "peak of memory", f"{answer['megabytes']} MiB")


def evidence_rates() -> Iterator[Row]:
    """Event logs in each form, beside the library that decodes it."""
    answer: dict[str, dict[str, Any]] = _child("evidence_rate.py", str(SHARED / "corpus"))
    for name, race in answer.items():
        what = f"{race['events']:,} events, {name}"
        yield Row(what, "bugcheck", f"{race['rate']:,.0f} /s")
        if race["library"]:
            yield Row(what, f"{race['library']} alone", f"{race['alone']:,.0f} /s", _ratio(race["alone"], race["rate"]))


def symbol_rates(times: int) -> Iterator[Row]:
    """Symbols and stacks, beside symbolic, llvm-pdbutil and minidump_stackwalk, as far as they are installed."""
    pdb = OUT / "large.pdb"
    OUT.mkdir(exist_ok=True)
    if not pdb.exists() and subprocess.run([PYTHON, str(HERE / "write_pdb.py"), str(pdb)], check=False).returncode:
        print("ziglang is not installed: a PDB of the corpus is measured instead of a large one")
        pdb = SHARED / "corpus/synthetic/ntkrpamp.pdb"
    answer = _child("symbol_rate.py", str(pdb), str(STACK_DUMP), str(STACK_SYMBOLS))
    what = f"PDB, {answer['bytes'] / 1e6:.1f} MB, {answer['symbols']:,.0f} symbols"
    for key, name in (("index", "first opening"), ("open", "later ones")):
        own = answer[key]
        yield Row(what, f"bugcheck, {name}", f"{own * 1000:.1f} ms")
        if f"peer_{key}" in answer:
            peer = answer[f"peer_{key}"]
            yield Row(what, f"symbolic, {name}", f"{peer * 1000:.1f} ms", _ratio(peer, own))
    yield Row(what, "bugcheck, look-ups", f"{answer['lookups']:,.0f} /s")
    if "peer_lookups" in answer:
        yield Row(what, "symbolic, look-ups", f"{answer['peer_lookups']:,.0f} /s")
    if llvm := shutil.which("llvm-pdbutil"):
        run = best_of(times, [llvm, "dump", "-publics", "-symbols", str(pdb)])
        yield Row(what, "llvm-pdbutil dump", _figure(run))
    else:
        print("llvm-pdbutil is not there: apt install llvm")
    yield Row(STACK_DUMP.name, "bugcheck, named frames", f"{answer['frames']:,.0f} /s")
    yield from _stack_runs(times)


def peer_stacks() -> Iterator[Row]:
    """Frames of the corpus's user dumps, ours and minidump_stackwalk's, and what can be proved of them."""
    if stackwalk() is None:
        return
    rows = _child("peer_stacks.py", "--json", *map(str, sorted((SHARED / "corpus/user").glob("*.dmp"))))
    what = f"{len(rows)} user dumps, {sum(row['threads'] for row in rows)} threads"
    for who, key in (("bugcheck", "ours"), ("minidump_stackwalk", "peer")):
        listed, true, false = (sum(row[key][name] for row in rows) for name in ("listed", "true", "false"))
        yield Row(what, who, f"{listed:,} frames", "", f"{true} proved true, {false} proved false")


def _stack_runs(times: int) -> Iterator[Row]:
    """One process for all threads of one dump."""
    command = [str(VENV / "bugcheck"), "stack", "--all", str(STACK_DUMP), "--symbols", str(STACK_SYMBOLS)]
    own = best_of(times, command)
    yield Row(STACK_DUMP.name, "bugcheck stack --all", _figure(own))
    peer = stackwalk()
    if peer is None:
        print("minidump_stackwalk is not there: npm pack minidump, and unpack it into benchmarks/out/")
        return
    run = best_of(times, [str(peer), str(STACK_DUMP), str(STACK_SYMBOLS)])
    ratio = _ratio(run.processor_seconds, own.processor_seconds)
    yield Row(STACK_DUMP.name, "minidump_stackwalk", _figure(run), ratio)


def _child(script: str, *arguments: str) -> Any:
    command = [PYTHON, str(HERE / script), *arguments]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, env=installed_environment()).stdout
    )


def sparse_dump(times: int) -> Iterator[Row]:
    """A dump of 64 GiB, most of it a hole, beside a small one built in the same way."""
    OUT.mkdir(exist_ok=True)
    small, large = OUT / "sparse-64M.dmp", OUT / "sparse-64G.dmp"
    for path, size in ((small, 64 << 20), (large, SPARSE_SIZE)):
        if not path.exists():
            subprocess.run([PYTHON, str(HERE / "write_sparse.py"), str(path), str(size)], check=True)
    for command in ("info", "analyze"):
        own = best_of(times, [str(VENV / "bugcheck"), command, str(small)])
        run = best_of(times, [str(VENV / "bugcheck"), command, str(large)])
        yield Row("full dump of 64 MiB", f"bugcheck {command}", _figure(own))
        ratio = _ratio(run.processor_seconds, own.processor_seconds)
        yield Row("full dump of 64 GiB", f"bugcheck {command}", _figure(run), ratio)


def _ratio(value: float, own: float) -> str:
    return f"{value / own:.2f} x"


def machine_facts() -> str:
    """Date, processor, Python, commit, and how busy the machine was: without them a figure says little."""
    model = next(
        (line.partition(": ")[2] for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    command = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip() or "no commit"
    today = datetime.datetime.now(datetime.UTC).date()
    load = os.getloadavg()[0]
    python = sys.version.partition(" ")[0]
    return f"{today} · {commit} · {model.strip()}, {os.cpu_count()} processors, load {load:.1f} · Python {python}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def _cells(row: Row) -> tuple[str, ...]:
    return row.what, row.who, row.figure, row.ratio, row.note


def tell(rows: Iterator[Row]) -> list[Row]:
    """Print rows as they come; returns them."""
    kept: list[Row] = []
    for row in rows:
        what = row.what if not kept or kept[-1].what != row.what else ""
        print(f"{what:34} {row.who:30} {row.figure:>24} {row.ratio:>8}  {row.note}".rstrip(), flush=True)
        kept.append(row)
    return kept


def record(rows: list[Row], facts: str, note: str) -> None:
    """Append a dated table to HISTORY.md."""
    text = HISTORY.read_text("utf-8") if HISTORY.exists() else "# Measurements\n`make bench`, newest last.\n"
    lines = [" | ".join(("", *_cells(row), "")).strip() for row in rows]
    head = ["| what | who | figure | to bugcheck | note |", "|---|---|---|---|---|"]
    HISTORY.write_text(text + "\n" + "\n".join([f"## {facts}", note, "", *head, *lines]) + "\n", "utf-8")


def main() -> int:
    """Measure everything the machine has the files for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", metavar="NOTE", help="append the figures to HISTORY.md, with a note")
    parser.add_argument("--times", type=int, default=5, help="runs of each command, the best counts (default: 5)")
    options = parser.parse_args()
    facts = machine_facts()
    print(facts)
    rows = tell(starts(options.times))
    if SHARED.is_dir():
        rows += tell(cold_starts(options.times))
        rows += tell(corpus_rates())
        rows += tell(analysis_rates())
        rows += tell(memory_rates())
        rows += tell(evidence_rates())
        rows += tell(symbol_rates(options.times))
        rows += tell(peer_stacks())
    else:
        print(f"cold starts and rates need {SHARED}, which is absent")
    rows += tell(sparse_dump(options.times))
    rows += tell(firewall_rate())
    rows += tell(incident_files())
    rows += tell(incident_rate())
    if options.record is not None:
        record(rows, facts, options.record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
