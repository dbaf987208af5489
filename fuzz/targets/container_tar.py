"""Bytes → a tar archive."""

from __future__ import annotations

from fuzz.targets.target import fuzz, packed_file

one_input = packed_file(b"ustar", 257)

if __name__ == "__main__":
    fuzz(one_input)
