"""The winlogon blackbox → the step winlogon was in, and whether it was waiting for it.

Source: ntoseye `blackbox.rs` (MIT) after ext.dll's !blackboxwinlogon: version 1, size, pending flag, text; all ten
records of the corpus agree.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import Decoded


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the winlogon blackbox. Raises CorruptDump when it is not version 1 of its own size."""
    del pointer_size
    version, size, pending = view.unpack("3I", 0)
    if version != 1 or size != view.size:
        raise CorruptDump(view.name, f"winlogon blackbox of version {version} and size {size:#x}", 0)
    operation = view.utf16(12, size - 12)
    fields: dict[str, object] = {"operation": operation, "pending": bool(pending)}
    text = "winlogon was waiting in" if pending else "winlogon was last in"
    return Decoded(fields, f"{text} {operation}" if operation else "winlogon noted nothing")
