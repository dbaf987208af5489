"""`bugcheck disasm`: instructions at an address, with symbols, as a debugger's `u` lists them."""

from __future__ import annotations

import sys
from argparse import Namespace

from bugcheck.api import analyze_all, disassembly
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import complain, output
from bugcheck.reports.escape import printable


def run(options: Namespace) -> int:
    """List the instructions; 0 done, 2 wrong usage, 3 unreadable."""
    [outcome, *others] = analyze_all(
        options.files,
        hash_file=False,
        standard_input=sys.stdin.buffer,
        password=password_of(options),
        symbols=symbol_options(options),
    )
    if outcome.analysis is None or others:
        complain(str(outcome.error) if not others else f"{options.files[0]} holds {1 + len(others)} dumps: unpack it")
        return 2 if others else 3
    lines = disassembly(outcome.analysis, options.address, options.count)
    with output(None) as stream:
        stream.write("".join(printable(line) + "\n" for line in lines))
    return 0
