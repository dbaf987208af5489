"""The SAM hive → accounts and their last logons; no secrets.

Source: the `F` value of `SAM\\Domains\\Account\\Users\\RID` as described by many readers: last logon at 8, password
set at 24, account flags at 56 (bit 0: disabled).  Password hashes are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.hives.keys import Key, filled, iso
from bugcheck.timestamps import from_filetime


def is_sam(root: Key) -> bool:
    """Tell a SAM hive by its domains."""
    return root.at(r"SAM\Domains") is not None


def accounts(root: Key) -> Iterator[Record]:
    """Yield the accounts of a SAM hive."""
    users = root.at(r"SAM\Domains\Account\Users")
    for name in users.under("Names") if users else ():
        default = name.values().get("")
        rid = default.kind if default else 0
        key = users.child(f"{rid:08X}") if users else None
        value = key.values().get("f") if key else None
        data = value.data if value else b""
        last = from_filetime(int.from_bytes(data[8:16], "little")) if len(data) >= 60 else None
        disabled = len(data) >= 60 and data[56] & 1
        fields = filled(last_logon=iso(last), state="disabled" if disabled else "", rid=str(rid))
        where = f"key {name.path}"
        yield Fact("user", name.name, "", where, fields)
        if last:
            text = f"{name.name} logged on (last time)"
            yield Event(last, "logon", text, where, "SAM", None, {"user": name.name})
