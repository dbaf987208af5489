"""Bytes → a gzip file."""

from __future__ import annotations

from fuzz.targets.target import fuzz, packed_file

one_input = packed_file(b"\x1f\x8b\x08")

if __name__ == "__main__":
    fuzz(one_input)
