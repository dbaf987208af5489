"""Whose is each file and record → one name a host, and each host's clock.

Source: none but the evidence: what a person's notes say comes first, then what a file says of itself, then its folder.

Folklore: one machine signs as `SRV-A`, `srv-a.corp.example` and `SRV-A$`.  A collection's folder is named after its
host about as often as after its content ("Minidump", "logs").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone, tzinfo

from bugcheck.evidence.intake import CASE_FOLDER
from bugcheck.gaps import Gap
from bugcheck.timeline.store import EventStore, PlacedFact, one_of
from bugcheck.timeline.zones import named_zone, observed_zone, offset_zone, zone_of

GENERIC_FOLDERS = frozenset(
    [
        *("config", "crash", "crashes", "dump", "dumps", "event", "eventlogs", "evidence", "files", "folder", "host"),
        *("hosts", "log", "logs", "minidump", "minidumps", "misc", "other", "registry", "reports", "support"),
        *("system32", "temp", "windows", "winevt"),
    ]
)
"""Folder names that say what is in them, not whose it is."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the incident.

    Attributes:
        name: as reports show it. role: "failed" when a crash of it is in the evidence, or what a person says.
        names: other names it goes by, lower case. os: in words.
        zone: its wall clock. zone_source: why it is taken to be that, "" when nobody says.
        skew: seconds its clock is ahead. skew_source: who says so.
    """

    name: str
    role: str = ""
    names: frozenset[str] = frozenset()
    os: str = ""
    zone: tzinfo = UTC
    zone_source: str = ""
    skew: float = 0.0
    skew_source: str = ""


def short_name(name: str) -> str:
    """Cut a domain and a machine account's `$` off, lower case; an address stays."""
    name = name.strip().lstrip("\\").rstrip("$").lower()
    return name if name.replace(".", "").isdigit() else name.partition(".")[0]


@dataclass
class HostNames:
    """Every host by all its names."""

    hosts: dict[str, str] = field(default_factory=dict[str, str])
    """Short name → name as shown."""
    folders: dict[str, str] = field(default_factory=dict[str, str])
    """Folder (lower case, with slashes) → host, as the notes say."""

    def canonical(self, name: str) -> str:
        """The shown name of a host, by any of its names; a new one is taken as it is first met."""
        if not name.strip():
            return ""
        return self.hosts.setdefault(short_name(name), name.strip().rstrip("$"))

    def of_folder(self, path: str) -> str:
        """The host whose folder, by the notes, a file lies in; "" when none says."""
        lower = path.lower()
        inside = [folder for folder in self.folders if lower.startswith(f"{folder}/") or lower == folder]
        return self.folders[max(inside, key=len)] if inside else ""


def noted_names(settings: Iterable[PlacedFact]) -> HostNames:
    """Take the names and folders that people's notes give."""
    names = HostNames()
    placed = list(settings)
    for each in placed:
        if each.fact.name == "host.named":
            names.hosts[short_name(each.fact.value)] = each.fact.value
    for each in placed:
        host = each.fact.host
        if each.fact.name == "host.names":
            for alias in each.fact.value.splitlines():
                names.hosts[short_name(alias)] = host
        elif each.fact.name == "host.folder":
            names.folders[each.fact.value.strip("/").replace("\\", "/").lower()] = host
    for host in list(names.hosts.values()):
        names.folders.setdefault(host.lower(), host)
    return names


