"""Two lists of modules → what changed: drivers added, removed, updated.

Images are the same file when name, time stamp and size agree; the checksum is left out, for some writers leave it 0.

Folklore: dump_ and hiber_ copies come and go with the storage stack and say nothing; a module without a time stamp
(a small dump that lost it) cannot be told from any other build.  A debugger's log names few modules and the size of
hardly any: what it does not name is not gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from bugcheck.knowledge.drivers import find_driver
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass
from bugcheck.verdict.analysis import Analysis

COPIES = ("dump_", "hiber_")


@dataclass(frozen=True, slots=True)
class DriverChange:
    """A module that differs between two crashes.

    Attributes:
        name: file name. before, after: the module in each, None where it is absent.
        ships_with_windows: None where that is not known.
    """

    name: str
    before: Module | None
    after: Module | None
    ships_with_windows: bool | None

    @property
    def kind(self) -> str:
        """ "added", "removed", "updated" or "replaced by an older one"."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "updated" if self.after.time_date_stamp >= self.before.time_date_stamp else "replaced by an older one"


@dataclass(frozen=True, slots=True)
class DriverChanges:
    """What changed, by file name; `common` counts the modules that are the same in both."""

    changes: tuple[DriverChange, ...]
    common: int

    @property
    def third_party(self) -> tuple[DriverChange, ...]:
        """Changes of modules not known to ship with Windows."""
        return tuple(change for change in self.changes if not change.ships_with_windows)


def driver_changes(before: Analysis, after: Analysis) -> DriverChanges:
    """Compare the modules of two kernel dumps, or the images of two processes."""
    old, new = _by_name(before.modules), _by_name(after.modules)
    is_partial = before.dump.log is not None or after.dump.log is not None
    changes: list[DriverChange] = []
    common = 0
    for name in sorted(old.keys() | new.keys()):
        first, second = old.get(name), new.get(name)
        if first is not None and second is not None and _same_file(first, second, any_size=is_partial):
            common += 1
            continue
        if is_partial and (first is None or second is None):
            continue
        known = find_driver(name)
        image = (second or first or old[name]).image
        changes.append(DriverChange(image, first, second, known.ships_with_windows if known else None))
    return DriverChanges(tuple(changes), common)


def _by_name(modules: Iterable[Module]) -> dict[str, Module]:
    found: dict[str, Module] = {}
    for module in modules:
        name = module.image.lower()
        if not name.startswith(COPIES):
            found.setdefault("nt" if module.name == "nt" else name, module)
    return found


def _same_file(first: Module, second: Module, *, any_size: bool) -> bool:
    stamps = (first.time_date_stamp, second.time_date_stamp)
    return 0 in stamps or (stamps[0] == stamps[1] and (any_size or first.size == second.size))
