"""Bytes → a minidump of a process."""

from __future__ import annotations

from fuzz.examine import survive
from fuzz.targets.target import fuzz

_VERSION = b"\x93\xa7\0\0"


def one_input(data: bytes) -> None:
    """Put signature and version right, analyse and render."""
    survive(b"MDMP" + _VERSION + data[8:], "fuzz.mdmp")


if __name__ == "__main__":
    fuzz(one_input)
