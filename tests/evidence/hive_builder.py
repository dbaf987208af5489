"""Builds registry hives and transaction logs for tests, from the format's description and nothing of the reader's."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

Values = Mapping[str, tuple[int, bytes]]
Tree = Mapping[str, Any]
"""Key name → its subtree; the entry "" holds the key's values by name."""
WHEN = datetime(2006, 9, 21, 18, 0, tzinfo=timezone.utc)  # noqa: UP017 (reads well beside the FILETIME)


def filetime(moment: datetime) -> int:
    return int((moment - datetime(1601, 1, 1, tzinfo=timezone.utc)).total_seconds()) * 10_000_000  # noqa: UP017


def sz(text: str) -> tuple[int, bytes]:
    return 1, (text + "\0").encode("utf-16-le")


def multi(*texts: str) -> tuple[int, bytes]:
    return 7, "".join(text + "\0" for text in (*texts, "")).encode("utf-16-le")


def dword(number: int) -> tuple[int, bytes]:
    return 4, struct.pack("<I", number & 0xFFFFFFFF)


def binary(data: bytes) -> tuple[int, bytes]:
    return 3, data


def time_value(moment: datetime) -> tuple[int, bytes]:
    return 3, struct.pack("<Q", filetime(moment))


class _Cells:
    def __init__(self) -> None:
        self.data = bytearray(32)  # room for the bin's header

    def put(self, content: bytes) -> int:
        size = (len(content) + 4 + 7) & ~7
        offset = len(self.data)
        self.data += struct.pack("<i", -size) + content + bytes(size - 4 - len(content))
        return offset


def hive(tree: Tree, *, primary: int = 1, secondary: int = 1, kind: int = 0) -> bytes:
    cells = _Cells()
    root = _key(cells, "ROOT", tree, flags=0x2C)
    data = cells.data + bytes(-len(cells.data) % 4096)
    data[:32] = b"hbin" + struct.pack("<II", 0, len(data)) + bytes(20)
    return base_block(len(data), root, primary, secondary, kind) + bytes(data)


def base_block(bins: int, root: int, primary: int, secondary: int, kind: int, size: int = 4096) -> bytes:
    head = struct.pack("<4sIIQIIIIIII", b"regf", primary, secondary, filetime(WHEN), 1, 5, kind, 1, root, bins, 1)
    head = head.ljust(508, b"\0")
    total = 0
    for at in range(0, 508, 4):
        total ^= int.from_bytes(head[at : at + 4], "little")
    return (head + struct.pack("<I", total)).ljust(size, b"\0")


def _key(cells: _Cells, name: str, tree: Tree, flags: int = 0x20) -> int:
    children = sorted((key for key in tree if key), key=str.upper)
    entries = [(_key(cells, child, tree[child]), child) for child in children]
    listed = 0xFFFFFFFF
    if entries:
        body = b"".join(struct.pack("<I4s", at, child[:4].encode("latin-1").ljust(4, b"\0")) for at, child in entries)
        listed = cells.put(struct.pack("<2sH", b"lf", len(entries)) + body)
    values: Values = tree.get("", {})
    value_list = 0xFFFFFFFF
    if values:
        value_list = cells.put(b"".join(struct.pack("<I", _value(cells, key, *values[key])) for key in values))
    node = struct.pack(
        "<2sHQIIIIIIIIIIIIIIIHH", b"nk", flags, filetime(WHEN), 0, 0, len(entries), 0, listed, 0xFFFFFFFF, len(values),
        value_list, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 0, 0, len(name), 0,
    )  # fmt: skip
    return cells.put(node + name.encode("latin-1"))


def _value(cells: _Cells, name: str, kind: int, data: bytes) -> int:
    if len(data) <= 4:
        size, offset = 0x80000000 | len(data), int.from_bytes(data.ljust(4, b"\0"), "little")
    else:
        size, offset = len(data), cells.put(data)
    return cells.put(struct.pack("<2sHIIIHH", b"vk", len(name), size, offset, kind, 1, 0) + name.encode("latin-1"))


