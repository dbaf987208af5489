"""Bytes → a dump of a live machine (types 8, 9 and 10)."""

from __future__ import annotations

from fuzz.targets.target import fuzz, kernel_dump

one_input = kernel_dump((8, 9, 10), b"\x40\0\0\0RDMPDUMP")

if __name__ == "__main__":
    fuzz(one_input)
