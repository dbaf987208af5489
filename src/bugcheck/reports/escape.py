"""Strings from a dump → strings that cannot steer a terminal.

Source: Unicode categories Cc, Cf (bidirectional overrides), line and paragraph separators; ECMA-48 control sequences
all start with a control character.
"""

from __future__ import annotations

_BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_STEERING = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_BIDIRECTIONAL)
}


def printable(text: str) -> str:
    """Replace every character that moves a cursor, changes colours or reorders text by its escape."""
    return text if text.isprintable() else text.translate(_STEERING)  # isprintable() is 50 times faster
