"""Bytes → a dump with a page bitmap (types 5, 6 and 7)."""

from __future__ import annotations

from fuzz.targets.target import fuzz, kernel_dump

one_input = kernel_dump((5, 6, 7), b"FDMPDUMP")

if __name__ == "__main__":
    fuzz(one_input)
