"""bugcheck: from a crashed Windows machine to a proven cause and a treatment.

>>> import bugcheck
>>> analysis = bugcheck.analyze("MEMORY.DMP")  # doctest: +SKIP
>>> print(analysis.headline)  # doctest: +SKIP

The names below are the public face; everything is imported when it is first used, so that `import bugcheck` costs
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bugcheck.api import Outcome, analyze, analyze_all, open_dump
    from bugcheck.dump.dump import Architecture, Dump
    from bugcheck.errors import (
        BugcheckError,
        CorruptDump,
        DumpError,
        LimitExceeded,
        MemoryFault,
        NotADump,
        TruncatedDump,
        UsageError,
    )
    from bugcheck.findings.findings import Category, Crash, Finding
    from bugcheck.gaps import Gap
    from bugcheck.machine.machine import Machine
    from bugcheck.verdict.analysis import Analysis
    from bugcheck.verdict.blame import Blame
    from bugcheck.verdict.verdict import Verdict

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "bugcheck.verdict.analysis",
    "Architecture": "bugcheck.dump.dump",
    "Blame": "bugcheck.verdict.blame",
    "BugcheckError": "bugcheck.errors",
    "Category": "bugcheck.findings.findings",
    "CorruptDump": "bugcheck.errors",
    "Crash": "bugcheck.findings.findings",
    "Dump": "bugcheck.dump.dump",
    "DumpError": "bugcheck.errors",
    "Finding": "bugcheck.findings.findings",
    "Gap": "bugcheck.gaps",
    "LimitExceeded": "bugcheck.errors",
    "Machine": "bugcheck.machine.machine",
    "MemoryFault": "bugcheck.errors",
    "NotADump": "bugcheck.errors",
    "Outcome": "bugcheck.api",
    "TruncatedDump": "bugcheck.errors",
    "UsageError": "bugcheck.errors",
    "Verdict": "bugcheck.verdict.verdict",
    "analyze": "bugcheck.api",
    "analyze_all": "bugcheck.api",
    "open_dump": "bugcheck.api",
}

__all__ = [
    "Analysis",
    "Architecture",
    "Blame",
    "BugcheckError",
    "Category",
    "CorruptDump",
    "Crash",
    "Dump",
    "DumpError",
    "Finding",
    "Gap",
    "LimitExceeded",
    "Machine",
    "MemoryFault",
    "NotADump",
    "Outcome",
    "TruncatedDump",
    "UsageError",
    "Verdict",
    "analyze",
    "analyze_all",
    "open_dump",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'bugcheck' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
