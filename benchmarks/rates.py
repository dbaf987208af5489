"""Work → how often a second of processor time, best of three passes: what else runs hardly distorts that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

PASSES = 3
ENOUGH_SECONDS = 0.5
T = TypeVar("T")


def best_rate(work: Callable[[], int]) -> float:
    """Things done per processor second; `work` returns how many it did and is repeated for half a second a pass."""
    rates: list[float] = []
    for _ in range(PASSES):
        done, elapsed, started = 0, 0.0, time.process_time()
        while elapsed < ENOUGH_SECONDS:
            done += work()
            elapsed = time.process_time() - started
        rates.append(done / elapsed)
    return max(rates)


def each(do: Callable[[T], object], things: Iterable[T]) -> int:
    """Do it to every thing; returns how many there were."""
    done = 0
    for thing in things:
        do(thing)
        done += 1
    return done
