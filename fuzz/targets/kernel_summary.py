"""Bytes → a kernel memory dump of Windows 2000 to 7 (type 2)."""

from __future__ import annotations

from fuzz.targets.target import fuzz, kernel_dump

one_input = kernel_dump((2,), b"SDMPDUMP")

if __name__ == "__main__":
    fuzz(one_input)
