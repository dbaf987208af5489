"""A program file given beside the dump → whether it is the build that was loaded, and whether its code was changed.

Source: `findings/image_comparison.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.errors import BugcheckError
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.gaps import Gap

SHOWN = 8
ONE_BIT = 0.8
"""As `code_mismatch` weighs it: nobody but defective memory changes one bit."""


@rule
def given_image(crash: Crash) -> Iterator[Finding | Gap]:
    """A program file that was given: the build that was loaded? its code unchanged in memory?"""
    if not crash.images:
        return
    from bugcheck.findings.image_comparison import ImageComparison, compare_image

    for view in crash.images:
        try:
            found: ImageComparison = compare_image(crash, view)
        except BugcheckError as error:
            yield Gap(f"whether {view.name} is unchanged in the dump", str(error))
            continue
        module = found.module
        if module is None:
            yield Gap(f"whether {found.file} is unchanged in the dump", "a loaded module of that name")
            continue
        identity = Citation("module", "time stamp", format_hex(module.time_date_stamp))
        if found.unlike:
            differing = ", ".join(found.unlike)
            verb = "differs" if len(found.unlike) == 1 else "differ"
            sentence = f"{found.file} is not the build the dump had loaded: {differing} {verb}"
            yield Finding("given_image", sentence, 0.0, (identity,), module=module.name)
        elif not found.compared:
            yield Gap(f"whether {found.file} is unchanged in the dump", "pages of its code in the dump")
        elif not found.changed:
            amount = f"{found.compared:,} of {found.code_size:,} bytes of code compared"
            sentence = f"{found.file} is the build the dump had loaded, and its code is unchanged in memory: {amount}"
            yield Finding("given_image", sentence, 0.0, (identity,), module=module.name)
        else:
            places = [crash.modules.resolve(address) or format_hex(address) for address, _ in found.changed[:SHOWN]]
            flipped = len(found.changed) == 1 and found.changed[0][1].flipped_bits == 1
            what = "one bit of the code" if flipped else "code"
            sentence = f"{what} of {module.name} in the dump differs from {found.file} at {', '.join(places)}"
            cited = [
                Citation("memory", place, each.memory[:8].hex(" "))
                for place, (_, each) in zip(places, found.changed, strict=False)
            ]
            category, weight = (Category.HARDWARE, ONE_BIT) if flipped else (Category.CORRUPTION, 0.0)
            accused = None if flipped else module.name
            yield Finding("given_image", sentence, weight, (identity, *cited), module=accused, category=category)
