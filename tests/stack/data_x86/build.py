#!/usr/bin/env python3
"""Source files → the images and tables in this folder.

Needs clang, lld-link and llvm-pdbutil (Debian's clang-14, lld-14, llvm-14). The tables hold what llvm-pdbutil says of
the PDBs, so that the tests need neither PDBs nor a reader of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = sys.argv[1] if len(sys.argv) > 1 else "-14"
BASE = 0x400000
CFLAGS = ["--target=i386-pc-windows-msvc", "-ffreestanding", "-fno-builtin", "-mno-sse", "-mno-stack-arg-probe", "-c"]
DEBUG = ["-gcodeview", "-g"]
VARIANTS = {
    "omit_os": ["-Os", "-fomit-frame-pointer"],
    "omit_o1": ["-O1", "-fomit-frame-pointer"],
    "ebp_o1": ["-O1", "-fno-omit-frame-pointer"],
    "ebp_o0": ["-O0", "-fno-omit-frame-pointer"],
}
# name: locals, parameters, saved registers (bytes), prologue length, ebp used otherwise, frame type
FPO = {
    "_start": (0, 0, 0, 3, False, 3),
    "fpo_saved": (0x18, 4, 8, 5, False, 0),
    "fpo_ebp": (0, 4, 8, 2, True, 0),
    "cdecl_leaf": (0, 8, 0, 0, False, 0),
    "nonfpo": (0x10, 8, 12, 9, False, 3),
    "hotpatch": (4, 0, 0, 6, False, 3),
}


def run(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def link(obj: Path, image: Path, *more: str) -> None:
    base, out = f"/base:{BASE:#x}", f"/out:{image}"
    options = ["/entry:start", "/subsystem:console", "/nodefaultlib", "/fixed", "/timestamp:0", "/safeseh:no"]
    run(f"lld-link{VERSION}", *options, base, out, *more, obj)


def frame_rows(pdb: Path) -> list[list[object]]:
    """Rows of llvm-pdbutil's table: rva, code, locals, params, stack, prolog, saved, seh, c++ eh, start, program."""
    rows: list[list[object]] = []
    for line in run(f"llvm-pdbutil{VERSION}", "dump", "-fpo", pdb).splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 11 and len(cells[0]) == 8 and cells[0] != "RVA":
            numbers = [int(cells[0], 16), *(int(cell) for cell in cells[1:7])]
            rows.append([*numbers, cells[9] == "true", cells[10]])
    return rows


def label_rvas(obj: Path) -> dict[str, int]:
    """RVAs of the labels: their offsets in .text, which begins at 0x1000."""
    found: dict[str, int] = {}
    for line in run(f"llvm-nm{VERSION}", obj).splitlines():
        value, _, name = line.split()
        found[name] = 0x1000 + int(value, 16)
    return found


def main() -> None:
    tables: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, flags in VARIANTS.items():
            obj = folder / f"{name}.obj"
            run(f"clang{VERSION}", *CFLAGS, *DEBUG, *flags, HERE / "chain.c", "-o", obj)
            pdb = folder / f"{name}.pdb"
            link(obj, folder / f"{name}.exe", "/debug", f"/pdb:{pdb}")
            tables[name] = frame_rows(pdb)
            link(obj, HERE / f"{name}.exe")  # without a debug directory, whose GUID differs from build to build
        obj = folder / "fpo.obj"
        run(f"clang{VERSION}", *CFLAGS, HERE / "frames.s", "-o", obj)
        link(obj, HERE / "fpo.exe")
        labels = label_rvas(obj)
        tables["fpo"] = [[labels[name], labels[f"{name}_end"] - labels[name], *values] for name, values in FPO.items()]
    text = json.dumps(tables, indent=0).replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]")
    (HERE / "frames.json").write_text(text.replace("], [", "],\n["))


if __name__ == "__main__":
    main()
