"""Bytes → a header-only dump (type 3)."""

from __future__ import annotations

from fuzz.targets.target import fuzz, kernel_dump

one_input = kernel_dump((3,))

if __name__ == "__main__":
    fuzz(one_input)
