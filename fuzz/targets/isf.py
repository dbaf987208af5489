"""Bytes → a Volatility table: symbols and types."""

from __future__ import annotations

from fuzz.symbol_files import USES
from fuzz.targets.target import fuzz, used_file

one_input = used_file(b"{", USES["isf"])

if __name__ == "__main__":
    fuzz(one_input)
