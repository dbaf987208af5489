"""SYSTEM's `Services`, `Class` and `Enum` keys → services and drivers, where they start and whose they are.

Source: Microsoft, "HKLM\\SYSTEM\\CurrentControlSet\\Services Registry Tree" (Type, Start, ErrorControl, Group,
ImagePath), "Registry entries for minifilters" (`Instances`, `Altitude`), "Registry Trees and Keys for Devices and
Drivers" (a device's `Enum` key names its `Service` and its `Driver` key under `Class`, which holds the package's
version, date and provider).

Folklore: a driver without ImagePath is `System32\\drivers\\NAME.sys`.  The version in the `Class` key is the
package's (its INF's), which usually but not always is the file's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key, filled

START_TYPES = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_TYPES = ((0x1, "kernel driver"), (0x2, "file system driver"), (0x8, "recognizer driver"), (0x4, "adapter"))
_PROCESS_TYPES = ((0x10, "own process"), (0x20, "shared process"))
_DEVICES_LIMIT = 20_000


def services(control_set: Key) -> Iterator[Fact]:
    """Yield services and drivers of a control set."""
    packages = _packages(control_set)
    for key in control_set.under("Services"):
        kind, start = key.number("Type"), key.number("Start")
        if kind is None or start is None:
            continue  # performance counters and the like
        if kind & 0xF:
            yield _driver(key, kind, start, packages.get(key.name.lower(), {}))
        else:
            yield _service(key, kind, start)


def _driver(key: Key, kind: int, start: int, package: dict[str, str]) -> Fact:
    path = key.text("ImagePath") or rf"System32\drivers\{key.name}.sys"
    fields = filled(
        service=key.name,
        display_name=_plain(key.text("DisplayName")),
        path=path,
        start_type=START_TYPES.get(start, str(start)),
        type=next(words for bit, words in _TYPES if kind & bit),
        group=key.text("Group"),
        altitude=_altitude(key),
        key_written=key.written_text(),
    )
    version = package.get("version", "")
    fields |= {name: value for name, value in package.items() if name != "version"}
    if version:
        fields["version_of"] = "driver package"
    return Fact("driver", base_name(path), version, f"key {key.path}", fields)


def _service(key: Key, kind: int, start: int) -> Fact:
    parameters = key.child("Parameters")
    fields = filled(
        display_name=_plain(key.text("DisplayName")),
        path=key.text("ImagePath"),
        dll=key.text("ServiceDll") or (parameters.text("ServiceDll") if parameters else ""),
        start_type=START_TYPES.get(start, str(start)),
        type=next((words for bit, words in _PROCESS_TYPES if kind & bit), f"type {kind:#x}"),
        account=key.text("ObjectName"),
        group=key.text("Group"),
        key_written=key.written_text(),
    )
    return Fact("service", key.name, START_TYPES.get(start, str(start)), f"key {key.path}", fields)


def _altitude(key: Key) -> str:
    for instances in (r"Instances", r"Parameters\Instances"):
        altitudes = [text for child in key.under(instances) if (text := child.text("Altitude"))]
        if altitudes:
            return ", ".join(dict.fromkeys(altitudes))
    return ""


def _plain(name: str) -> str:
    """Leave out a display name that only points at a resource (`@%SystemRoot%\\…,-1`), keep what stands behind it."""
    return name.rpartition(";")[2] if name.startswith("@") and ";" in name else "" if name.startswith("@") else name


def base_name(path: str) -> str:
    """Return the file name of a path or command line that starts with one."""
    text = path.strip()
    if text.startswith('"'):
        text = text[1:].partition('"')[0]
    else:
        lower = text.lower()
        ends = [at + len(end) for end in (".sys", ".exe", ".dll") if (at := lower.find(end)) >= 0]
        text = text[: min(ends)] if ends else text
    return text.replace("/", "\\").rpartition("\\")[2]


def _packages(control_set: Key) -> dict[str, dict[str, str]]:
    """Return version, vendor, date and INF of the package that serves each service's devices."""
    found: dict[str, dict[str, str]] = {}
    for device in islice(_devices(control_set), _DEVICES_LIMIT):
        service, driver = device.text("Service").lower(), device.text("Driver")
        if not service or not driver or service in found:
            continue
        package = control_set.at(f"Control\\Class\\{driver}")
        if package:
            found[service] = filled(
                version=package.text("DriverVersion"),
                vendor=package.text("ProviderName"),
                date=package.text("DriverDate"),
                inf=package.text("InfPath"),
            )
    return found


def _devices(control_set: Key) -> Iterator[Key]:
    for bus in control_set.under("Enum"):
        for device in bus.children():
            yield from device.children()


def class_filters(control_set: Key) -> Iterator[Fact]:
    """Yield the filter drivers a device class puts above and below its devices."""
    for key in control_set.under(r"Control\Class"):
        for which in ("UpperFilters", "LowerFilters"):
            filters = key.text(which)
            if filters:
                name = f"{which} of {key.text('Class') or key.name}"
                yield Fact("setting", name, filters, f"key {key.path}")
