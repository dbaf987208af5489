"""Frames → the lines of a debugger's `k` and `kb`.

Source: outputs of a debugger engine (10.0.15063): ../shared/story/transcript.txt for x86; "k, kb, … (Display Stack
Backtrace)" of the debugger documentation for the columns of 64-bit machines.

Folklore: `kb` prints three arguments on x86 and four words elsewhere, where they are only what the callee stored in its
home area.  A word that is not in the dump is printed as 00000000.  A warning stands on its own line before its level
and is no level: SYMBOL_STACK_INDEX does not count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bugcheck.addresses import format_address
from bugcheck.dump.dump import Architecture
from bugcheck.stack.frame import Frame

_HEADINGS = {
    (32, False): "ChildEBP RetAddr  ",
    (32, True): "ChildEBP RetAddr  Args to Child              ",
    (64, False): "Child-SP          RetAddr           Call Site",
    (64, True): "RetAddr           : Args to Child" + " " * 59 + ": Call Site",
}
"""Address width and whether arguments are shown → the line above the levels, with the engine's trailing blanks."""


def heading(architecture: Architecture, *, arguments: bool) -> str:
    """Give the line that stands above the levels."""
    return _HEADINGS[_width(architecture), arguments]


def render_kb(frames: Iterable[Frame], architecture: Architecture) -> list[str]:
    """Write levels with their arguments (`kb`), warnings on lines of their own, without the heading."""
    return list(_lines(frames, architecture, arguments=True))


def render_k(frames: Iterable[Frame], architecture: Architecture) -> list[str]:
    """Write levels without arguments (`k`), warnings on lines of their own, without the heading."""
    return list(_lines(frames, architecture, arguments=False))


def _width(architecture: Architecture) -> int:
    # An ARM32 stack is printed as wide as an x86 one.
    return 64 if architecture.bits == 64 else 32


def _lines(frames: Iterable[Frame], architecture: Architecture, *, arguments: bool) -> Iterator[str]:
    width = _width(architecture)
    for frame in frames:
        if frame.warning:
            yield frame.warning
        yield _line32(frame, arguments) if width == 32 else _line64(frame, arguments)


def _line32(frame: Frame, arguments: bool) -> str:
    words = [frame.frame_address, frame.return_address]
    if arguments:
        words += _padded(frame.arguments, 3)
    return " ".join([*(f"{word & 0xFFFF_FFFF:08x}" for word in words), frame.name])


def _line64(frame: Frame, arguments: bool) -> str:
    back = "(Inline Function)" if frame.inline else format_address(frame.return_address)
    if not arguments:
        place = "(Inline Function)" if frame.inline else format_address(frame.frame_address)
        return f"{place} {'--------`--------' if frame.inline else back} {frame.name}"
    words = " ".join(format_address(word) for word in _padded(frame.arguments, 4))
    return f"{back} : {words} : {frame.name}"


def _padded(words: tuple[int, ...], count: int) -> list[int]:
    return [*words[:count], *(0 for _ in range(count - len(words)))]
