"""Every regular expression of bugcheck's modules → those whose time grows with the square of a line's length.

    fuzz/patterns.py [--size N]

Lines of damaged files can be long, and a pattern that tries every beginning with every end hangs on them.  Each pattern
is searched in, and matched with, lines that repeat one short unit; what takes longest is printed.  Some are quick in
the way they are used (`match` on a field that is short): a person decides.

Source: R. Cox, "Regular Expression Matching Can Be Simple And Fast" (backtracking); Python's `re` backtracks.
"""

from __future__ import annotations

import argparse
import pkgutil
import re
import signal
import time
from collections.abc import Collection, Iterator
from importlib import import_module
from types import FrameType
from typing import Any, cast

import bugcheck

UNITS = (
    " ", "a", "1", ".", "a.", "1.", ": ", ":", "\t", "-", "ä", "a ", "1 ", ",", '"', "a:", "x=", "<", "(", "0x1 ",
    "\\", "/", "A", "a\\", "_", "1-", "1:", "1/", "'", ";", "[", "[]", "a=b ", "0", "中", "x,", "=", "\n", "a\n", "%",
    "1.1.1.1 ", "->", "*", "#", "@", "FAILURE ", "> ",
)  # fmt: skip
END = "!\0"
"""What no pattern wants at the end of a line."""
LONGEST = 2.0
SHOWN = 0.02


class TooLong(BaseException):
    """The alarm's."""


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield (where, pattern) of every module's constants, those in tuples and dictionaries too."""
    for module in pkgutil.walk_packages(bugcheck.__path__, "bugcheck."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(import_module(module.name)).items():
            for each in _within(value, 3):
                yield f"{module.name}.{name}", each


def _within(value: object, depth: int) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, (dict, tuple, list)):
        held = cast("Collection[object]", value.values() if isinstance(value, dict) else value)
        yield from (found for each in held for found in _within(each, depth - 1))


def worst(pattern: re.Pattern[Any], size: int) -> tuple[float, str, str]:
    """Return (seconds of processor time, how it was used, the unit) of the slowest line."""
    slowest = (0.0, "", "")
    for unit in UNITS:
        line: str | bytes = unit * (size // len(unit)) + END
        if isinstance(pattern.pattern, bytes):
            line = line.encode("latin-1", "replace")
        for how in ("match", "search"):
            slowest = max(slowest, (_timed(pattern, how, line), how, unit))
    return slowest


def _timed(pattern: re.Pattern[Any], how: str, line: str | bytes) -> float:
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        getattr(pattern, how)(line)
    except TooLong:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - started


def _alarm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise TooLong


def main() -> None:
    """Print the slow ones, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=3000, help="characters of a line (default: 3000)")
    size = parser.parse_args().size
    signal.signal(signal.SIGPROF, _alarm)
    found = {id(pattern): (where, pattern) for where, pattern in patterns()}
    timed = [(worst(pattern, size), where, pattern.pattern) for where, pattern in found.values()]
    slow = sorted((each for each in timed if each[0][0] > SHOWN), key=lambda each: -each[0][0])
    for (seconds, how, unit), where, text in slow:
        print(f"{seconds:6.2f} s  {how} of {unit!r}  {where}  {text!r:.100}")
    print(f"{len(found)} patterns, {len(slow)} over {SHOWN} s on lines of {size:,} characters")


if __name__ == "__main__":
    main()
