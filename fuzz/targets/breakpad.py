"""Bytes → a Breakpad symbol file: functions, lines, frame data."""

from __future__ import annotations

from fuzz.symbol_files import USES
from fuzz.targets.target import fuzz, used_file

one_input = used_file(b"MODULE windows x86 ", USES["breakpad"])

if __name__ == "__main__":
    fuzz(one_input)
