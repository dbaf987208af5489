"""A Situation → what it shows of a driver: loaded, version, link time, hashes, each with its place.

Folklore: three sources name drivers and mean different things.  A dump lists what was loaded when it was made (and a
few that were gone by then, their names cut to 12 characters); driver lists and the registry tell what is installed;
files tell what lies on the disk.  Only the first proves that a driver was there at the crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from bugcheck.known_issues.situation import Cited, CrashFacts, SeenFact, Situation
from bugcheck.records import dataclass

UNLOADED_NAME = 12
WHOLE_LIST = 10
"""Modules or drivers from which a list counts as the whole of it: a dump or log may name but a few of them."""
_SUFFIXES = (".sys", ".dll", ".exe")
_KERNELS = frozenset({"nt", "ntoskrnl", "ntkrnlmp", "ntkrnlpa", "ntkrpamp"})


@dataclass(frozen=True, slots=True)
class DriverSeen:
    """A driver as one source shows it: its file name, version or "", link time or None, hashes, state, place."""

    name: str
    state: str
    cited: Cited
    version: str = ""
    linked: datetime | None = None
    hashes: frozenset[str] = frozenset()


@lru_cache(maxsize=8192)
def stem(name: str) -> str:
    """Cut a file or module name to what its spellings share: `C:\\WINDOWS\\RapDrv.sys` and `RapDrv` → `rapdrv`."""
    text = name.replace("/", "\\").rpartition("\\")[2].strip().casefold()
    for suffix in _SUFFIXES:
        text = text.removesuffix(suffix)
    return "nt" if text in _KERNELS else text


def drivers_seen(situation: Situation, names: tuple[str, ...]) -> list[DriverSeen]:
    """Find everything the situation shows of drivers with these file names, what was loaded at the crash first."""
    wanted = frozenset(map(stem, names))
    found = list(_in_crash(situation.crash, wanted)) if situation.crash else []
    for kind, state in (("driver", "installed"), ("service", "installed"), ("file", "on disk")):
        found += [_of_fact(seen, state) for seen in _named(situation, kind, wanted)]
    return found


def _named(situation: Situation, kind: str, wanted: frozenset[str]) -> list[SeenFact]:
    if situation.named is None:
        return [seen for seen in situation.facts(kind) if fact_stem(seen) in wanted]
    index = situation.named(kind)
    return [seen for name in sorted(wanted) for seen in index.get(name, ())]


def lists_drivers(situation: Situation) -> str:
    """Say which list would name a loaded driver ("the 102 modules loaded at the crash"); "" when there is none."""
    crash = situation.crash
    if crash and len(crash.modules) >= WHOLE_LIST:
        return f"the {len(crash.modules)} modules loaded at the crash"
    drivers = situation.facts("driver")
    return f"the {len(drivers)} drivers listed for the host" if len(drivers) >= WHOLE_LIST else ""


def _in_crash(crash: CrashFacts, wanted: frozenset[str]) -> Iterator[DriverSeen]:
    for module in crash.modules:
        if stem(module.image) in wanted or stem(module.name) in wanted:
            linked = datetime.fromtimestamp(module.stamp, UTC) if _is_time(module.stamp) else None
            if linked and crash.time and linked > crash.time:
                linked = None  # a reproducible build's stamp is a hash
            place = Cited(crash.evidence, f"module {module.image}")
            yield DriverSeen(module.image, "loaded", place, module.version, linked)
    for name in crash.unloaded:
        short = name.casefold()
        cut = len(short) in (UNLOADED_NAME - 1, UNLOADED_NAME)
        if stem(name) in wanted or (cut and any(f"{full}.sys".startswith(short) for full in wanted)):
            yield DriverSeen(name, "unloaded", Cited(crash.evidence, f"unloaded module {name}"))


def _is_time(stamp: int) -> bool:
    return 0x2000_0000 < stamp < 0x8000_0000


def fact_stem(seen: SeenFact) -> str:
    """The stem of the driver a fact is about."""
    if seen.fact.kind == "service":
        return stem(seen.fact.fields.get("path", "").partition(".sys")[0] + ".sys")
    return stem(seen.fact.name)


def _of_fact(seen: SeenFact, state: str) -> DriverSeen:
    fact = seen.fact
    if fact.kind == "service":
        return DriverSeen(fact.name, state, seen.cited)
    version = fact.value if fact.kind == "driver" else fact.fields.get("version", "")
    names = ("sha256", "sha1", "md5", "authentihash")
    hashes = {fact.fields[name].lower() for name in names if fact.fields.get(name)}
    if fact.kind == "file" and fact.value:
        hashes.add(fact.value.lower())
    return DriverSeen(fact.name, state, seen.cited, version, _linked(fact.fields), frozenset(hashes))


def _linked(fields: Mapping[str, str]) -> datetime | None:
    stamp = fields.get("stamp", "")
    try:
        number = int(stamp, 16) if stamp.lower().startswith("0x") else int(stamp or "0")
    except ValueError:
        return None
    return datetime.fromtimestamp(number, UTC) if _is_time(number) else None