def assign_hosts(store: EventStore) -> None:
    """Name the host of every file and record in the store, inside `writing()`."""
    names = noted_names(store.facts("setting"))
    _take_former_names(store, names)
    rows = store.database.execute("SELECT id,path,own_host,kind FROM evidence ORDER BY ord").fetchall()
    owners = {key: names.of_folder(path) or names.canonical(own or "") for key, path, own, _ in rows}
    watched = {key for key, path, _, _ in rows if path.startswith(f"{CASE_FOLDER}/")}
    _by_neighbours({key: path for key, path, _, _ in rows if key not in watched}, owners, names)
    _of_the_crashed(store, watched, owners)
    noted = {key for key, _, _, kind in rows if kind in ("notes", "notes_text")}
    for key, owner in owners.items():
        store.database.execute("UPDATE evidence SET host=? WHERE id=?", ("" if key in noted else owner, key))
    _assign_events(store, {key: "" if key in noted else owner for key, owner in owners.items()}, names)
    for name in ("facts", "spans", "crashes"):
        pairs = store.database.execute(f"SELECT DISTINCT evidence,own_host FROM {name}").fetchall()
        updates = [
            (names.canonical(own) if own else "" if key in noted else owners.get(key, ""), key, own)
            for key, own in pairs
        ]
        store.database.executemany(f"UPDATE {name} SET host=? WHERE evidence=? AND own_host=?", updates)


def _of_the_crashed(store: EventStore, watched: set[str], owners: dict[str, str]) -> None:
    """Give what a watch brought, where it tells no host itself, to the one host that crashed before."""
    crashed = store.database.execute("SELECT DISTINCT evidence FROM crashes ORDER BY 1").fetchall()
    host = one_of(owners.get(key, "") for (key,) in crashed if key not in watched)
    for key in watched:
        owners[key] = owners[key] or host


def _assign_events(store: EventStore, owners: dict[str, str], names: HostNames) -> None:
    rows = store.database.execute(
        "SELECT shares.rowid,evidence,shares.own_host,shares.host,first,last FROM shares JOIN evidence ON id=evidence"
    ).fetchall()
    for row, key, own, before, first, last in rows:
        host = names.canonical(own) if own else owners.get(key, "")
        if host != before:
            store.database.execute("UPDATE shares SET host=? WHERE rowid=?", (host, row))
            store.database.execute(
                "UPDATE events SET host=? WHERE id BETWEEN ? AND ? AND own_host=?", (host, first, last, own)
            )


def former_names(store: EventStore) -> dict[str, str]:
    """Names that hosts had before, short, → the newest; chains followed, circles left out."""
    newer: dict[str, str] = {}
    for each in store.facts("computer_name"):
        for former in filter(None, each.fact.fields.get("former", "").split(", ")):
            if short_name(former) != short_name(each.fact.value):
                newer[short_name(former)] = each.fact.value
    newest: dict[str, str] = {}
    for former in newer:
        name, met = newer[former], {former}
        while (short := short_name(name)) in newer and short not in met:
            met.add(short)
            name = newer[short]
        if short not in met:
            newest[former] = name
    return newest


def _take_former_names(store: EventStore, names: HostNames) -> None:
    """Make a renamed machine one host, unless the notes know its former name as another's."""
    plain = [each.fact.value for each in store.facts("computer_name") if not each.fact.fields.get("former")]
    spelled = {short_name(name): name for name in reversed(plain)}  # logs write names in lower case
    for former, newest in former_names(store).items():
        if former not in names.hosts:
            names.hosts[former] = names.canonical(spelled.get(short_name(newest), newest))


def _by_neighbours(paths: dict[str, str], owners: dict[str, str], names: HostNames) -> None:
    """Give files without a host that of the folder's other files when these agree, else the folder's name."""
    folders: dict[str, list[str]] = {}
    for key, path in paths.items():
        first, _, rest = path.partition("/")
        folders.setdefault(first if rest else "", []).append(key)
    several = len([folder for folder in folders if folder]) > 1
    everywhere = one_of(owners.values())
    for folder, keys in folders.items():
        owner = one_of(owners[key] for key in keys)
        if not owner and folder and several and folder.lower() not in GENERIC_FOLDERS:
            known = names.hosts.get(short_name(folder))
            owner = known or ("" if any(owners[key] for key in keys) else names.canonical(folder))
        for key in keys:
            owners[key] = owners[key] or owner or everywhere


