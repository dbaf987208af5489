"""llvm-pdbutil-14's view of the fixtures → x64.json, x86.json, arm64.json, public_x64.json beside them.

Usage: cd tests/symbols/data/pdb && python expected.py   (Debian package llvm-14; run after build.sh)

Commands: llvm-pdbutil-14 dump -publics | -symbols | -l | -types | -fpo | -section-headers NAME.pdb
Addresses are RVAs: segments are resolved with the section headers that llvm-pdbutil prints.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def dump(option: str, pdb: str) -> str:
    command = ["llvm-pdbutil-14", "dump", option, pdb]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout


def sections(pdb: str) -> list[int]:
    return [int(x, 16) for x in re.findall(r"([0-9A-F]+) virtual address", dump("-section-headers", pdb))]


def publics(pdb: str, bases: list[int]) -> list[list[object]]:
    found = re.findall(r"S_PUB32 .*?`(.*)`\n +flags = (.*), addr = (\d+):(\d+)", dump("-publics", pdb))
    return sorted([bases[int(seg) - 1] + int(off), name, flags] for name, flags, seg, off in found)


def procedures(pdb: str, bases: list[int]) -> list[list[object]]:
    pattern = r"S_[GL]PROC32 .*?`(.*)`\n +parent = .*, addr = (\d+):(\d+), code size = (\d+)"
    found = re.findall(pattern, dump("-symbols", pdb))
    return sorted([bases[int(seg) - 1] + int(off), name, int(size)] for name, seg, off, size in found)


def lines(pdb: str, bases: list[int]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    file, base = "", 0
    for text in dump("-l", pdb).splitlines():
        if match := re.match(r"(\S.*) \((?:MD5|no checksum|SHA).*\)$", text):
            file = match[1]
        elif match := re.match(r" +(\d{4}):[0-9A-F]{8}-[0-9A-F]{8}, line/addr", text):
            base = bases[int(match[1]) - 1]
        else:
            rows += [[base + int(off, 16), file, int(n)] for n, off in re.findall(r"(\d+) ([0-9A-F]{8}) !", text)]
    return sorted(rows, key=lambda row: row[0])  # rows at one address keep their order: the last of them counts


def types(pdb: str) -> dict[str, object]:
    """Structures with members as llvm-pdbutil lists them: name, offset, and for bit-fields position and count."""
    records = {
        int(m[1], 16): m[2] for m in re.finditer(r"  0x([0-9A-F]{4,}) \| ((?:.|\n(?!  0x))*)", dump("-types", pdb))
    }
    bits = {}
    for index, text in records.items():
        if match := re.search(r"bit offset = (\d+), # bits = (\d+)", text):
            bits[index] = [int(match[1]), int(match[2])]
    found: dict[str, object] = {}
    for text in records.values():
        named = re.match(r"LF_(STRUCTURE|CLASS|UNION) \[size = \d+\] `(.*)`", text)
        fields = re.search(r"field list: 0x([0-9A-F]+)", text)
        if not named or not fields or "forward ref" in text:
            continue
        pattern = r"LF_MEMBER \[name = `(.*)`, Type = 0x([0-9A-F]+)(?: \(.*\))?, offset = (\d+)"
        members = re.findall(pattern, records[int(fields[1], 16)])
        size = re.search(r"sizeof (\d+)", text)
        assert size
        found[named[2]] = [int(size[1]), [[name, int(off), *bits.get(int(ref, 16), [])] for name, ref, off in members]]
    return found


def frames(pdb: str) -> list[list[object]]:
    rows: list[list[object]] = []
    for text in dump("-fpo", pdb).splitlines():
        columns = [column.strip() for column in text.split("|")]
        if len(columns) == 11 and re.fullmatch("[0-9A-F]{8}", columns[0]):
            flags = [columns[n] == "true" for n in (7, 9)]
            rows.append([int(columns[0], 16), *map(int, columns[1:7]), *flags, columns[10]])
    return rows


def main() -> None:
    for name in ("x64", "x86", "arm64", "public_x64"):
        pdb = f"{name}.pdb"
        bases = sections(pdb)
        view = {
            "publics": publics(pdb, bases),
            "procedures": procedures(pdb, bases),
            "lines": lines(pdb, bases),
            "types": types(pdb),
            "frames": frames(pdb),
        }
        text = json.dumps(view, separators=(",", ":")).replace("],[", "],\n[").replace('],"', '],\n"')
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
