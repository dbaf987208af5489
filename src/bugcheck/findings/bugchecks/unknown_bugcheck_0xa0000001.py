"""A0000001: a code of AMD's display driver → that it is the driver's own, and whether that driver called.

Source: no public list has it; 8 corpus dumps and WhoCrashed's reports of that machine: the caller of KeBugCheckEx lies
in atikmdag.sys, parameter 1 is 5, the others 0.

Folklore: the code is made up by the driver, so the rule on callers of KeBugCheckEx has the evidence; without a caller
the code alone is a hint at whatever AMD display driver is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, fact
from bugcheck.findings.display_drivers import display_drivers
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "unknown_bugcheck_0xa0000001"
_WEIGHT = 0.25


@bugcheck_rule(0xA000_0001)
def unknown_bugcheck_0xa0000001(crash: Crash) -> Iterator[Finding | Gap]:
    """Whose private code this is."""
    cited = (Citation("field", "bug check code", "0xa0000001"),)
    yield fact(RULE, "this code is not Windows' own; AMD's display driver is known to stop the system with it", cited)
    loaded = [module for module in display_drivers(crash) if _is_amd(module.image)]
    if len(loaded) != 1:
        yield Gap("which driver raised the private code", "one AMD display driver among the loaded modules")
        return
    yield accuse(
        crash,
        RULE,
        loaded[0],
        f"{loaded[0].image} is the AMD display driver that is loaded, and the code is known as such a driver's own",
        _WEIGHT,
        (*cited, Citation("module", "loaded", loaded[0].image)),
        clause="stops the system with this code of its own",
        refuted_by="another driver that uses the same number",
    )


def _is_amd(image: str) -> bool:
    return image.lower() in ("atikmdag.sys", "amdkmdag.sys")
