"""The story's two servers → who they are, when they crashed, and what may be turned round in the telling.

Source: the administrator's report bugcheck was founded on; everything it does not say (names, addresses, dates of the
earlier crashes, build numbers) is invented.  Addresses outside are those reserved for documentation (RFC 5737).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
"""China Standard Time, which both servers keep."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server: the name reports use, its computer name, its address."""

    name: str
    computer: str
    address: str


A = Server("A", "SRV-A", "192.168.20.11")
B = Server("B", "SRV-B", "192.168.20.12")
CLIENTS = tuple(f"192.168.20.{number}" for number in range(31, 59))
STRANGER = "198.51.100.77"
UPDATE_SERVER = "203.0.113.25"


@dataclass(frozen=True, slots=True)
class Stop:
    """A crash of A: when, how long it had run, its dump file or ""; what B had done before it, in minutes."""

    time: datetime
    uptime: timedelta
    dump: str
    logon: float
    update: float
    loaded: float


def _local(month: int, day: int, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2006, month, day, hour, minute, second, tzinfo=CHINA)


STOPS = (
    Stop(_local(3, 20, 11, 47, 12), timedelta(days=9, hours=2, minutes=31, seconds=5), "Mini032006-01.dmp", 8.4, 5, 1),
    Stop(
        _local(3, 30, 16, 20, 38), timedelta(days=10, hours=4, minutes=29, seconds=40), "Mini033006-01.dmp", 7.1, 4, 1
    ),
    Stop(_local(4, 11, 9, 5, 51), timedelta(days=11, hours=16, minutes=41), "", 6.2, 4.5, 1.2),
    Stop(_local(4, 19, 19, 3, 27), timedelta(days=3, hours=5, minutes=21, seconds=9), "MEMORY.DMP", 8.9, 5.1, 0.8),
)
HARMLESS_UPDATE = _local(4, 5, 14, 10, 3)
"""An update from B that no crash followed."""
FIRST_DAY, LAST = _local(3, 11, 0, 0), _local(4, 20, 9, 0)
"""The evidence covers this time, but for A's system log."""
SYSTEM_LOG_BEGINS = _local(3, 20, 13, 52, 8)
"""Two hours after the first crash: older entries were overwritten."""
MAINTENANCE = STOPS[-1].time - STOPS[-1].uptime
"""The last planned restart of A."""
TREATED = _local(4, 12, 10, 15)
"""When the administrator stopped services of B and removed the copies."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What is turned round in the evidence.

    Attributes:
        attack: a stranger's connections at 19:02 stand in the firewall log.
        driver_changed: RapDrv.sys is not what the maker's list says.
        patch: bytes written over the driver's code in memory, while its file is its maker's.
        versions_equal: B has the version of A.
        firewall_from: the firewall log begins only here.
        culprit: the driver whose code faults in the dumps.
        sparse: the firewall log has only every so many-th of its everyday connections.
    """

    attack: bool = False
    driver_changed: bool = False
    versions_equal: bool = False
    patch: bytes = b""
    firewall_from: datetime | None = None
    culprit: str = "RapDrv.sys"
    sparse: int = 1

    def version(self, server: Server) -> str:
        """Symantec AntiVirus' version on a server."""
        return "10.0.0.359" if server is B and not self.versions_equal else "9.0.0.338"


def days() -> list[datetime]:
    """Midnights, local, of all days the evidence covers."""
    return [FIRST_DAY + timedelta(days=number) for number in range((LAST - FIRST_DAY).days + 1)]


def updates() -> list[tuple[datetime, datetime]]:
    """(sent by B, loaded on A) of every update B gave to A."""
    minute = timedelta(minutes=1)
    before = [(stop.time - stop.update * minute, stop.time - stop.loaded * minute) for stop in STOPS]
    return sorted([*before, (HARMLESS_UPDATE, HARMLESS_UPDATE + 4 * minute)])


def utc(time: datetime) -> datetime:
    """A time in UTC."""
    return time.astimezone(UTC)
