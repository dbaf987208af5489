"""`make fuzz`: 20,000 mutants of every format (dumps, symbols, evidence), each used in full; offenders are kept.

    fuzz/mutants.py [--format NAME]... [--count N] [--seed N] [--jobs N]

A mutant is named by its format, the seed number and its position: `--only 4711` makes and examines just that one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.damage import Step, make, plan
from fuzz.evidence_files import EVIDENCE_FORMATS, EVIDENCE_USES, evidence_mutant
from fuzz.examine import MEGABYTES, Result, examine
from fuzz.places import Places, places_of
from fuzz.seeds import FORMATS, HANDMADE, LOGS, SEARCHED, Seed, seeds_of
from fuzz.symbol_files import TEXTS, symbol_mutant
from fuzz.symbol_files import USES as SYMBOL_USES
from fuzz.text_damage import spoil

USES = {**SYMBOL_USES, **EVIDENCE_USES}
OUT = Path(__file__).resolve().parent / "out"
KEPT_OF_A_KIND = 3
ADDRESS_SPACE = 3 << 30
"""A worker's limit of address space in bytes: what runs wild fails in it and not on the machine."""


class Kitchen(NamedTuple):
    """Everything mutants of one format are made from."""

    format: str
    seeds: tuple[Seed, ...]
    places: tuple[Places, ...]
    steps: list[Step]
    seed: int

    def mutant(self, position: int) -> bytes:
        """Make the mutant at a position of the plan; the same bytes each time."""
        step = self.steps[position]
        if step.how == "whole":
            return self.seeds[step.seed].data
        random = Random(f"{self.seed}/{self.format}/{position}")
        if step.how == "text":
            return spoil(self.seeds[step.seed].data, random)
        if step.how == "damage" and self.format in EVIDENCE_FORMATS:
            return evidence_mutant(self.format, self.seeds[step.seed].data, random)
        if step.how == "damage" and self.format in USES:
            return symbol_mutant(self.format, self.seeds[step.seed].data, random)
        return make(step, self.seeds[step.seed], self.places[step.seed], random)

    def examine(self, position: int, megabytes: float = MEGABYTES) -> Result:
        """Make and examine it; `megabytes` is what this process may take at most."""
        name, use = f"{self.format}-{position}", USES.get(self.format)
        if self.format in EVIDENCE_FORMATS:  # some parsers know their files by name as well
            name = self.seeds[self.steps[position].seed].name.rpartition("/")[2]
        return examine(self.mutant(position), name, packed=self.format in SEARCHED, use=use, megabytes=megabytes)


def kitchen(format_name: str, count: int, seed: int, *, real: bool = True) -> Kitchen:
    """Collect seeds and plan `count` mutants of a format."""
    seeds = seeds_of(format_name, real=real)
    if format_name == HANDMADE:  # they are as bad as they can be
        return Kitchen(format_name, seeds, (), [Step(index, "whole") for index in range(len(seeds))], seed)
    if format_name == LOGS:
        return Kitchen(format_name, seeds, (), [Step(number % len(seeds), "text") for number in range(count)], seed)
    if format_name in EVIDENCE_FORMATS:
        return Kitchen(format_name, seeds, (), [Step(number % len(seeds), "damage") for number in range(count)], seed)
    places = tuple(places_of(each.data) for each in seeds)
    steps = plan(seeds, places, count)
    if format_name in TEXTS:  # a text that is cut is only ever refused
        steps = [step if number % 16 == 0 else Step(number % len(seeds), "damage") for number, step in enumerate(steps)]
    return Kitchen(format_name, seeds, places, steps, seed)


@dataclass(slots=True)
class Tally:
    """What came of a format's mutants."""

    format: str
    outcomes: Counter[str] = field(default_factory=Counter[str])
    troubles: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, int] = field(default_factory=dict[str, int])
    worst_seconds: float = 0.0
    peak_megabytes: float = 0.0
    elapsed: float = 0.0

    def add(self, kitchen: Kitchen, position: int, result: Result) -> None:
        """Count a result; keep the mutant when something is wrong with it."""
        self.outcomes[result.outcome] += 1
        self.worst_seconds = max(self.worst_seconds, result.seconds)
        self.peak_megabytes = max(self.peak_megabytes, result.megabytes)
        if not result.trouble:
            return
        self.troubles[result.trouble] += 1
        self.examples.setdefault(result.trouble, position)
        if self.troubles[result.trouble] <= KEPT_OF_A_KIND:
            _keep(kitchen, position, result)


def _keep(kitchen: Kitchen, position: int, result: Result) -> None:
    folder = OUT / kitchen.format
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{position}.dmp").write_bytes(kitchen.mutant(position))
    told = kitchen.steps[position].describe(kitchen.seeds)
    (folder / f"{position}.txt").write_text(f"{result.trouble}\n{told}\n\n{result.details}", "utf-8")


