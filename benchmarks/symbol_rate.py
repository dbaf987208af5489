"""`symbol_rate.py PDB DUMP SYMBOLS`: index and open times of a PDB, look-ups, frames; symbolic beside it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rates import best_rate, each
from bugcheck.api import SymbolOptions, analyze
from bugcheck.stack.stacks import thread_stacks
from bugcheck.symbols.pdb.open import open_pdb

LOOKUPS = 20_000


def seconds(work: Callable[[], object]) -> float:
    """Processor time it takes once, so that a busy machine does not count."""
    started = time.process_time()
    work()
    return time.process_time() - started


def opened_once(path: Path, cache: Path) -> None:
    """Open a PDB and close it."""
    open_pdb(path, cache=cache).close()


def pdb_figures(path: Path) -> dict[str, float]:
    """Times of the first and the second opening, and look-ups a second."""
    with tempfile.TemporaryDirectory() as folder:
        caches = [Path(folder, str(number)) for number in range(3)]
        index = min(seconds(partial(opened_once, path, cache)) for cache in caches)
        cache = caches[0]
        opened = min(seconds(partial(opened_once, path, cache)) for _ in range(5))
        with open_pdb(path, cache=cache) as symbols:
            every = [symbol.rva for symbol in symbols.symbols()]
            rvas = [every[n * 7919 % len(every)] + 3 for n in range(LOOKUPS)]
            rate = best_rate(lambda: each(symbols.nearest, rvas))
    figures = {"index": index, "open": opened, "lookups": rate, "symbols": len(every), "bytes": path.stat().st_size}
    if find_spec("symbolic"):
        figures.update(symbolic_figures(path, rvas))
    return figures


def symbolic_figures(path: Path, rvas: list[int]) -> dict[str, float]:
    """The same of symbolic: making its cache, opening it, look-ups."""
    archive: Any = import_module("symbolic.debuginfo").Archive
    symcache: Any = import_module("symbolic.symcache").SymCache
    made: list[Any] = []
    index = min(seconds(lambda: made.append(next(archive.open(str(path)).iter_objects()).make_symcache()))
                for _ in range(3))  # fmt: skip
    with tempfile.NamedTemporaryFile() as file:
        made[-1].dump_into(file)
        file.flush()
        opened = min(seconds(lambda: symcache.open(file.name)) for _ in range(5))
    rate = best_rate(lambda: each(made[-1].lookup, rvas))
    return {"peer_index": index, "peer_open": opened, "peer_lookups": rate}


def frames_rate(dump: str, symbols: str) -> float:
    """Frames a second, named, of all threads of a user dump; symbols are loaded before."""
    machine = analyze(dump, hash_file=False, symbols=SymbolOptions(local_path=symbols)).machine

    def walk_all() -> int:
        stacks = [stack for thread in machine.dump.threads for stack in thread_stacks(machine, thread)]
        return sum(len(stack.frames) for stack in stacks)

    return best_rate(walk_all)


if __name__ == "__main__":
    print(json.dumps({**pdb_figures(Path(sys.argv[1])), "frames": frames_rate(sys.argv[2], sys.argv[3])}))
