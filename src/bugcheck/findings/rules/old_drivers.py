"""Time stamps of third-party drivers → those much older than the crash.

Source: TimeDateStamp of the PE header as the module list has it; what ships with Windows: knowledge/drivers.tsv.

Folklore: reproducible builds write a hash where the time stood, which looks like any year (amdwps.sys of 2022 says
2002).  So stamps from before the architecture had drivers, or from after the crash, are passed over, and the year is
told as the stamp's, not as the truth.  Age alone is no cause: the finding is a fact for the reader.  Whether a driver
was test-signed stands in no dump.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bugcheck.dump.dump import Architecture
from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.modules import Module
from bugcheck.timestamps import from_unix

OLD = timedelta(days=8 * 365)
FIRST_YEARS = {Architecture.X64: 2005, Architecture.ARM64: 2017, Architecture.ARM32: 2012}
"""Architecture → year before which no driver for it was built; 1996 for x86."""
SHOWN = 6


@rule
def old_drivers(crash: Crash) -> Iterator[Finding]:
    """Third-party drivers whose time stamp is more than eight years before the crash."""
    system = crash.machine.system
    if not crash.dump.is_kernel or system is None or system.crash_time is None:
        return
    before = system.crash_time - OLD
    first = FIRST_YEARS.get(crash.machine.architecture, 1996)
    old: list[tuple[int, Module]] = []
    for module in crash.modules:
        stamp = from_unix(module.time_date_stamp)
        if stamp is not None and stamp.year >= first and stamp < before and _is_third_party(module, crash):
            old.append((stamp.year, module))
    if not old:
        return
    old.sort(key=lambda each: (each[0], each[1].name))
    listed = ", ".join(f"{module.image} ({year})" for year, module in old[:SHOWN])
    more = f" and {len(old) - SHOWN} more" if len(old) > SHOWN else ""
    yield Finding(
        "old_drivers",
        f"by their time stamps these third-party drivers were built more than eight years before: {listed}{more}",
        0.0,
        tuple(Citation("module", module.image, str(year)) for year, module in old[:SHOWN]),
        refuted_by="a reproducible build, whose time stamp is a hash",
    )


def _is_third_party(module: Module, crash: Crash) -> bool:
    return standing_of(module, crash) is Standing.THIRD_PARTY and not module.name.startswith(("dump_", "hiber_"))
