"""System services and kernel functions that were led elsewhere → who hooked them, and how many.

Source: findings/code_hooks.py.

Folklore: a hook is no fault: firewalls, virus scanners and copy protection live by them, and so does malware.  It says
that its owner's code runs in every program's calls, with whatever mistakes it has, so it is a fact for the reader and
weighs only where the owner stands at the fault as well (which other rules weigh).  Code of no module is worth a search
for a hidden driver.  Jumps that differ from the image file are told by `code_mismatch`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.code_hooks import Hook, function_hooks, owner_in_words, service_hooks
from bugcheck.findings.findings import Citation, Crash, Finding, rule

SHOWN = 3


@rule
def hooks(crash: Crash) -> Iterator[Finding]:
    """System services and kernel functions led to other modules, by owner."""
    if not crash.dump.is_kernel:
        return
    yield from _by_owner(crash, list(service_hooks(crash)), "in the table of system services", "leads to")
    yield from _by_owner(crash, list(function_hooks(crash)), "of the kernel begins with a jump", "to")


def _by_owner(crash: Crash, found: list[Hook], where: str, leads: str) -> Iterator[Finding]:
    owners: dict[str, list[Hook]] = {}
    for hook in found:
        owners.setdefault(owner_in_words(crash, hook.target)[1], []).append(hook)
    for owner, hooked in sorted(owners.items()):
        module = owner_in_words(crash, hooked[0].target)[0]
        names = ", ".join(hook.what for hook in hooked[:SHOWN])
        more = f" and {len(hooked) - SHOWN} more" if len(hooked) > SHOWN else ""
        subject = "an entry" if "table" in where else "a function"
        subject = subject if len(hooked) == 1 else f"{len(hooked)} {'entries' if 'table' in where else 'functions'}"
        verb = leads if len(hooked) == 1 else leads.replace("leads", "lead")
        place = where if len(hooked) == 1 else where.replace("begins", "begin")
        yield Finding(
            "hooks",
            f"{subject} {place} {verb} {owner}: {names}{more}",
            0.0,
            tuple(Citation("memory", format_hex(hook.place), format_hex(hook.target)) for hook in hooked[:SHOWN]),
            module=module.name if module else None,
            refuted_by="an image whose range is wrong in the module list",
        )
