"""The loader's record of each driver's signature → those that Windows would not load in its normal state.

Source: KLDR_DATA_TABLE_ENTRY.u1 (Windows 8.1 and later: SignatureLevel in bits 0 to 3, SignatureType in 4 to 6) and
SE_SIGNING_LEVEL_* of winnt.h: 1 unsigned, 2 enterprise, 3 and 5 custom, 4 Authenticode, 6 store, 7 antimalware, 8
Microsoft, 12 Windows, 14 Windows TCB.  Checked on the corpus: nine Windows 11 24H2 dumps say 12 for Windows' own files,
8 for vendors' drivers signed through Microsoft, 0 for what the boot loader checked.

Folklore: small dumps of older Windows leave the field empty or with rubbish, so it is believed only where most drivers
have a level, and level 0 says nothing.  A driver signed only by its maker, or not at all, loads in test mode, with
signature checks off, or under the old rules for cross-signed ones; that is no crime and no cause, but worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.machine.modules import Module

LEVELS = {
    1: "not signed",
    2: "signed with an organisation's own key",
    3: "signed with a developer's own key",
    4: "signed by its maker only",
    5: "signed with a developer's own key",
}
"""SignatureLevel → what it means, of those below what Windows asks of drivers today."""
TYPES = 7
MOSTLY = 0.5
SHOWN = 6


@rule
def driver_signatures(crash: Crash) -> Iterator[Finding]:
    """Drivers that the loader recorded as unsigned or signed without Microsoft."""
    if not crash.dump.is_kernel or not _is_kept(crash):
        return
    weak = [module for module in crash.modules if _level(module) in LEVELS]
    if not weak:
        return
    listed = ", ".join(f"{module.image} ({LEVELS[_level(module)]})" for module in weak[:SHOWN])
    more = f" and {len(weak) - SHOWN} more" if len(weak) > SHOWN else ""
    yield Finding(
        "driver_signatures",
        f"drivers that Windows loads only in test mode or under its old rules: {listed}{more}",
        0.0,
        tuple(Citation("module", module.image, f"signature {module.signature:#x}") for module in weak[:SHOWN]),
        refuted_by="a loader entry that was overwritten",
    )


def _level(module: Module) -> int:
    return module.signature & 0xF


def _is_kept(crash: Crash) -> bool:
    """Tell whether this dump keeps the field: most drivers have a level, and no type is out of range."""
    modules = list(crash.modules)
    known = [module for module in modules if 0 < module.signature < 0x1000 and module.signature >> 4 & 7 < TYPES]
    levels = [module for module in known if _level(module)]
    return len(levels) > MOSTLY * len(modules)