def hosts_of(store: EventStore) -> tuple[list[Host], list[Gap]]:
    """Put together what is known of every host; a host whose zone nobody tells is a gap."""
    found = [
        name
        for (name,) in store.database.execute(
            "SELECT host FROM evidence UNION SELECT host FROM shares UNION SELECT host FROM crashes "
            "UNION SELECT host FROM facts ORDER BY 1"
        )
        if name
    ]
    crashed = {crash.host for crash in store.crashes() if crash.seen.code is not None}
    hosts = [_host(store, name, crashed) for name in found]
    local = {name for (name,) in store.database.execute("SELECT DISTINCT host FROM shares WHERE local=1 AND host<>''")}
    gaps = [
        Gap(
            f"when exactly the local times in {host.name}'s files were",
            "its time zone; they are taken as UTC",
            f'say it in notes.toml: [hosts.{host.name}] time_zone = "…" or utc_offset = "+00:00"',
        )
        for host in hosts
        if host.name in local and not host.zone_source
    ]
    return hosts, gaps


def _host(store: EventStore, name: str, crashed: set[str]) -> Host:
    said = {
        each.fact.name.removeprefix("host."): each.fact.value
        for each in store.facts("setting")
        if each.fact.host and short_name(each.fact.host) == short_name(name)
    }
    zone, source = _zone(store, name, said)
    skew, skew_source = _seconds(said.get("clock_skew_seconds", "")), "notes"
    if skew is None:
        row = store.database.execute("SELECT skew,source FROM clocks WHERE host=?", (name,)).fetchone()
        skew, skew_source = row or (0.0, "")
    systems = [each.fact for each in store.facts("os", host=name)]
    former = [short for short, newest in former_names(store).items() if short_name(newest) == short_name(name)]
    return Host(
        name,
        role=said.get("role", "failed" if name in crashed else "other"),
        names=frozenset(short_name(alias) for alias in [name, *former, *said.get("names", "").splitlines()]),
        os=said.get("os", "") or next((f"{each.name} {each.value}".strip() for each in systems), ""),
        zone=zone,
        zone_source=source,
        skew=skew,
        skew_source=skew_source,
    )


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _zone(store: EventStore, name: str, said: dict[str, str]) -> tuple[tzinfo, str]:
    """Find a host's zone: notes, registry and system listings, a dump's own, then what the notes say of the case."""
    for zone, source in _zones(store, name, said):
        if zone is not None:
            return zone, source
    return UTC, ""


def _zones(store: EventStore, name: str, said: dict[str, str]) -> Iterator[tuple[tzinfo | None, str]]:
    yield _told_zone(said), "notes"
    told = store.facts("time_zone", host=name)
    seen = [each for each in told if "at" in each.fact.fields]
    rest = [each for each in told if "at" not in each.fact.fields]
    rest.sort(key=lambda each: 0 if each.fact.fields.get("standard_start") else 1 if named_zone(each.fact.name) else 2)
    ruled = [each for each in rest if each.fact.fields.get("standard_start") or named_zone(each.fact.name)]
    for each in ruled:
        yield zone_of(each.fact.name, each.fact.value, each.fact.fields), each.evidence
    if seen:
        yield observed_zone([each.fact.fields for each in seen]), seen[0].evidence
    for each in rest[len(ruled) :]:
        yield zone_of(each.fact.name, each.fact.value, each.fact.fields), each.evidence
    rows = store.database.execute("SELECT evidence,seen FROM crashes WHERE host=? ORDER BY utc DESC", (name,))
    for evidence, seen in rows:
        offset = json.loads(seen).get("utc_offset")
        if isinstance(offset, int):
            yield timezone(timedelta(seconds=offset)), evidence
    case = {each.fact.name.removeprefix("case."): each.fact.value for each in store.facts("setting")}
    yield _told_zone(case), "notes"


def _told_zone(said: dict[str, str]) -> tzinfo | None:
    if said.get("time_zone"):
        return named_zone(said["time_zone"]) or offset_zone(said["time_zone"])
    return offset_zone(said["utc_offset"]) if said.get("utc_offset") else None
