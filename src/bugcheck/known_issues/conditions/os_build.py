"""The Windows build → does it lie in a range, or is it one of some builds?

Source: the header of the dump, or facts of kind `os` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.situation import Cited, Situation


@issue_test(may=("from", "to", "build"))
def os_build(values: Values, situation: Situation) -> Outcome:
    """The Windows build lies in a range (from, to) or is one of some builds (decimal numbers)."""
    build, cited = _build(situation)
    low, high, builds = (values.texts(name) for name in ("from", "to", "build"))
    wanted = ", ".join(builds) or f"{low[0] if low else ''}-{high[0] if high else ''}"
    if build is None:
        return untested(f"whether the Windows build is {wanted}: not known")
    numbers = [int(each) for each in (*builds, *low, *high) if each.isdigit()]
    inside = len(numbers) == len((*builds, *low, *high)) and (
        (not builds or str(build) in builds)
        and (not low or build >= int(low[0]))
        and (not high or build <= int(high[0]))
    )
    sentence = f"the Windows build is {build}" + ("" if inside else f", not {wanted}")
    return (holds if inside else fails)(sentence, cited)


def _build(situation: Situation) -> tuple[int | None, tuple[Cited, ...]]:
    if situation.crash and situation.crash.build:
        return situation.crash.build, situation.crash.cite("header")
    for seen in situation.facts("os"):
        text = seen.fact.fields.get("build", "") or seen.fact.value.rpartition(".")[2]
        if text[:5].strip(".").isdigit():
            return int(text[:5].strip(".")), (seen.cited,)
    return None, ()
