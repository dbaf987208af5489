"""A damaged file → what bugcheck made of it, and what is wrong with that.

What `bugcheck analyze -v` and `--json` do is done here, without a process and a file for each: open, analyse, render.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.dump.open import open_stream, read_dump
from bugcheck.errors import BugcheckError, DumpError
from bugcheck.findings.findings import Crash
from bugcheck.machine.machine import Machine
from bugcheck.reports.analysis_document import analysis_document
from bugcheck.reports.analysis_json import analysis_json
from bugcheck.reports.formats.text import draw
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.verdict import judge

Use = Callable[[bytes, str], str]
"""Bytes and a name → "refused", "partial" or "complete"."""
SECONDS = 2.0
MEGABYTES = 300
HANG_SECONDS = 20
"""Of processor time; of waiting on a busy machine, STUCK_SECONDS."""
STUCK_SECONDS = 240
_MAX_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
STEERING = [chr(code) for code in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0))]
_RANK = {"refused": 0, "partial": 1, "complete": 2}


class Hang(BaseException):
    """The watchdog's; no rule runner may catch it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one mutant.

    Attributes:
        outcome: "refused", "partial" or "complete".
        seconds: processor time, so that a busy machine is no finding.
        megabytes: highest resident memory of this process so far.
        trouble: what must not be, in one line that is the same for the same mistake, or "".
        details: the traceback, or "".
    """

    outcome: str
    seconds: float
    megabytes: float
    trouble: str = ""
    details: str = ""


def peak_megabytes() -> float:
    """Highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAX_RSS_UNIT / (1 << 20)


def examine(
    data: bytes, name: str, *, packed: bool = False, use: Use | None = None, megabytes: float = MEGABYTES
) -> Result:
    """Analyse and render one mutant; never raises.

    Args:
        packed: it is no dump but holds some. use: what to do with it instead; returns an outcome or raises.
        megabytes: what this process may take at most; with `use`, how much more than before (the demangler of symbol
            names keeps what it allocates, which is the process's and not one mutant's).
    """
    started, peak = time.process_time(), peak_megabytes() if use is not None else 0.0
    outcome, trouble, details = "refused", "", ""
    try:
        with _watchdog():
            outcome = use(data, name) if use is not None else survive(data, name, packed=packed)
    except Hang:
        trouble, details = f"no end within {HANG_SECONDS} s", traceback.format_exc()
    except Wrong as wrong:
        trouble = str(wrong)
    except Exception as error:
        trouble, details = _where(error), traceback.format_exc()
    seconds = time.process_time() - started
    if not trouble and seconds > SECONDS:
        trouble = f"slower than {SECONDS:g} s"
    if not trouble and peak_megabytes() - peak > megabytes:
        trouble = f"more than {megabytes} MB"
    return Result(outcome, seconds, peak_megabytes(), trouble, details)


class Wrong(Exception):
    """An answer that no exception tells of but that must not be."""


def survive(data: bytes, name: str, *, packed: bool = False) -> str:
    """Open, analyse and render; returns "refused", "partial" or "complete".

    Raises:
        Wrong: an answer that must not be. Any other exception is a mistake of bugcheck's.
    """
    outcome = "refused"
    for dump in _open(data, name, packed):
        outcome = max(outcome, _whole(dump, name), key=_RANK.__getitem__)
    return outcome


def _open(data: bytes, name: str, packed: bool) -> Iterator[Dump]:
    """Open it as the command line would; a DumpError is a proper refusal."""
    try:
        if packed:
            yield from (opened.dump for opened in open_stream(io.BytesIO(data), name) if opened.dump is not None)
        else:
            yield read_dump(BinaryView(data, name))
    except DumpError:
        return


def _whole(dump: Dump, name: str) -> str:
    try:
        crash = Crash(Machine(dump))
        verdict = judge(crash)
    except DumpError:
        return "refused"
    except BugcheckError as error:
        raise Wrong(f"outcome: {_where(error)}") from error
    analysis = Analysis(name, None, crash, verdict, 0.0)
    for gap in verdict.gaps:
        if gap.missing.startswith("it failed:"):
            raise Wrong(f"{gap.what}: {gap.missing}")
    _render(analysis)
    return "complete" if dump.complete else "partial"


def _render(analysis: Analysis) -> None:
    text = draw(analysis_document(analysis, verbose=True, modules=True), colour=False, width=120)
    text.encode("utf-8")
    steering = next((char for char in STEERING if char in text), None)
    if steering is not None:
        raise Wrong(f"text output holds the control character {steering!r}")
    json.dumps(analysis_json(analysis), allow_nan=False)


def _where(error: BaseException) -> str:
    """Name an exception by its type and the innermost line of bugcheck it passed through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/bugcheck/" in frame.filename]
    if not frames:
        return f"{type(error).__name__}: {error}"
    last = frames[-1]
    return f"{type(error).__name__} in bugcheck/{last.filename.rpartition('/bugcheck/')[2]}:{last.lineno} {last.name}"


def _alarm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise Hang


@contextmanager
def _watchdog() -> Generator[None]:
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, HANG_SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, STUCK_SECONDS))
    before = [signal.signal(number, _alarm) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
