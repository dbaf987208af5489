"""Bytes → a PDB: streams, symbols, types, lines, frame data."""

from __future__ import annotations

from fuzz.symbol_files import MSF_MAGIC, USES
from fuzz.targets.target import fuzz, used_file

one_input = used_file(MSF_MAGIC, USES["pdb"])

if __name__ == "__main__":
    fuzz(one_input)
