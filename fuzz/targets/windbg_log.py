"""Bytes → a debugger's log: a banner and a bug check stand before them, so that they reach the reader as one."""

from __future__ import annotations

from fuzz.examine import survive
from fuzz.targets.target import fuzz

_BEFORE = b"Bugcheck Analysis\nDRIVER_IRQL_NOT_LESS_OR_EQUAL (d1)\nArg1: 0000000000000010\nSTACK_TEXT:\n"


def one_input(data: bytes) -> None:
    """Read, analyse and render what the bytes are as a log's fields; every fourth as a text of its own."""
    survive(data if len(data) & 3 == 0 else _BEFORE + data, "fuzz.txt", packed=True)


if __name__ == "__main__":
    fuzz(one_input)
