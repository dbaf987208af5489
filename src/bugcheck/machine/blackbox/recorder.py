"""A WPP recorder's stream → the name of the log, or of the provider and how many logs it has.

Source: read off the corpus, where every such stream is one of two: a text of 32 or 64 bytes and two equal 16-bit counts
(sizes 0x24, 0x44), or a log with its name in front of the letters `WPLg` (at 0x20 in 10 1803, at 0x1c later).  The
messages need trace format files.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import Decoded, count

LOG_TAG = b"WPLg"
LOG_TAG_OFFSETS = (0x1C, 0x20)
NAME_SIZES = {0x24: 0x20, 0x44: 0x40}


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode either kind. Raises CorruptDump when it is neither."""
    del pointer_size
    for tag_offset in LOG_TAG_OFFSETS:
        if view.read_up_to(tag_offset, 4) == LOG_TAG:
            name = view.ascii(0, tag_offset)
            return Decoded({"log": name}, f"WPP recorder log {name}".rstrip())
    if view.size not in NAME_SIZES:
        raise CorruptDump(view.name, "neither a recorder log nor a list of them", 0)
    provider, logs = view.ascii(0, NAME_SIZES[view.size]), view.u16(NAME_SIZES[view.size])
    return Decoded({"provider": provider, "logs": logs}, f"{provider} keeps {count(logs, 'WPP recorder log')}")
