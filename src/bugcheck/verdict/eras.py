"""A Crash → the era of `!analyze` whose names its signature is written in.

Source: the table "Bucket strings by era" of ../shared/facts/windbg.md §3.4 (samples read in public outputs).

Folklore: the era is really that of the debugger, and any debugger opens any dump.  A dump does not say who will read
it, so the debugger that was current when its Windows was stands for it: what people wrote about such crashes then
carries those names, and so matches.  `era=` is for everybody else.
"""

from __future__ import annotations

from enum import Enum

from bugcheck.errors import UsageError
from bugcheck.findings.findings import Crash

WINDOWS_8, WINDOWS_2019 = 9200, 17763
"""First builds of Windows 8 and of Windows 10 1809 / Server 2019."""


class Era(Enum):
    """How buckets are written; the values are what `--era` takes."""

    X86 = "x86"
    X64_TO_7 = "x64-7"
    WINDOWS_8 = "8"
    SINCE_2019 = "2019"
    USER = "user"

    @property
    def is_modern(self) -> bool:
        """Tell whether buckets name functions without offsets and access violations as a class."""
        return self in (Era.WINDOWS_8, Era.SINCE_2019)

    @property
    def prints_failure_hash(self) -> bool:
        """Tell whether the report of that time carries FAILURE_ID_HASH (debuggers since 2013)."""
        return self in (Era.WINDOWS_8, Era.SINCE_2019, Era.USER)


def parse_era(text: str) -> Era:
    """Read what `--era` was given.

    Raises:
        UsageError: it is none of the eras.
    """
    for era in Era:
        if text.lower() == era.value:
            return era
    raise UsageError(f"{text!r} is no era: choose among {', '.join(era.value for era in Era)}")


def era_of(crash: Crash, era: Era | None = None) -> Era:
    """Choose the era from the dump's build and architecture, or take the one given.

    A kernel dump without a build number counts as new.

    Raises:
        UsageError: the era given is of the other kind of dump (user or kernel).
    """
    is_kernel = crash.dump.is_kernel
    if era is not None and (era is Era.USER) == is_kernel:
        raise UsageError(f"the era {era.value!r} does not suit a {'kernel' if is_kernel else 'user'} dump")
    return era or (_kernel_era(crash) if is_kernel else Era.USER)


def _kernel_era(crash: Crash) -> Era:
    system = crash.machine.system
    build = system.build if system is not None and system.build else WINDOWS_2019
    if build >= WINDOWS_2019:
        return Era.SINCE_2019
    if build >= WINDOWS_8:
        return Era.WINDOWS_8
    return Era.X86 if crash.machine.architecture.is_x86 else Era.X64_TO_7
