"""What a crash shows → what several tests on it share: the words for "no crash", and which function a frame is.

Source: the stack of the analysed dump.

Folklore: a level of a stack without symbols names only its module, and may be any function of it.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import fits
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import CrashFacts

NO_CRASH = "no crash at hand"


def nameless_module(crash: CrashFacts, wanted: tuple[str, ...]) -> str:
    """Name the module of a level without symbols that may be the function, or ""."""
    return next((call.name for call in crash.stack if "!" not in call.name and _may_be_in(call.name, wanted)), "")


def _may_be_in(module: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether a level without a name may be the function: where the module is the wanted one, or any may be."""
    modules = [each.partition("!")[0] for each in wanted if "!" in each]
    return not modules or any(fits(stem(module), (stem(each),)) for each in modules)


def is_frame(name: str, wanted: tuple[str, ...]) -> bool:
    """Compare `module!function` with a wanted one, which may leave the module or the function out."""
    module, _, function = name.partition("!")
    for each in wanted:
        first, mark, second = each.partition("!")
        if mark and fits(stem(module), (stem(first),)) and fits(function, (second,)):
            return True
        if not mark and (fits(stem(module), (stem(first),)) or (function and fits(function, (first,)))):
            return True
    return False
