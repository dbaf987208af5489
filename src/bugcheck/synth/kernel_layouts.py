"""A layout's name → offsets of nt's structures in that build.

Source: kernel_layouts.json and kdbg_fields.json, each entry of which names where it was read.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Offsets = Mapping[str, int]


@cache
def kernel_layout(name: str) -> Mapping[str, Offsets]:
    """Structure name → member → byte offset for a layout such as `x64-19041`; raises KeyError for an unknown one."""
    table: dict[str, dict[str, str]] = json.loads(_text("kernel_layouts.json"))[name]["structures"]
    return {
        structure: {member: int(offset, 16) for member, offset in members.items()}
        for structure, members in table.items()
    }


@cache
def kdbg_fields() -> tuple[tuple[str, int, int], ...]:
    """KDDEBUGGER_DATA64's fields in order as `(name, offset, size in bytes)`, behind its 0x18-byte header."""
    out: list[tuple[str, int, int]] = []
    offset = 0x18
    for name, size in json.loads(_text("kdbg_fields.json"))["fields"]:
        out.append((name, offset, size))
        offset += size
    return tuple(out)


def _text(name: str) -> str:
    return (files("bugcheck.synth") / name).read_text(encoding="utf-8")