def old_log(old: bytes, new: bytes, sequence: int) -> bytes:
    """The log that turns `old` into `new`: a bit per 512-byte page of the bins, then the pages."""
    bins = len(new) - 4096
    bits = bytearray(bins // 4096)
    pages: list[bytes] = []
    for page in range(bins // 512):
        at = 4096 + page * 512
        if old[at : at + 512] != new[at : at + 512]:
            bits[page // 8] |= 1 << page % 8
            pages.append(new[at : at + 512])
    root = int.from_bytes(new[36:40], "little")
    head = base_block(bins, root, sequence, sequence, 1, 512) + b"DIRT" + bytes(bits)
    return head + bytes(-len(head) % 512) + b"".join(pages)


def paths(tree: Mapping[str, Values]) -> Tree:
    """Turn full paths with their values into a tree."""
    root: dict[str, Any] = {}
    for path, values in tree.items():
        node = root
        for name in path.split("\\"):
            node = node.setdefault(name, {})
        node[""] = values
    return root


SERVICES = r"ControlSet001\Services"


def time_fields(month: int, week: int, hour: int, weekday: int = 0) -> bytes:
    return struct.pack("<8H", 0, month, week, hour, 0, 0, 0, weekday)


def system_tree() -> Tree:
    """A SYSTEM hive of an invented server."""
    control = r"ControlSet001\Control"
    return paths({
        "Select": {"Current": dword(1), "LastKnownGood": dword(2)},
        rf"{control}\ComputerName\ComputerName": {"ComputerName": sz("HOSTA")},
        rf"{control}\TimeZoneInformation": {
            "Bias": dword(-60), "StandardBias": dword(0), "DaylightBias": dword(-60), "ActiveTimeBias": dword(-120),
            "StandardName": sz("W. Europe Standard Time"), "StandardStart": binary(time_fields(10, 5, 3)),
            "DaylightStart": binary(time_fields(3, 5, 2)),
        },
        rf"{control}\CrashControl": {"CrashDumpEnabled": dword(2), "AutoReboot": dword(1)},
        rf"{control}\Session Manager": {"PendingFileRenameOperations": multi(r"\??\C:\old.dll", "")},
        rf"{control}\Session Manager\Memory Management": {
            "VerifyDrivers": sz("myfault.sys"), "VerifyDriverLevel": dword(0x209BB),
        },
        rf"{control}\Windows": {"ShutdownTime": time_value(WHEN)},
        rf"{SERVICES}\RapDrv": {
            "Type": dword(1), "Start": dword(1), "ImagePath": sz(r"\SystemRoot\System32\Drivers\RapDrv.sys"),
        },
        rf"{SERVICES}\FltOne": {"Type": dword(2), "Start": dword(0), "Group": sz("FSFilter Anti-Virus")},
        rf"{SERVICES}\FltOne\Instances\FltOne Instance": {"Altitude": sz("320000"), "Flags": dword(0)},
        rf"{SERVICES}\DNS": {
            "Type": dword(0x10), "Start": dword(2), "ImagePath": sz(r"%SystemRoot%\System32\dns.exe"),
            "ObjectName": sz("LocalSystem"), "DisplayName": sz("DNS Server"),
        },
        rf"{SERVICES}\Perf\Performance": {"Library": sz("x.dll")},
        rf"{SERVICES}\Tcpip\Parameters\Interfaces\{{1}}": {
            "EnableDHCP": dword(0), "IPAddress": multi("192.0.2.10"), "NameServer": sz("192.0.2.1,192.0.2.2"),
        },
        rf"{SERVICES}\LanmanServer\Shares": {"data": multi("Path=D:\\data", "Remark=all of it", "Type=0")},
        r"ControlSet001\Enum\USBSTOR\Disk&Ven_A&Prod_B\0001&0": {"FriendlyName": sz("A B USB Device")},
        r"ControlSet001\Enum\PCI\VEN_1&DEV_2\3": {"Service": sz("RapDrv"), "Driver": sz(r"{4d36}\0001")},
        rf"{control}\Class\{{4d36}}\0001": {"DriverVersion": sz("3.6.1"), "ProviderName": sz("ISS")},
    })  # fmt: skip


def mutants(data: bytes, count: int, seed: int) -> Sequence[bytes]:
    """Cut off, zeroed, flipped and overwritten variants, always the same for a seed."""
    import random

    rng = random.Random(seed)
    made: list[bytes] = []
    for _ in range(count):
        piece = bytearray(data)
        for _ in range(rng.choice((1, 1, 3, 20))):
            at = rng.randrange(len(piece))
            way = rng.randrange(5)
            if way == 0 and len(piece) > 16:
                del piece[rng.randrange(8, len(piece)) :]
            elif way == 1:
                piece[at] ^= 1 << rng.randrange(8)
            elif way == 2:
                piece[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"))
            elif way == 3:
                piece[at : at + 4] = rng.randbytes(4)
            else:
                end = min(len(piece), at + rng.randrange(1, 64))
                piece[at:end] = bytes(end - at)
            if not piece:
                break
        made.append(bytes(piece))
    return made
