"""kphdyn.xml → src/bugcheck/knowledge/kernels.tsv and kernel_offsets.tsv.

Usage: python scripts/make_kernels.py PATH/kphdyn.xml

The input is System Informer's list of kernels (https://github.com/winsiderss/systeminformer, kphlib/kphdyn.xml, MIT).
Each <data> element is one image: arch, version, file, SHA-256, PE time stamp, size; its text is the id of the <fields>
element that holds the offsets.  Sets with equal content keep their own ids, so that a later XML gives a small diff.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

KNOWLEDGE = Path(__file__).resolve().parent.parent / "src" / "bugcheck" / "knowledge"
ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}


def version_key(version: str) -> tuple[int, ...]:
    """Return a dotted version as numbers, for sorting."""
    return tuple(int(part) for part in version.split("."))


def kernels(root: ElementTree.Element) -> dict[str, tuple[str, str, str, str]]:
    """Return time stamp + size (16 hex digits) → architecture, version, file, set id; the lowest version of twins."""
    found: dict[str, tuple[str, str, str, str]] = {}
    hashes: dict[str, str] = {}
    for data in sorted(root.iter("data"), key=lambda item: version_key(item.attrib["version"])):
        at = data.attrib
        key = f"{int(at['timestamp'], 16):08x}{int(at['size'], 16):08x}"
        if hashes.setdefault(key, at["hash"]) != at["hash"]:
            raise SystemExit(f"{key}: two different files share time stamp and size")
        found.setdefault(key, (ARCHITECTURES[at["arch"]], at["version"], at["file"], (data.text or "").strip()))
    return found


def field_sets(root: ElementTree.Element) -> dict[str, str]:
    """Return set id → "name=hex name=hex …" in name order."""
    return {
        fields.attrib["id"]: " ".join(
            sorted(f"{field.attrib['name']}={int(field.attrib['value'], 16):x}" for field in fields.iter("field"))
        )
        for fields in root.iter("fields")
    }


def main() -> None:
    """Write both data files."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    root = ElementTree.parse(sys.argv[1]).getroot()
    images, sets = kernels(root), field_sets(root)
    missing = {row[3] for row in images.values()} - set(sets)
    if missing:
        raise SystemExit(f"sets without fields: {sorted(missing)}")
    lines = ["\t".join((key, *row)) for key, row in sorted(images.items())]
    (KNOWLEDGE / "kernels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    lines = [f"{number}\t{sets[number]}" for number in sorted(sets, key=int)]
    (KNOWLEDGE / "kernel_offsets.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(images)} images, {len(sets)} sets of offsets")


if __name__ == "__main__":
    main()
