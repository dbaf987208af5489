"""CrashSeen → Fact: the host's operating system and drivers, as a crash shows them.

Source: the modules of the crash, see `evidence.CrashSeen`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import CrashSeen, Fact


def facts_of_crash(seen: CrashSeen, where: str) -> Iterator[Fact]:
    """Yield the operating system and each driver, as facts that stand at `where`."""
    if seen.os:
        yield Fact("os", seen.os, "", where)
    for module in seen.modules:
        if module.image.lower().endswith(".sys"):
            fields = {"path": module.path, "vendor": module.vendor, "product": module.product}
            yield Fact("driver", module.image, module.version, where, {k: v for k, v in fields.items() if v})
