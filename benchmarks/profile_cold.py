"""Where a cold start's time goes: imports module by module, then functions.

benchmarks/profile_cold.py [FILE] [--functions] [--top N]
"""

from __future__ import annotations

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import installed_environment

HERE = Path(__file__).resolve().parent
DEFAULT = HERE.parents[1] / "shared/corpus/kernel/rizinorg__rizin-testbins__triage_x64.dmp"
RUNS = 7


class Import(NamedTuple):
    """A module's import: microseconds of its own, and with what it imported."""

    name: str
    own: int
    total: int


def imports_of(arguments: list[str]) -> list[Import]:
    """Import times of one run, by CPython's -X importtime."""
    command = [sys.executable, "-X", "importtime", "-m", "bugcheck", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=installed_environment())
    found: list[Import] = []
    for line in done.stderr.splitlines():
        columns = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and len(columns) == 3 and columns[0].strip().isdigit():
            found.append(Import(columns[2].strip(), int(columns[0]), int(columns[1])))
    return found


def fastest_imports(arguments: list[str]) -> list[Import]:
    """The least time of each module over some runs: what the machine's other work adds is not the module's."""
    best: dict[str, Import] = {}
    for _ in range(RUNS):
        for found in imports_of(arguments):
            known = best.get(found.name)
            best[found.name] = found if known is None or found.own < known.own else known
    return sorted(best.values(), key=lambda one: -one.own)


def show_imports(arguments: list[str], top: int) -> None:
    """Print the modules that cost most, and the sums of bugcheck's and of the rest."""
    found = fastest_imports(arguments)
    own = sum(one.own for one in found if one.name.startswith("bugcheck"))
    rest = sum(one.own for one in found) - own
    print(f"{len(found)} modules; bugcheck's own {own / 1000:.1f} ms, others {rest / 1000:.1f} ms")
    for one in found[:top]:
        print(f"{one.own / 1000:8.2f} ms  {one.total / 1000:8.2f} ms with its imports  {one.name}")


def show_functions(arguments: list[str], top: int) -> None:
    """Print cProfile's functions by their own time."""
    descriptor, path = tempfile.mkstemp(suffix=".prof")
    os.close(descriptor)
    command = [sys.executable, "-m", "cProfile", "-o", path, "-m", "bugcheck", *arguments]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=installed_environment())
    pstats.Stats(path).sort_stats("tottime").print_stats(top)
    Path(path).unlink()


def main() -> int:
    """Profile `bugcheck analyze FILE`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default=str(DEFAULT))
    parser.add_argument("--json", action="store_true", help="profile `analyze --json`")
    parser.add_argument("--functions", action="store_true", help="profile functions instead of imports")
    parser.add_argument("--top", type=int, default=40)
    options = parser.parse_args()
    arguments = ["analyze", *(["--json"] if options.json else []), options.file]
    (show_functions if options.functions else show_imports)(arguments, options.top)
    return 0


if __name__ == "__main__":
    sys.exit(main())
