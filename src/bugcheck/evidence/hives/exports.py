"""Text of a registry (`.reg`, `reg query`) → Keys.

Source: Microsoft, "How to add, modify, or delete registry subkeys and values by using a .reg file" (REGEDIT4 in ANSI,
version 5.00 in UTF-16; `hex(N):` for other types, lines continued by a backslash); `reg query /?` and its output.

Folklore: `reg query` separates by four spaces, on XP by tabs; it writes numbers as 0x…, multi-strings with \\0 between
them, and the default value under a localised name in brackets or angles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from bugcheck.evidence.hives.keys import (
    REG_BINARY,
    REG_DWORD,
    REG_DWORD_BIG_ENDIAN,
    REG_EXPAND_SZ,
    REG_LINK,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    TextKey,
    Value,
)

LIMIT = 2_000_000
"""Values of one export that are kept."""
VALUE_LINES = 100_000
_ROOTS = {
    "HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKU": "HKEY_USERS", "HKCR": "HKEY_CLASSES_ROOT",
    "HKCC": "HKEY_CURRENT_CONFIG",
}  # fmt: skip
_NAMED = re.compile(r'"((?:[^"\\]|\\.)*)"=(.*)', re.DOTALL)
_HEX = re.compile(r"hex(?:\(([0-9a-f]{1,8})\))?:(.*)", re.DOTALL | re.IGNORECASE)
QUERY_VALUE = re.compile(r"(?: {4}|\t)(.*?)(?: {4}|\t)(REG_[A-Z_]+)(?:(?: {4}|\t)(.*))?$")
_TYPES = {
    "REG_SZ": REG_SZ, "REG_EXPAND_SZ": REG_EXPAND_SZ, "REG_BINARY": REG_BINARY, "REG_DWORD": REG_DWORD,
    "REG_DWORD_BIG_ENDIAN": REG_DWORD_BIG_ENDIAN, "REG_LINK": REG_LINK, "REG_MULTI_SZ": REG_MULTI_SZ,
    "REG_QWORD": REG_QWORD, "REG_NONE": 0,
}  # fmt: skip


def _root_path(path: str) -> str:
    first, _, rest = path.partition("\\")
    first = _ROOTS.get(first.upper(), first.upper())
    return f"{first}\\{rest}" if rest else first


def _text(value: str) -> bytes:
    return (value + "\0").encode("utf-16-le", "surrogatepass")


def read_reg(lines: Iterable[tuple[int, str]], note: Callable[[int], None]) -> TextKey:
    """Read a `.reg` file. `note` is called with the number of each line that is none."""
    root = TextKey("", "")
    key: TextKey | None = None
    kept = 0
    for number, line in _joined(lines):
        if line.startswith("["):
            path = line[1:].rstrip().removesuffix("]")
            key = None if path.startswith("-") or not path else root.grow(_root_path(path))
        elif line.startswith(('"', "@")) and key is not None and kept < LIMIT:
            value = _reg_value(line)
            if value:
                key.kept[value.name.lower()] = value
                kept += 1
            elif not line.rstrip().endswith("=-"):
                note(number)
        elif line.strip() and not line.lstrip().startswith(";") and number > 1 and key is not None:
            note(number)
    return root


def _joined(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield logical lines: hex data goes on after a backslash, a string after an unclosed quote."""
    held: list[str] = []
    first = 0
    for number, line in lines:
        if not held:
            first = number
        held.append(line.lstrip() if len(held) else line)
        text = held[0]
        if line.rstrip().endswith("\\") and "=hex" in text[:0x4200].lower() and len(held) < VALUE_LINES:
            held[-1] = held[-1].rstrip()[:-1]
            continue
        yield first, "".join(held)
        held = []
    if held:
        yield first, "".join(held)


def _reg_value(line: str) -> Value | None:
    if line.startswith("@="):
        name, data = "", line[2:]
    else:
        named = _NAMED.match(line)
        if named is None:
            return None
        name, data = _unescape(named[1]), named[2]
    data = data.strip()
    if data.startswith('"'):
        return Value(name, REG_SZ, _text(_unescape(data[1:].removesuffix('"'))))
    lower = data[:6].lower()
    if lower == "dword:":
        try:
            return Value(name, REG_DWORD, (int(data[6:].strip(), 16) & 0xFFFFFFFF).to_bytes(4, "little"))
        except ValueError:
            return None
    found = _HEX.match(data)
    if found is None:
        return None
    digits = re.sub(r"[^0-9a-fA-F]", "", found[2])
    return Value(name, int(found[1] or "3", 16), bytes.fromhex(digits[: len(digits) & ~1]))


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def read_query(lines: Iterable[tuple[int, str]]) -> TextKey:
    """Read the output of `reg query` with or without /s."""
    root = TextKey("", "")
    key: TextKey | None = None
    kept = 0
    for _, line in lines:
        if line[:5].upper() in ("HKEY_", "HKLM\\", "HKCU\\"):
            key = root.grow(_root_path(line.rstrip()))
            continue
        found = QUERY_VALUE.match(line)
        if found and key is not None and kept < LIMIT:
            name = "" if re.fullmatch(r"[(<].*[)>]", found[1]) else found[1]
            key.kept.setdefault(name.lower(), _query_value(name, found[2], (found[3] or "").rstrip()))
            kept += 1
    return root


def _query_value(name: str, type_name: str, text: str) -> Value:
    kind = _TYPES.get(type_name, REG_BINARY)
    if kind in (REG_DWORD, REG_QWORD, REG_DWORD_BIG_ENDIAN):
        try:
            number = int(text, 0)
        except ValueError:
            return Value(name, REG_SZ, _text(text))
        size = 8 if kind == REG_QWORD else 4
        order = "big" if kind == REG_DWORD_BIG_ENDIAN else "little"
        return Value(name, kind, (number & (1 << 8 * size) - 1).to_bytes(size, order))
    if kind in (REG_SZ, REG_EXPAND_SZ, REG_LINK):
        return Value(name, kind, _text(text))
    if kind == REG_MULTI_SZ:
        return Value(name, kind, _text(text.replace(r"\0", "\0")))
    digits = re.sub(r"[^0-9a-fA-F]", "", text)
    return Value(name, kind, bytes.fromhex(digits[: len(digits) & ~1]))
