"""`write_pdb.py OUT [STRUCTURES FUNCTIONS]`: a PDB as large as a kernel's, compiled by ziglang (from PyPI)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STRUCTURES, FUNCTIONS = 6000, 12_000
"""They make a PDB of about 12 MB."""


def source(structures: int, functions: int) -> Iterator[str]:
    """Write C code with that many structures and functions."""
    yield "typedef unsigned long long u64;\n"
    for n in range(structures):
        before = f"struct S{n - 1} *before;" if n else ""
        yield (
            f"struct S{n} {{ u64 a{n}; int b{n}:3, c{n}:5; union {{ u64 d{n}; void *e{n}; }}; char name[16]; {before} "
            f"enum E{n} {{ X{n} = 1, Y{n} = 2 }} kind; int (*call)(struct S{n} *, int); }};\n"
        )
    for n in range(functions):
        of = n % structures
        yield (
            f"__attribute__((noinline)) u64 function_number_{n}(struct S{of} *object, int count) {{\n"
            f"  u64 total = object->a{of};\n  for (int i = 0; i < count; i++)\n"
            f"    total += object->name[i & 15] ^ object->d{of};\n  return total;\n}}\n"
        )
    yield "u64 (*table[])(void *, int) = {\n" + "".join(f" (void *)function_number_{n},\n" for n in range(functions))
    yield "};\nint main(int count, char **arguments) { return (int)table[count](arguments, count); }\n"


def main() -> int:
    """Compile and link; 1 when ziglang is not installed or fails."""
    out = Path(sys.argv[1]).resolve()
    counts = [int(text) for text in sys.argv[2:4]] or [STRUCTURES, FUNCTIONS]
    code = out.with_suffix(".c")
    code.write_text("".join(source(*counts)), "ascii")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-g", "-gcodeview", "-O0"]
    command = [*zig, str(code), "-o", str(out.with_suffix(".exe"))]
    return subprocess.run(command, check=False, cwd=out.parent).returncode and 1


if __name__ == "__main__":
    sys.exit(main())
