"""Video bug checks → the display driver that did not answer, by parameter, by stack, or the only one there is.

Source: bug check reference, 116, 117, 119, 141, EA; driver classes of knowledge/drivers.tsv.

Folklore: the driver named is the one whose adapter hung.  A graphics card that is overheated, overclocked or badly
supplied hangs the same way, so the driver gets a strong hint and no proof.  A laptop with two adapters has two display
drivers loaded; the mere presence of one proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.machine.modules import Module

REFUTED = "a graphics card that is overheated, overclocked, badly supplied or defective, which hangs its driver"
BY_PARAMETER, BY_STACK = 0.6, 0.4


def display_drivers(crash: Crash) -> list[Module]:
    """List the loaded kernel display drivers that are not part of Windows, by what is known of their names."""
    return [module for module in crash.modules if is_display_driver(crash, module)]


def is_display_driver(crash: Crash, module: Module) -> bool:
    """Tell whether a module is known as a vendor's display driver."""
    facts = crash.driver_facts(module)
    known = facts is not None and facts.driver_class == "display" and not facts.copy_for_dumps
    return known and standing_of(module, crash) is Standing.THIRD_PARTY


def named_by_parameter(crash: Crash, rule: str, number: int, clause: str) -> Iterator[Finding | Gap]:
    """Accuse the display driver a parameter points into; else ask the stack."""
    check = crash.bugcheck
    address = check.parameters[number - 1].value if check else 0
    module = crash.modules.at(address)
    if check is None or module is None or standing_of(module, crash) is Standing.CORE:
        yield from named_by_stack(crash, rule, clause)
        return
    where = crash.modules.resolve(address)
    yield accuse(
        crash,
        rule,
        module,
        f"the graphics kernel names {module.image} ({where}) as responsible: it {clause}",
        BY_PARAMETER,
        cite(check, number),
        clause=clause,
        refuted_by=REFUTED,
    )


def named_by_stack(crash: Crash, rule: str, clause: str) -> Iterator[Finding | Gap]:
    """Accuse the display driver that is on the stack; else list those that are loaded."""
    suspect = stack_suspect(crash)
    if suspect is not None and is_display_driver(crash, suspect.module):
        yield accuse(
            crash,
            rule,
            suspect.module,
            f"{suspect.module.image} is the first driver on the stack that is not part of Windows",
            BY_STACK * suspect.certainty,
            (suspect.citation,),
            clause=clause,
            refuted_by=REFUTED,
        )
        return
    loaded = display_drivers(crash)
    if loaded:
        names = " and ".join(module.image for module in loaded)
        cited = tuple(Citation("module", "loaded", module.image) for module in loaded)
        yield fact(rule, f"the display drivers loaded are {names}; nothing in this dump says which one it was", cited)
    else:
        yield Gap("which display driver it was", "a parameter or stack that leads to it; a kernel memory dump has more")
