"""Bytes → a bzip2 file."""

from __future__ import annotations

from fuzz.targets.target import fuzz, packed_file

one_input = packed_file(b"BZh91AY&SY")

if __name__ == "__main__":
    fuzz(one_input)
