"""Bytes → a small memory dump (type 4)."""

from __future__ import annotations

from fuzz.targets.target import fuzz, kernel_dump

one_input = kernel_dump((4,))

if __name__ == "__main__":
    fuzz(one_input)
