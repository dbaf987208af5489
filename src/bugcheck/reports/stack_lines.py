"""A NamedStack → the lines a debugger prints for it (`k`, `kb`), escaped for a terminal."""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.reports.escape import printable
from bugcheck.stack.render_kb import heading, render_kb
from bugcheck.stack.stacks import NamedStack


def kb_text(stack: NamedStack, architecture: Architecture) -> str:
    """Write one stack as WinDbg's `kb` does, under a line that says whose it is."""
    lines = [f"{stack.title}:", heading(architecture, arguments=True), *render_kb(stack.frames, architecture)]
    return "".join(printable(line) + "\n" for line in lines) + "\n"
