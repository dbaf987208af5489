"""Bytes → an xz file."""

from __future__ import annotations

from fuzz.targets.target import fuzz, packed_file

one_input = packed_file(b"\xfd7zXZ\0")

if __name__ == "__main__":
    fuzz(one_input)
