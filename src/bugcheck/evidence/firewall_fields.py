"""The header of Windows Firewall's log → where the fields of its lines stand, and whether times are UTC.

Source: the log's own header (`#Fields`, `#Time Format`), real logs of Windows XP and 10.

Folklore: the header may come again in the middle of a file, with another order of fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

STANDARD = [
    "date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size", "tcpflags", "tcpsyn",
    "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path",
]  # fmt: skip
KEY = ("action", "protocol", "src-ip", "dst-ip", "dst-port")
SHARED = (("protocol", "protocol"), ("src-ip", "source"), ("dst-ip", "target"), ("dst-port", "target_port"))
"""Fields that all packets of a flow have in common, under our names."""
MORE = (
    *SHARED, ("src-port", "source_port"), ("size", "size"), ("tcpflags", "tcp_flags"), ("icmptype", "icmp_type"),
    ("icmpcode", "icmp_code"), ("pid", "pid"),
)  # fmt: skip


class Layout:
    """Where the fields stand and whether times are UTC; the header may come again in the middle of a file."""

    __slots__ = ("action", "names", "path", "pick", "plans", "utc", "width")

    def __init__(self) -> None:
        self.utc = False
        self.arrange(STANDARD)

    def arrange(self, names: Sequence[str]) -> None:
        """Take over the order of a `#Fields` line."""
        columns = {name: index for index, name in enumerate(names)}
        self.names = names
        self.action, self.path = columns["action"], columns.get("path", 0)
        wanted = [columns[name] for name in (*KEY, "path") if name in columns]
        self.pick, self.width = itemgetter(*wanted), len(names)
        shared = [(columns[name], word) for name, word in SHARED if name in columns]
        more = [(columns[name], word) for name, word in MORE if name in columns]
        self.plans = (shared, more)


def read_header(line: str, layout: Layout) -> bool:
    """Take in a header line; True when it changes the order of fields."""
    word, _, value = line.partition(":")
    if word == "#Time Format":
        layout.utc = value.strip().upper() in ("UTC", "GMT")
    names = value.split() if word == "#Fields" else ()
    if not set(KEY) <= set(names) or names == layout.names:
        return False
    layout.arrange(names)
    return True
