"""Amcache and Syscache hives → programs and drivers with their hashes.

Source: the layout as seen on Windows 7 to 11 and described by several readers: `Root\\InventoryDriverBinary`,
`InventoryApplicationFile`, `InventoryApplication` (names as values); before Windows 10 1607 `Root\\File` and
`Root\\Programs` with numbered values; Syscache's `DefaultObjectStore\\ObjectTable`.

Folklore: a FileId is `0000` and the SHA-1, of the first 31,457,280 bytes only.  Being listed means the file was
there, not that it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key, filled, iso
from bugcheck.timestamps import from_filetime, from_unix

_HASHED = 31_457_280


def is_amcache(root: Key) -> bool:
    """Tell an Amcache hive."""
    return any(root.at(f"Root\\{name}") for name in ("InventoryApplicationFile", "InventoryDriverBinary", "File"))


def amcache(root: Key) -> Iterator[Fact]:
    """Yield drivers, programs and products of an Amcache."""
    readers: tuple[tuple[str, Callable[[Key], Fact | None]], ...] = (
        ("InventoryDriverBinary", _driver), ("InventoryApplicationFile", _file), ("InventoryApplication", _product),
        ("Programs", _old_product),
    )  # fmt: skip
    for name, read in readers:
        for key in root.under(f"Root\\{name}"):
            fact = read(key)
            if fact:
                yield fact
    for volume in root.under(r"Root\File"):
        for key in volume.children():
            fact = _old_file(key)
            if fact:
                yield fact


def _sha1(text: str) -> str:
    return text[4:].lower() if len(text) == 44 and text.startswith("0000") else ""


def _driver(key: Key) -> Fact | None:
    name = key.text("DriverName") or key.name.rpartition("/")[2]
    signed = key.number("DriverSigned")
    fields = filled(
        service=key.text("Service"),
        path=key.name.replace("/", "\\") if "/" in key.name else "",
        vendor=key.text("DriverCompany"),
        product=key.text("Product"),
        inf=key.text("Inf"),
        date=key.text("DriverLastWriteTime"),
        stamp=f"{key.number('DriverTimeStamp') or 0:08x}".lstrip("0"),
        linked=iso(from_unix(key.number("DriverTimeStamp") or 0)),
        signed={1: "yes", 0: "no"}.get(-1 if signed is None else signed, ""),
        image_size=key.text("ImageSize"),
        checksum=key.text("DriverCheckSum"),
        sha1=_sha1(key.text("DriverId") or key.name),
    )
    return Fact("driver", name, key.text("DriverVersion"), f"key {key.path}", fields) if name else None


def _file(key: Key) -> Fact | None:
    path, name = key.text("LowerCaseLongPath"), key.text("Name")
    size = key.number("Size") or 0
    fields = filled(
        path=path,
        sha1=_sha1(key.text("FileId")),
        hashed=f"first {_HASHED} bytes" if size > _HASHED else "",
        size=str(size) if size else "",
        version=key.text("Version"),
        product=key.text("ProductName"),
        vendor=key.text("Publisher"),
        linked=key.text("LinkDate"),
        key_written=key.written_text(),
    )
    return Fact("file", name or path.rpartition("\\")[2], "", f"key {key.path}", fields) if name or path else None


def _product(key: Key) -> Fact | None:
    name = key.text("Name")
    fields = filled(
        vendor=key.text("Publisher"),
        installed=_american(key.text("InstallDate")),
        path=key.text("RootDirPath"),
        source=key.text("Source"),
    )
    return Fact("software", name, key.text("Version"), f"key {key.path}", fields) if name else None


def _american(text: str) -> str:
    """Turn Amcache's own MM/DD/YYYY hh:mm:ss, in every language, round to ISO."""
    day, _, time = text.partition(" ")
    parts = day.split("/")
    return f"{parts[2]}-{parts[0]}-{parts[1]}T{time}".rstrip("T") if len(parts) == 3 else text


def _old_product(key: Key) -> Fact | None:
    name, stamp = key.text("0"), key.number("a")
    fields = filled(vendor=key.text("2"), installed=iso(from_unix(stamp)) if stamp else "")
    return Fact("software", name, key.text("1"), f"key {key.path}", fields) if name else None


def _old_file(key: Key) -> Fact | None:
    path = key.text("15")
    changed = key.number("17")
    fields = filled(
        path=path,
        sha1=_sha1(key.text("101")),
        product=key.text("0"),
        vendor=key.text("1"),
        version=key.text("5"),
        size=key.text("6"),
        linked=iso(from_unix(key.number("f") or 0)),
        changed=iso(from_filetime(changed)) if changed else "",
        key_written=key.written_text(),
    )
    return Fact("file", path.replace("/", "\\").rpartition("\\")[2], "", f"key {key.path}", fields) if path else None


def is_syscache(root: Key) -> bool:
    """Tell a Syscache hive."""
    return root.at(r"DefaultObjectStore\ObjectTable") is not None


def syscache(root: Key) -> Iterator[Fact]:
    """Yield the hashes of a Syscache; it knows files by their number in the file table only."""
    for key in root.under(r"DefaultObjectStore\ObjectTable"):
        value, reference = key.values().get("aefileid"), key.number("_FileId_")
        sha1 = _sha1(value.data.decode("utf-16-le", "replace").rstrip("\0")) if value else ""
        if sha1 and reference is not None:
            name = f"file record {reference & 0xFFFFFFFFFFFF}"
            yield Fact("file", name, "", f"key {key.path}", filled(sha1=sha1, key_written=key.written_text()))
