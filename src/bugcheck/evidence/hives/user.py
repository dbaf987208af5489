"""A user's hive (NTUSER.DAT, DEFAULT) → autostarts, programs run, network drives, installed products.

Source: Microsoft's Run keys; `UserAssist` as described by many forensic readers: value names in ROT13; since Windows 7
72 bytes with the run count at 4 and the last run at 60, before 16 bytes with count + 5 at 4 and the last run at 8.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.hives.autostarts import autostarts
from bugcheck.evidence.hives.keys import Key, Value, filled
from bugcheck.evidence.hives.software import installed
from bugcheck.timestamps import from_filetime

_CURRENT = r"Software\Microsoft\Windows\CurrentVersion"


def is_user(root: Key) -> bool:
    """Tell a user's hive."""
    return root.child("Software") is not None and any(
        root.child(name) is not None
        for name in ("Control Panel", "Environment", "Console", "Keyboard Layout", "Network")
    )


def user(root: Key) -> Iterator[Record]:
    """Yield what a user's hive says."""
    software = root.child("Software")
    if software:
        yield from autostarts(software)
    for key in root.under(rf"{_CURRENT}\Uninstall"):
        yield from installed(key)
    for key in root.under("Network"):
        if key.text("RemotePath"):
            fields = filled(service="file share", drive=f"{key.name}:")
            yield Fact("peer", key.text("RemotePath"), "network drive", f"key {key.path}", fields)
    for assist in root.under(rf"{_CURRENT}\Explorer\UserAssist"):
        counts = assist.child("Count")
        for value in counts.values().values() if counts else ():
            yield from _run(value, f"key {assist.path}")


def _run(value: Value, where: str) -> Iterator[Event]:
    if len(value.data) >= 68:
        count, at = int.from_bytes(value.data[4:8], "little"), 60
    elif len(value.data) == 16:
        count, at = max(0, int.from_bytes(value.data[4:8], "little") - 5), 8
    else:
        return
    time = from_filetime(int.from_bytes(value.data[at : at + 8], "little"))
    path = codecs.decode(value.name, "rot13")
    if time and not path.startswith("UEME_CTL"):
        program = path.rpartition("\\")[2]
        fields = {"program": program, "path": path, "count": str(count)}
        yield Event(time, "program_run", f"{program} was started by the user", where, "UserAssist", None, fields)
