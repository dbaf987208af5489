"""The SOFTWARE hive → Windows' edition, installed products, updates, users, tasks, autostarts, security products.

Source: Microsoft, "Uninstall Registry Key" (DisplayName, DisplayVersion, Publisher, InstallDate as YYYYMMDD); the
keys below `Windows NT\\CurrentVersion`; `Component Based Servicing\\Packages` (CurrentState 0x70 is installed,
InstallTimeHigh and -Low are a FILETIME); `ProfileList`.

Folklore: ProductName still says "Windows 10" on Windows 11 (build 22000 on).  One update is dozens of packages.
InstallDate has no time; the key's last-written time is taken for it only where both name the same day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.hives.autostarts import autostarts
from bugcheck.evidence.hives.keys import Key, filled, iso
from bugcheck.evidence.hives.protection import security_products
from bugcheck.evidence.hives.tasks import cached_tasks
from bugcheck.timestamps import from_filetime, from_unix

_UNINSTALL = (
    r"Microsoft\Windows\CurrentVersion\Uninstall",
    r"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
)
_KB = re.compile(r"KB\d{5,8}", re.IGNORECASE)
_INSTALLED = 0x70
_WINDOWS_11 = 22000


def is_software(root: Key) -> bool:
    """Tell a SOFTWARE hive by its Windows key."""
    return root.at(r"Microsoft\Windows\CurrentVersion") is not None or root.at(_UNINSTALL[1]) is not None


def software(root: Key) -> Iterator[Record]:
    """Yield what a SOFTWARE hive says."""
    yield from _edition(root)
    for path in _UNINSTALL:
        for key in root.under(path):
            yield from installed(key)
            for part in key.children():  # a driver bundle's parts; Windows does not list them
                yield from installed(part)
    yield from _updates(root)
    yield from _users(root)
    yield from security_products(root)
    yield from autostarts(root)
    yield from cached_tasks(root)


def _edition(root: Key) -> Iterator[Fact]:
    key = root.at(r"Microsoft\Windows NT\CurrentVersion")
    if key is None:
        return
    build = key.text("CurrentBuildNumber") or key.text("CurrentBuild")
    name = key.text("ProductName")
    number = int(build) if build.isdecimal() and len(build) < 7 else 0
    if number >= _WINDOWS_11 and key.text("InstallationType") != "Server":
        name = name.replace("Windows 10", "Windows 11")
    major, minor = key.text("CurrentMajorVersionNumber"), key.text("CurrentMinorVersionNumber")
    version = f"{major}.{minor}" if major and minor else key.text("CurrentVersion")
    parts = [part for part in (version, build, key.text("UBR")) if part]
    fields = filled(
        build=build,
        service_pack=key.text("CSDVersion"),
        release=key.text("DisplayVersion") or key.text("ReleaseId"),
        installed=iso(from_unix(key.number("InstallDate") or 0)),
        edition=key.text("EditionID"),
        installation=key.text("InstallationType"),
        build_lab=key.text("BuildLabEx") or key.text("BuildLab"),
    )
    if name or version:
        yield Fact("os", name or "Windows", ".".join(parts), f"key {key.path}", fields)


def installed(key: Key) -> Iterator[Record]:
    """Yield the product of an uninstall key, and its installation where date and key time agree."""
    name = key.text("DisplayName")
    if not name:
        return
    version, vendor = key.text("DisplayVersion"), key.text("Publisher")
    stated = key.text("InstallDate")
    fields = filled(
        vendor=vendor,
        installed=_iso_date(stated),
        path=key.text("InstallLocation"),
        parent=key.text("ParentDisplayName") or key.text("ParentKeyName"),
        key_written=key.written_text(),
    )
    where = f"key {key.path}"
    update = _KB.search(key.name) or (_KB.search(name) if fields.get("parent") else None)
    if update:
        yield Fact("update", update.group().upper(), name, where, filled(installed=fields.get("installed", "")))
    else:
        yield Fact("software", name, version, where, fields)
    written = key.written
    if written and _same_day(stated, written):
        text = f"{name} {version}".strip() + " was installed or updated"
        yield Event(
            written,
            "update_installed" if update else "software_installed",
            text,
            where,
            "registry",
            fields=filled(product=name, version=version, vendor=vendor, kb=update.group().upper() if update else ""),
        )


def _iso_date(stated: str) -> str:
    day = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", stated)
    return "-".join(day.groups()) if day else stated


def _same_day(stated: str, written: datetime) -> bool:
    """Tell whether a local date and a UTC time can be the same moment: within a day of each other."""
    try:
        day = datetime.strptime(stated, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return -timedelta(hours=14) <= written - day <= timedelta(hours=36)


def _updates(root: Key) -> Iterator[Record]:
    times: dict[str, tuple[datetime | None, str]] = {}
    for key in root.under(r"Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"):
        found = _KB.search(key.name)
        if not found or key.number("CurrentState") != _INSTALLED:
            continue
        ticks = ((key.number("InstallTimeHigh") or 0) << 32) + (key.number("InstallTimeLow") or 0)
        number, time = found.group().upper(), from_filetime(ticks)
        known = times.get(number, (None, ""))[0]
        if number not in times or (time and (known is None or time > known)):
            times[number] = (time, f"key {key.path}")
    for number, (time, where) in times.items():
        yield from _update(number, "", time, where)
    yield from _old_updates(root)
    results = root.at(r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\Results\Install")
    if results and results.text("LastSuccessTime"):
        where = f"key {results.path}"
        yield Fact("setting", "last successful Windows Update", results.text("LastSuccessTime"), where)


def _update(number: str, title: str, time: datetime | None, where: str) -> Iterator[Record]:
    yield Fact("update", number, title, where, filled(installed=iso(time)))
    if time:
        fields = filled(kb=number, title=title)
        yield Event(time, "update_installed", f"update {number} was installed", where, "registry", fields=fields)


def _old_updates(root: Key) -> Iterator[Record]:
    """Yield hotfixes as 2000 to 2003 kept them."""
    for key in root.under(r"Microsoft\Windows NT\CurrentVersion\HotFix"):
        if _KB.fullmatch(key.name) or re.fullmatch(r"[QM]\d{5,}", key.name):
            fields = filled(key_written=key.written_text())
            yield Fact("update", key.name, key.text("Fix Description"), f"key {key.path}", fields)
    for product in root.under(r"Microsoft\Updates"):
        for pack in product.children():
            for key in (pack, *pack.children()):
                if key.text("Description") and (found := _KB.search(key.name)):
                    fields = filled(installed=key.text("InstalledDate"), by=key.text("InstalledBy"))
                    yield Fact("update", found.group().upper(), key.text("Description"), f"key {key.path}", fields)


def _users(root: Key) -> Iterator[Fact]:
    for key in root.under(r"Microsoft\Windows NT\CurrentVersion\ProfileList"):
        path = key.text("ProfileImagePath")
        if path:
            low, high = key.number("LocalProfileLoadTimeLow"), key.number("LocalProfileLoadTimeHigh")
            last = from_filetime((high << 32) + low) if low is not None and high is not None else None
            fields = filled(path=path, last_logon=iso(last))
            yield Fact("user", path.rpartition("\\")[2], key.name, f"key {key.path}", fields)
