"""A command → its wall time, processor time and peak memory.

Source: wait4(2): ru_maxrss of the child alone.

Folklore: Linux counts the parent's memory at the moment of the fork into it, so the measuring process imports nothing
heavy, and figures of 15 MiB and less are its own.  Where PYTHONDONTWRITEBYTECODE is set, every start compiles changed
sources anew (20 ms here); an installed program never does, so the variable is not passed on.  Nor are the user's
caches: what symbols somebody fetched once must not be part of a measurement.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NO_CACHE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "out", "cache")  # noqa: PTH100, PTH118, PTH120
_MAX_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: wall and processor seconds, peak resident bytes, exit status."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    status: int

    @property
    def megabytes(self) -> float:
        """Peak resident memory in MiB."""
        return self.peak_bytes / (1 << 20)

    @property
    def milliseconds(self) -> float:
        """Wall time in milliseconds."""
        return self.seconds * 1000


def installed_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program as users have it: compiled modules are kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "XDG_CACHE_HOME": NO_CACHE, **(changes or {})}


def run_once(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command with its output thrown away."""
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    started = time.perf_counter()
    child = os.posix_spawn(command[0], list(command), installed_environment(environment), file_actions=null)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    peak = usage.ru_maxrss * _MAX_RSS_UNIT
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


def best_of(times: int, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run it once to warm the caches of files, then `times` times; the least of each figure counts."""
    run_once(command, environment)
    runs = [run_once(command, environment) for _ in range(times)]
    return Run(
        min(run.seconds for run in runs),
        min(run.processor_seconds for run in runs),
        min(run.peak_bytes for run in runs),
        runs[-1].status,
    )
