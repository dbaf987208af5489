"""`write_pdb.py OUT [STRUCTURES FUNCTIONS]`: a PDB as large as a kernel's, compiled by clang and lld-link."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STRUCTURES, FUNCTIONS = 8500, 15_000
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
    yield "};\nint start(void) { int count = 1; return (int)table[count](&count, count); }\n"


def main() -> int:
    """Compile and link, in about 20 seconds of processor time; 1 when clang or lld-link fails."""
    out = Path(sys.argv[1]).resolve()
    counts = [int(text) for text in sys.argv[2:4]] or [STRUCTURES, FUNCTIONS]
    code, compiled = out.with_suffix(".c"), out.with_suffix(".obj")
    code.write_text("".join(source(*counts)), "ascii")
    clang = [
        "clang",
        "--target=x86_64-pc-windows-msvc",
        "-g",
        "-gcodeview",
        "-O0",
        "-c",
        str(code),
        "-o",
        str(compiled),
    ]
    link = ["lld-link", str(compiled), "/nologo", "/debug", "/entry:start", "/subsystem:console", "/nodefaultlib"]
    commands = (clang, [*link, f"/out:{out.with_suffix('.exe')}", f"/pdb:{out}"])
    return int(any(subprocess.run(command, check=False, cwd=out.parent).returncode for command in commands))


if __name__ == "__main__":
    sys.exit(main())