# --- workers: a process each, which a crash or too much memory may end ---


def _work(connection: Connection, other_end: Connection, kitchen: Kitchen, positions: range) -> None:
    other_end.close()  # or this process would wait for itself when the one that reads is gone
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    for position in positions:
        result = kitchen.examine(position)
        connection.send((position, result))
        if result.megabytes > MEGABYTES:
            return  # the peak never falls again: let a fresh process go on


class Worker:
    """A process that goes through some positions, begun again behind the place where it ended early."""

    def __init__(self, kitchen: Kitchen, positions: range) -> None:
        self.kitchen = kitchen
        self.left = positions
        self._start()

    def _start(self) -> None:
        self.connection, child = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(
            target=_work, args=(child, self.connection, self.kitchen, self.left), daemon=True
        )
        self.process.start()
        child.close()

    def receive(self) -> tuple[int, Result] | None:
        """Take the next result; None when all positions are done.  A process that died makes a result as well."""
        try:
            position, result = self.connection.recv()
        except EOFError:
            self.process.join()
            if not self.left:
                return None
            position = self.left[0]
            result = Result("refused", 0.0, 0.0, f"the process died with exit code {self.process.exitcode}")
            if self.process.exitcode == 0:  # it ended itself after too much memory: nothing new has happened
                self._start()
                return self.receive()
            self.left = self.left[1:]
            self._start()
            return position, result
        self.left = self.left[1:]
        return position, result


def run(kitchen: Kitchen, jobs: int) -> Tally:
    """Examine all mutants of a format in `jobs` processes."""
    tally = Tally(kitchen.format)
    started = time.perf_counter()
    for position, result in _results(kitchen, jobs):
        tally.add(kitchen, position, result)
    tally.elapsed = time.perf_counter() - started
    return tally


def _results(kitchen: Kitchen, jobs: int) -> Iterator[tuple[int, Result]]:
    workers = [Worker(kitchen, range(start, len(kitchen.steps), jobs)) for start in range(jobs)]
    while workers:
        ready = wait([worker.connection for worker in workers])
        for worker in [worker for worker in workers if worker.connection in ready]:
            received = worker.receive()
            if received is None:
                workers.remove(worker)
            else:
                yield received


# --- the command line ---

_COLUMNS = ("format", "seeds", "mutants", "refused", "partial", "complete", "worst s", "peak MB", "troubles", "took s")


def _row(kitchen: Kitchen, tally: Tally) -> tuple[str, ...]:
    return (
        kitchen.format,
        str(len(kitchen.seeds)),
        f"{len(kitchen.steps):,}",
        *(f"{tally.outcomes[outcome]:,}" for outcome in ("refused", "partial", "complete")),
        f"{tally.worst_seconds:.2f}",
        f"{tally.peak_megabytes:.0f}",
        str(sum(tally.troubles.values())),
        f"{tally.elapsed:.0f}",
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:22}" + "".join(f"{cell:>10}" for cell in cells[1:])


def _tell(kitchen: Kitchen, tally: Tally) -> None:
    print(_line(_row(kitchen, tally)), flush=True)
    for trouble, times in tally.troubles.most_common():
        position = tally.examples[trouble]
        told = kitchen.steps[position].describe(kitchen.seeds)
        print(
            f"    {times} x {trouble}\n        first: {OUT.name}/{kitchen.format}/{position}.dmp ({told})", flush=True
        )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", action="append", choices=FORMATS, help="this format only (may be repeated)")
    parser.add_argument("--count", type=int, default=20_000, help="mutants per format (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--only", type=int, metavar="POSITION", help="make and examine one mutant, here")
    return parser.parse_args(arguments)


def _only(kitchen: Kitchen, position: int) -> bool:
    result = kitchen.examine(position)
    _keep(kitchen, position, result)
    print(kitchen.steps[position].describe(kitchen.seeds), result.outcome, result.trouble, result.details, sep="\n")
    return bool(result.trouble)


def main(arguments: list[str] | None = None) -> int:
    """Run it; 1 when anything was wrong."""
    options = _options(arguments)
    wrong = 0
    if options.only is None:
        print(_line(_COLUMNS), flush=True)
    for format_name in options.format or FORMATS:
        prepared = kitchen(format_name, options.count, options.seed)
        if options.only is not None:
            wrong += _only(prepared, options.only)
            continue
        tally = run(prepared, options.jobs)
        _tell(prepared, tally)
        wrong += sum(tally.troubles.values())
        seeds_of.cache_clear()  # workers begin with this process's memory, which counts as theirs
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
