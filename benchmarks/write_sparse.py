"""A path and a size → a sparse full dump; run by run.py as `write_sparse.py FILE BYTES`."""

from __future__ import annotations

import sys
from pathlib import Path

from bugcheck.synth import write_sparse_full_dump, x64_machine

if __name__ == "__main__":
    write_sparse_full_dump(Path(sys.argv[1]), x64_machine(), int(sys.argv[2]))
