"""A registry's root → which hive it is and what it says.

Source: the keys by which each reader of this folder tells its hive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bugcheck.evidence.evidence import Record
from bugcheck.evidence.hives.accounts import accounts, is_sam
from bugcheck.evidence.hives.amcache import amcache, is_amcache, is_syscache, syscache
from bugcheck.evidence.hives.boot import boot, is_boot
from bugcheck.evidence.hives.keys import Key
from bugcheck.evidence.hives.software import is_software, software
from bugcheck.evidence.hives.system import is_system, system
from bugcheck.evidence.hives.user import is_user, user

Reader = Callable[[Key], Iterator[Record]]
_HIVES: tuple[tuple[str, Callable[[Key], bool], Reader], ...] = (
    ("SYSTEM", is_system, system),
    ("SOFTWARE", is_software, software),
    ("user", is_user, user),
    ("SAM", is_sam, accounts),
    ("BCD", is_boot, boot),
    ("Amcache", is_amcache, amcache),
    ("Syscache", is_syscache, syscache),
)
_MOUNTS = (
    ("HKEY_LOCAL_MACHINE\\SYSTEM", system),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE", software),
    ("HKEY_LOCAL_MACHINE\\BCD00000000", boot),
    ("HKEY_CURRENT_USER", user),
)


def _is_classes(root: Key) -> bool:
    return root.child("Local Settings") is not None and root.child("CLSID") is not None


def hive_kind(root: Key) -> str:
    """Name a hive ("SYSTEM", "user", …), "" when its keys tell nothing."""
    return next((name for name, tells, _ in _HIVES if tells(root)), "user's classes" if _is_classes(root) else "")


def records_of(root: Key) -> Iterator[Record]:
    """Yield what a hive says; nothing when it is none we know."""
    for _, tells, read in _HIVES:
        if tells(root):
            yield from read(root)
            return


def records_of_export(root: Key) -> Iterator[Record]:
    """Yield what an export says, whose root holds the `HKEY_…` keys."""
    for path, read in _MOUNTS:
        key = root.at(path)
        if key:
            yield from read(key)
    for key in root.under("HKEY_USERS"):
        yield from user(key)
    for key in root.under("HKEY_LOCAL_MACHINE"):
        if key.name.upper() not in ("SYSTEM", "SOFTWARE", "SAM", "SECURITY", "HARDWARE", "BCD00000000"):
            yield from records_of(key)  # a hive of another machine, loaded under some name
