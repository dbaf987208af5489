"""Modules of an Analysis → the tables of a page: those that matter first, then all, each with age, vendor, version.

Folklore: since Windows 10 Microsoft's images carry a build hash where the time stamp was, so an age is told only where
the stamp can be a time: not marked as a hash, and not after the crash.  A vendor that the image itself
names is marked; one known from the file name alone is not, for a name proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_address
from bugcheck.machine.module_details import link_time
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass, replace
from bugcheck.reports.page import Grid, GridRow, Part, Section
from bugcheck.timestamps import format_utc, from_filetime
from bugcheck.verdict.analysis import Analysis

COLUMNS = ("start", "module", "file", "version", "linked", "age", "vendor", "what it is")
CODE = frozenset({"start", "module", "file", "version", "linked"})
YEAR = 365.25 * 86400
MAX_MATTER = 24
"""Rows of a table that is open from the start, so that a page prints on two sheets."""
OWN_WORD = " ✓"
VENDORS = f"vendors by file name,{OWN_WORD} where the image says so itself"


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """What the table says of a module.

    Attributes:
        version: file version, or "". linked: date, or "" where the stamp is no time. age: years before the crash, or
            None. vendor: of the version resource (marked), else by file name. what: what it is, or "".
        ships_with_windows: None where that is not known.
    """

    version: str
    linked: str
    age: float | None
    vendor: str
    what: str
    ships_with_windows: bool | None


def module_sections(analysis: Analysis, named: frozenset[str]) -> Iterator[Section]:
    """Yield the modules that matter (not of Windows, or `named` by the report), then all, then the unloaded."""
    bits = analysis.machine.architecture.bits
    loaded = sorted(analysis.modules, key=lambda module: module.base)
    rows = [(module, _row(module, analysis, bits)) for module in loaded]
    spoken = tuple(row for module, row in rows if module.name in named or row.tone == "blamed")
    matter = tuple(row for module, row in rows if module.name in named or row.tone)
    if 0 < len(matter) <= MAX_MATTER:
        caption = f"{len(matter)} of {len(rows)}: not known to ship with Windows, or named by this report; {VENDORS}"
        yield Section("Modules that matter", (_grid(caption, matter),), "modules")
    elif spoken:
        caption = f"{len(spoken)} of {len(rows)}: named by this report; {VENDORS}"
        yield Section("Modules that matter", (_grid(caption, spoken),), "modules")
        spoken_rows = frozenset(row.anchor for row in spoken)
        rest = tuple(row for row in matter if row.anchor not in spoken_rows)
        heading = f"Others not known to ship with Windows ({len(rest)})"
        yield Section(heading, (_grid(VENDORS, rest),), "other-modules", folded=True)
    if rows:
        every = tuple(GridRow(row.cells, row.keys, "", row.tone) for _, row in rows)
        parts: tuple[Part, ...] = (_grid(f"by address; a click on a column's head sorts; {VENDORS}", every),)
        yield Section(
            f"All modules ({len(rows)})", parts, "all-modules", folded=bool(matter) and len(rows) > MAX_MATTER
        )
    yield from _unloaded(analysis, bits)


def module_facts(module: Module, analysis: Analysis) -> ModuleFacts:
    """Collect what is known of a module."""
    details = analysis.machine.details_of(module)
    known = analysis.crash.driver_facts(module)
    stopped = analysis.system.crash_time if analysis.system else None
    linked = link_time(module.time_date_stamp, details.stamp_is_time, stopped)
    age = (stopped - linked).total_seconds() / YEAR if linked and stopped else None
    vendor = f"{details.company}{OWN_WORD}" if details.company else known.vendor if known else ""
    return ModuleFacts(
        version=details.version,
        linked=linked.strftime("%Y-%m-%d") if linked else "",
        age=age,
        vendor=vendor,
        what=known.what if known and known.what != "unknown" else "",
        ships_with_windows=known.ships_with_windows if known else None,
    )


def module_anchor(module: Module) -> str:
    """The anchor of a module's row."""
    return f"module-{module.base:x}"


def _grid(caption: str, rows: tuple[GridRow, ...]) -> Grid:
    """A table of modules without the columns that none of them fills."""
    kept = [at for at in range(len(COLUMNS)) if any(row.cells[at] for row in rows)]

    def pick(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(values[at] for at in kept)

    rows = tuple(replace(row, cells=pick(row.cells), keys=pick(row.keys)) for row in rows)
    return Grid(caption, pick(COLUMNS), rows, code=CODE, numeric=frozenset({"age"}), sortable=True)


def _row(module: Module, analysis: Analysis, bits: int) -> GridRow:
    facts = module_facts(module, analysis)
    age = "" if facts.age is None else f"{facts.age:.1f} y"
    start = format_address(module.base, bits)
    cells = (start, module.name, module.image, facts.version, facts.linked, age, facts.vendor, facts.what)
    keys = ("",) * 5 + (f"{facts.age:09.3f}" if facts.age is not None else "~",) + ("",) * 2
    tone = "" if facts.ships_with_windows or module.name in ("nt", "hal") or not analysis.dump.is_kernel else "own"
    if module.name == analysis.blame.module:
        tone = "blamed"
    return GridRow(cells, keys, module_anchor(module), tone)


def _unloaded(analysis: Analysis, bits: int) -> Iterator[Section]:
    gone = analysis.machine.unloaded_modules
    if gone:
        rows = tuple(
            GridRow(
                (
                    format_address(m.base, bits),
                    format_address(m.end, bits),
                    m.name,
                    format_utc(from_filetime(m.unloaded_at)) or "",
                )
            )
            for m in gone
        )
        grid = Grid("", ("start", "end", "name", "unloaded at"), rows, code=frozenset({"start", "end", "name"}))
        yield Section(f"Unloaded modules ({len(gone)})", (grid,), "unloaded", folded=True)
