"""Text → standard output or a file, with colours only where a person looks."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from bugcheck.api import file_count

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")
MANY = 8
"""Items from which on a bar shows how far they are."""


def wants_colour(options: Namespace, stream: TextIO) -> bool:
    """Decide on colours: the option, then NO_COLOR (no-color.org), then whether the stream is a terminal."""
    choice: str = options.color
    if choice != "auto":
        return choice == "always"
    return not os.environ.get("NO_COLOR") and stream.isatty() and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Columns of the terminal, at most 120; 120 where there is none."""
    if not stream.isatty():
        return 120
    try:
        return min(120, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return 80


@contextmanager
def output(path: str | None) -> Generator[TextIO]:
    """Open the output: a file, UTF-8, or standard output with characters it cannot show replaced."""
    if path is None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
        yield sys.stdout
        sys.stdout.flush()
        return
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 (pathlib costs 10 ms)
        yield file


def complain(text: str) -> None:
    """Write an error line to standard error."""
    from bugcheck.reports.escape import printable

    sys.stderr.write(f"bugcheck: {printable(text)}\n")


LARGE_FILE = 64 << 20
"""Bytes from which one file is worth a bar: hashing or unpacking it can take seconds."""


def takes_long(files: Sequence[str]) -> bool:
    """Tell whether a person watches and what is asked of files may take long: many of them, or a large one."""
    return sys.stderr.isatty() and (file_count(files) >= MANY or any(map(_is_large, files)))


def with_progress(items: Iterable[T], files: Sequence[str], what: str) -> Iterator[T]:
    """Pass what comes of files through, with a bar on standard error when it may take long."""
    if not takes_long(files):
        yield from items
        return
    from rich.console import Console  # 100 ms: only where a bar is drawn
    from rich.progress import Progress

    total = file_count(files)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total if total > 1 else None)  # one file: the bar only moves
        for item in items:
            yield item
            progress.advance(task)


@contextmanager
def reading_progress() -> Generator[Callable[[str, int, int], None] | None]:
    """Give a callback that draws how many files are read when a person watches; None otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # 100 ms: only where a bar is drawn
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from bugcheck.reports.escape import printable

    columns = (
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def show(path: str, done: int, total: int) -> None:
            """Move the bar."""
            bars.update(task, completed=done, total=total, description=printable(path)[-40:])

        yield show


class TransferBars:
    """A bar for each file that is being fetched, on standard error; nothing is drawn before the first byte."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """Move one file's bar."""
        if self._bars is None:
            from rich.console import Console  # 100 ms: only where something is fetched
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total or None)
        self._bars.update(self._tasks[name], completed=done, total=total or None)

    def stop(self) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.stop()


def _is_large(path: str) -> bool:
    try:
        return os.stat(path).st_size >= LARGE_FILE  # noqa: PTH116 (pathlib costs 10 ms)
    except (OSError, ValueError):
        return False


@contextmanager
def transfer_progress(wanted: bool = True) -> Generator[TransferBars | None]:
    """Give a callback that draws a bar per file when a person watches; None otherwise, and when it is not wanted."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bars = TransferBars()
    try:
        yield bars
    finally:
        bars.stop()
