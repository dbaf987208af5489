"""Build number, product type, service pack, suite mask → the name people know a Windows by.

Source of truth: windows_versions.tsv, from Microsoft's release information pages (dates and builds as collected by
altrhombus/DataForGeeks) and the OSVERSIONINFOEX documentation.

Folklore: some releases are enablement packages, which switch features on and leave the kernel alone.  A dump of Windows
10 22H2 says build 19041, one of Windows 11 23H2 says 22621, so the build alone names a range.  The kernel's revision
narrows it, because each release stops getting updates some day: 10.0.19041.5247 can only be 22H2 or LTSC 2021.  Server
2003 R2 and Enterprise LTSC have no build of their own.  Vista's and Server 2008's last updates raise 6002 to 6003.
"""

from __future__ import annotations

from bugcheck.knowledge.tables import row_at, table
from bugcheck.records import dataclass

_FILE = "windows_versions.tsv"
_CLIENT, _SERVER = 3, 5
_SERVICE_PACKED = (2195, 2600, 2700, 3790)

WORKSTATION, DOMAIN_CONTROLLER, SERVER = 1, 2, 3
PRODUCT_TYPES = {"winnt": WORKSTATION, "lanmannt": DOMAIN_CONTROLLER, "servernt": SERVER}

SUITES = {
    0x1: "Small Business",
    0x2: "Enterprise",
    0x4: "BackOffice",
    0x8: "Communications Server",
    0x10: "Terminal Server",
    0x20: "Small Business (restricted)",
    0x40: "Embedded",
    0x80: "Datacenter",
    0x100: "single-session Remote Desktop",
    0x200: "Home",
    0x400: "Web",
    0x800: "Embedded (restricted)",
    0x1000: "Security Appliance",
    0x2000: "Storage Server",
    0x4000: "Compute Cluster",
    0x8000: "Home Server",
    0x20000: "multi-session",
}


@dataclass(frozen=True, slots=True)
class WindowsName:
    """What a Windows is called.

    Attributes:
        name: "Windows 10 2004–22H2", "Windows Server 2003 SP1", "Windows (build 12345)".
        product: "client", "server", "domain controller" or "" when the product type is unknown.
        releases: the releases it can be ("21H2", "22H2"); empty where Windows has none.
        editions: hints from the suite mask ("Enterprise", "Datacenter", "Home", "Terminal Server").
        certain: True when exactly one release is possible and the product type is known.
    """

    name: str
    product: str
    releases: tuple[str, ...]
    editions: tuple[str, ...]
    certain: bool


def windows_name(
    build: int,
    product_type: int | str,
    service_pack: int | None = None,
    suite_mask: int = 0,
    ubr: int | None = None,
) -> WindowsName:
    """Name a Windows.

    Args:
        build: build number as the kernel or the registry states it (19041, 19045).
        product_type: 1 workstation, 2 domain controller, 3 server, or the registry's "WinNT", "LanmanNT", "ServerNT";
            anything else is unknown.
        service_pack: service pack number for 2195, 2600 and 3790; later builds imply it.
        suite_mask: VER_SUITE_* bits.
        ubr: update build revision, the last part of the kernel's file version.
    """
    kind = PRODUCT_TYPES.get(product_type.lower(), 0) if isinstance(product_type, str) else product_type
    product = {WORKSTATION: "client", DOMAIN_CONTROLLER: "domain controller", SERVER: "server"}.get(kind, "")
    row = _row(build, ubr)
    columns = [column for column in _columns(kind) if row and row[column]]
    if row is None or not columns:
        return WindowsName(f"Windows (build {build})", product, (), suite_names(suite_mask), False)
    parts = [(row[at], tuple(row[at + 1].split(",")) if row[at + 1] else ()) for at in columns]
    pack = f" SP{service_pack}" if service_pack and build in _SERVICE_PACKED else ""
    name = " / ".join(_joined(title, releases) + pack for title, releases in parts)
    releases = parts[0][1] if len(parts) == 1 else ()
    certain = bool(product) and len(parts) == 1 and len(releases) <= 1
    return WindowsName(name, product, releases, suite_names(suite_mask), certain)


def suite_names(mask: int) -> tuple[str, ...]:
    """Return the names of the VER_SUITE_* bits set in `mask`, lowest bit first."""
    return tuple(name for bit, name in SUITES.items() if mask & bit)


def _columns(kind: int) -> tuple[int, ...]:
    """Return which columns of the table answer for a product type; both when it is unknown."""
    if kind == WORKSTATION:
        return (_CLIENT,)
    return (_SERVER,) if kind in (DOMAIN_CONTROLLER, SERVER) else (_CLIENT, _SERVER)


def _row(build: int, ubr: int | None) -> list[str] | None:
    """Return the line of a build: the one whose range of revisions holds `ubr`, else the one without a range."""
    data, key = table(_FILE), f"\n{build}\t".encode()
    general: list[str] | None = None
    start = data.find(key)
    while start >= 0:
        row = row_at(data, start + 1)
        if not row[1]:
            general = row
        elif ubr is not None and int(row[1]) <= ubr <= int(row[2]):
            return row
        start = data.find(key, start + 1)
    return general


def _joined(title: str, releases: tuple[str, ...]) -> str:
    """Return "Windows 10 2004–22H2": two releases are listed, more become a range."""
    if not releases:
        return title
    if len(releases) <= 2:
        return f"{title} {' or '.join(releases)}"
    return f"{title} {releases[0]}–{releases[-1]}"
