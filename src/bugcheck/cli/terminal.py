"""Text → standard output or a file, with colours only where a person looks."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.progress import TaskID

T = TypeVar("T")


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


def with_progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Pass items through, with a progress bar on standard error when a person watches and there are many."""
    if total < 8 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # 100 ms: only where a bar is drawn
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)


@contextmanager
def transfer_progress() -> Generator[Callable[[str, int, int], None] | None]:
    """Give a callback that draws a bar per file on standard error when a person watches; None otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            """Move one file's bar."""
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total or None)
            bars.update(tasks[name], completed=done, total=total or None)

        yield progress
