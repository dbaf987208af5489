"""14F: a component that did not answer when the machine should leave standby → which kind, and any driver it leads to.

Source: bug check reference, 14F: parameter 1 the client's id, 2 its kind, 3 its structure (by kind).

Folklore: the client's structure is not published; where a word of its first 256 bytes points into one driver only, that
driver registered it or is called by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.machine.modules import Module

RULE = "pdc_watchdog_timeout"
_CLIENTS = (1, 2, 3)
_SIZE = 0x100


@bugcheck_rule(0x14F)
def pdc_watchdog_timeout(crash: Crash) -> Iterator[Finding | Gap]:
    """Which component kept the machine in standby."""
    check = crash.bugcheck
    if check is None:
        return
    kind, client = check.parameters[1].value, check.parameters[0].value
    yield fact(RULE, f"client {client:#x}: {check.subtype or f'a client of kind {kind:#x}'}", cite(check, 1, 2))
    owners = _owners(crash, check.parameters[2].value) if kind in _CLIENTS else []
    if len(owners) != 1:
        yield Gap("which driver the client belongs to", "the client's structure; a kernel memory dump has it")
        return
    yield accuse(
        crash,
        RULE,
        owners[0],
        f"the structure of the client that did not answer points into {owners[0].image} only",
        0.45,
        (*cite(check, 3), Citation("module", owners[0].image, "pointed to")),
        clause="did not answer when the machine should leave standby",
        refuted_by="another component that it was waiting for itself",
    )


def _owners(crash: Crash, address: int) -> list[Module]:
    """Drivers outside Windows that words of the structure point into."""
    width = crash.memory.pointer_size
    data = crash.memory.read_up_to(address, _SIZE) if address else b""
    words = (int.from_bytes(data[at : at + width], "little") for at in range(0, len(data) - width + 1, width))
    found = dict.fromkeys(module for word in words if word and (module := crash.modules.at(word)) is not None)
    return [module for module in found if standing_of(module, crash) in (Standing.THIRD_PARTY, Standing.UNKNOWN)]
