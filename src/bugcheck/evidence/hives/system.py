"""The SYSTEM hive → name, time zone, crash settings, shutdown, devices, networks, shares of a host.

Source: Microsoft, "HKLM\\SYSTEM\\Select" (which control set is current), TIME_ZONE_INFORMATION (bias in minutes, UTC
= local time + bias), `CrashControl` ("Configure system failure and recovery options"), "Driver Verifier"
(VerifyDrivers, VerifyDriverLevel), DEVPROPKEY values 0064 to 0067 of {83da6326-97a6-4088-9453-a1923f573b29} (first
install, last install, last arrival, last removal).

Folklore: `TimeZoneInformation` keeps its start rules in the kernel's TIME_FIELDS order (year, month, week, hour,
minute, second, millisecond, weekday), not as a SYSTEMTIME.  Rules are told here as POSIX does: M10.5.0/03:00 is the
last Sunday of October at three.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bugcheck.evidence.evidence import Event, Fact, Record
from bugcheck.evidence.hives.keys import Key, filled, iso
from bugcheck.evidence.hives.networks import networks
from bugcheck.evidence.hives.services import class_filters, services
from bugcheck.timestamps import from_filetime

_TIMES = r"Properties\{83da6326-97a6-4088-9453-a1923f573b29}"
_MEMORY = (
    "PagingFiles", "ExistingPageFiles", "ClearPageFileAtShutdown", "DisablePagingExecutive", "LargeSystemCache",
    "NonPagedPoolSize", "PagedPoolSize", "PoolUsageMaximum", "SystemPages", "VerifyDrivers", "VerifyDriverLevel",
    "VerifierOptions", "VerifyMode", "FeatureSettingsOverride",
)  # fmt: skip
_USEFUL = (
    ("Control\\Session Manager", ("BootExecute", "PendingFileRenameOperations", "GlobalFlag", "ProtectionMode")),
    ("Control\\Session Manager\\Power", ("HiberbootEnabled",)),
    ("Control\\Power", ("HibernateEnabled", "CsEnabled")),
    ("Control\\CI\\Config", ("VulnerableDriverBlocklistEnable",)),
    ("Control\\DeviceGuard", ("EnableVirtualizationBasedSecurity",)),
    ("Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity", ("Enabled",)),
    ("Control\\FileSystem", ("NtfsDisableLastAccessUpdate",)),
    ("Control\\Lsa", ("Notification Packages", "Authentication Packages")),
)
_HARDWARE = (("system", "SystemProductName", "SystemManufacturer"), ("bios", "BIOSVersion", ""))


def is_system(root: Key) -> bool:
    """Tell a SYSTEM hive by its control sets."""
    return control_set(root) is not None


def control_set(root: Key) -> Key | None:
    """Find the control set Windows last ran with."""
    select = root.child("Select")
    number = select.number("Current") if select else None
    named = root.child(f"ControlSet{number:03d}") if number is not None and number < 1000 else None
    return named or root.child("CurrentControlSet") or root.child("ControlSet001") or root.child("ControlSet002")


def system(root: Key) -> Iterator[Record]:
    """Yield what a SYSTEM hive says."""
    current = control_set(root)
    if current is None:
        return
    yield from _names(current)
    yield from _time_zone(current)
    yield from _settings(current)
    yield from _shutdown(current)
    yield from _hardware(current)
    yield from services(current)
    yield from class_filters(current)
    yield from _usb(current)
    yield from networks(current)
    yield from _activity(current)
    yield from _earlier_windows(root)


def _names(current: Key) -> Iterator[Fact]:
    key = current.at(r"Control\ComputerName\ComputerName")
    name = key.text("ComputerName") if key else ""
    tcpip = current.at(r"Services\Tcpip\Parameters")
    domain = (tcpip.text("Domain") or tcpip.text("NV Domain")) if tcpip else ""
    if key and name:
        yield Fact("computer_name", "", name, f"key {key.path}", filled(domain=domain))


def _time_zone(current: Key) -> Iterator[Fact]:
    key = current.at(r"Control\TimeZoneInformation")
    if key is None or (bias := _signed(key, "Bias")) is None:
        return
    name = key.text("TimeZoneKeyName") or key.text("StandardName")
    fields = filled(
        standard_name=key.text("StandardName").partition("@")[0],
        daylight_name=key.text("DaylightName").partition("@")[0],
        standard_bias=_words(_signed(key, "StandardBias")),
        daylight_bias=_words(_signed(key, "DaylightBias")),
        active_bias=_words(_signed(key, "ActiveTimeBias")),
        standard_start=_rule(key, "StandardStart"),
        daylight_start=_rule(key, "DaylightStart"),
        daylight_disabled="yes" if key.number("DynamicDaylightTimeDisabled") else "",
    )
    yield Fact("time_zone", name, str(bias), f"key {key.path}", fields)


def _signed(key: Key, name: str) -> int | None:
    number = key.number(name)
    return None if number is None else (number ^ 0x80000000) - 0x80000000 if number < 1 << 32 else None


def _words(number: int | None) -> str:
    return "" if number is None else str(number)


def _rule(key: Key, name: str) -> str:
    """Format a start rule as POSIX (Mmonth.week.weekday/hour:minute), "" when there is none."""
    value = key.values().get(name.lower())
    if value is None or len(value.data) < 16:
        return ""
    year, month, week, hour, minute, _, _, weekday = struct.unpack("<8H", value.data[:16])
    if not 1 <= month <= 12 or not 1 <= week <= 31:
        return ""
    if year:
        return f"{year:04d}-{month:02d}-{week:02d}T{hour:02d}:{minute:02d}"
    return f"M{month}.{week}.{weekday}/{hour:02d}:{minute:02d}"


def _settings(current: Key) -> Iterator[Fact]:
    yield from _crash_control(current)
    key = current.at(r"Control\Session Manager\Memory Management")
    for name in _MEMORY if key else ():
        if key and name.lower() in key.values():
            yield Fact("memory_setting", name, key.text(name), f"key {key.path}")
    for path, names in _USEFUL:
        key = current.at(path)
        for name in names if key else ():
            if key and key.text(name):
                label = f"{path.rpartition(chr(92))[2]} {name}" if name == "Enabled" else name
                yield Fact("setting", label, key.text(name), f"key {key.path}")


def _crash_control(current: Key) -> Iterator[Fact]:
    key = current.at(r"Control\CrashControl")
    if key is None:
        return
    for value in key.values().values():
        if value.name and value.kind != 3:
            yield Fact("crash_control", value.name, value.text, f"key {key.path}")
    past = key.child("MachineCrash")
    if past and past.text("DumpFile"):
        yield Fact("last_crash", "", past.text("DumpFile"), f"key {past.path}", filled(noticed=past.written_text()))


def _shutdown(current: Key) -> Iterator[Event]:
    key = current.at(r"Control\Windows")
    value = key.values().get("shutdowntime") if key else None
    if key and value and value.time:
        yield Event(
            value.time, "clean_shutdown", "Windows noted its last proper shutdown", f"key {key.path}", "registry"
        )


def _hardware(current: Key) -> Iterator[Fact]:
    key = current.at(r"Control\SystemInformation")
    for name, value, vendor in _HARDWARE if key else ():
        if key and key.text(value):
            date = key.text("BIOSReleaseDate") if name == "bios" else ""
            fields = filled(vendor=key.text(vendor) if vendor else "", date=date)
            yield Fact("hardware", name, key.text(value), f"key {key.path}", fields)
    key = current.at(r"Control\Session Manager\Environment")
    if key and key.text("PROCESSOR_IDENTIFIER"):
        fields = filled(count=key.text("NUMBER_OF_PROCESSORS"), architecture=key.text("PROCESSOR_ARCHITECTURE"))
        yield Fact("hardware", "cpu", key.text("PROCESSOR_IDENTIFIER"), f"key {key.path}", fields)


def _usb(current: Key) -> Iterator[Fact]:
    for device in current.under(r"Enum\USBSTOR"):
        for instance in device.children():
            fields = filled(
                model=device.name,
                first_seen=_property(instance, "0064") or _property(instance, "00000064"),
                last_seen=_property(instance, "0066") or instance.written_text(),
                removed=_property(instance, "0067"),
            )
            name = instance.text("FriendlyName") or device.name
            yield Fact("usb_device", name, instance.name, f"key {instance.path}", fields)


def _property(instance: Key, number: str) -> str:
    key = instance.at(f"{_TIMES}\\{number}")
    value = key.values().get("") if key else None
    if value is None and key:  # Windows 7 keeps the data one key below
        below = key.child("00000000")
        value = below.values().get("data") if below else None
    return iso(value.time) if value else ""


def _activity(current: Key) -> Iterator[Event]:
    """Yield the last start of programs as the background activity moderator (since Windows 10) keeps them."""
    for service in ("bam", "dam"):
        for path in (rf"Services\{service}\State\UserSettings", rf"Services\{service}\UserSettings"):
            for user in current.under(path):
                for value in user.values().values():
                    if "\\" in value.name and value.kind == 3 and value.time:
                        program = value.name.rpartition("\\")[2]
                        fields = {"program": program, "path": value.name, "user": user.name}
                        text = f"{program} ran (last time)"
                        yield Event(value.time, "program_run", text, f"key {user.path}", service, None, fields)


def _earlier_windows(root: Key) -> Iterator[Fact]:
    setup = root.child("Setup")
    for key in setup.children() if setup else ():
        if key.name.startswith("Source OS"):
            stamp = key.number("InstallDate")
            fields = filled(
                build=key.text("CurrentBuild"),
                installed=iso(from_filetime((stamp or 0) * 10_000_000 + 116_444_736_000_000_000)) if stamp else "",
                replaced=key.name.partition("Updated on ")[2].rstrip(")"),
            )
            yield Fact("setting", "earlier Windows", key.text("ProductName"), f"key {key.path}", fields)
