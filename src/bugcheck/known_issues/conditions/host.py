"""Tests on the host: which Windows, which products, services, settings, updates, hardware.

Source: facts of evidence parsers; for the Windows build also the dump.
"""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.situation import Cited, SeenFact, Situation
from bugcheck.known_issues.versions import in_range

WHOLE_LIST = 5
"""Entries from which a list of software, services or updates counts as the whole of it."""
_SOFTWARE = ("software", "security_product")
_SETTINGS = ("setting", "memory_setting", "crash_control")


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


@issue_test("is")
def architecture(values: Values, situation: Situation) -> Outcome:
    """The Windows is "x86", "x64" or "arm64"."""
    wanted = values.texts("is")
    crash = situation.crash
    if crash is None or not crash.architecture:
        return untested(f"whether Windows is {' or '.join(wanted)}: not known")
    return (holds if fits(crash.architecture, wanted) else fails)(
        f"Windows is {crash.architecture}", crash.cite("header")
    )


@issue_test("product", may=("version",), specific=True)
def product_installed(values: Values, situation: Situation) -> Outcome:
    """A product is installed (name patterns), in a range of versions where one is given."""
    names, wanted = values.texts("product"), values.text("version")
    listed = [seen for kind in _SOFTWARE for seen in situation.facts(kind)]
    found = [seen for seen in listed if fits(seen.fact.name, names)]
    if not found:
        shown = " or ".join(names)
        if len(listed) < WHOLE_LIST:
            return untested(f"whether {shown} is installed: no list of programs")
        return fails(f"{shown} is not among the {len(listed)} programs listed", (listed[0].cited,))
    if not wanted:
        return holds(f"{_told(found[0])} is installed", (found[0].cited,))
    judged = [(seen, in_range(seen.fact.value, wanted)) for seen in found]
    best = next((pair for pair in judged if pair[1]), next((pair for pair in judged if pair[1] is not None), None))
    if best is None:
        return untested(f"the version of {found[0].fact.name} (affected: {wanted}): not known")
    sentence = f"{_told(best[0])} is installed, which is {'' if best[1] else 'not '}in {wanted}"
    return (holds if best[1] else fails)(sentence, (best[0].cited,))


def _told(seen: SeenFact) -> str:
    return f"{seen.fact.name} {seen.fact.value}".strip()


@issue_test("service", may=("start_type", "state"))
def service_present(values: Values, situation: Situation) -> Outcome:
    """A service is registered (key or display name), with a start type or state where one is given."""
    names = values.texts("service")
    listed = situation.facts("service")
    found = [
        seen
        for seen in listed
        if (fits(seen.fact.name, names) or fits(seen.fact.fields.get("display_name", ""), names))
        and all(
            not values.texts(field) or fits(seen.fact.fields.get(field, seen.fact.value), values.texts(field))
            for field in ("start_type", "state")
        )
    ]
    return _presence(found, listed, f"service {' or '.join(names)}")


def _presence(found: Sequence[SeenFact], listed: Sequence[SeenFact], what: str) -> Outcome:
    if found:
        return holds(f"{what}: {_told(found[0])}", (found[0].cited,))
    if len(listed) < WHOLE_LIST:
        return untested(f"{what}: no list that would name it")
    return fails(f"{what} is not among the {len(listed)} listed", (listed[0].cited,))


@issue_test("update")
def update_installed(values: Values, situation: Situation) -> Outcome:
    """A Windows update is installed ("KB938648" or "938648")."""
    wanted = {each.upper().removeprefix("KB") for each in values.texts("update")}
    listed = situation.facts("update")
    found = [seen for seen in listed if seen.fact.name.upper().removeprefix("KB") in wanted]
    return _presence(found, listed, f"update KB{' or KB'.join(sorted(wanted))}")


@issue_test("name", may=("value", "kind"))
def setting_is(values: Values, situation: Situation) -> Outcome:
    """A setting (memory, crash control or any other) has one of these values; without values, it is set at all."""
    names, wanted = values.texts("name"), values.texts("value")
    kinds = values.texts("kind") or _SETTINGS
    found = [seen for kind in kinds for seen in situation.facts(kind) if fits(seen.fact.name, names)]
    if not found:
        return untested(f"the setting {' or '.join(names)}: not known")
    inside = next((seen for seen in found if not wanted or fits(seen.fact.value, wanted)), None)
    shown = inside or found[0]
    return (holds if inside else fails)(f"{shown.fact.name} is {shown.fact.value or 'set'}", (shown.cited,))


@issue_test("what", "is")
def hardware(values: Values, situation: Situation) -> Outcome:
    """A piece of hardware (system, board, bios, cpu, memory, disk, display) fits a pattern ("*VMware*")."""
    kinds, wanted = values.texts("what"), values.texts("is")
    listed = [seen for seen in situation.facts("hardware") if fits(seen.fact.name, kinds)]
    if not listed:
        return untested(f"whether the {' or '.join(kinds)} is {' or '.join(wanted)}: not known")
    found = next((seen for seen in listed if _is_hardware(seen, wanted)), None)
    shown = found or listed[0]
    return (holds if found else fails)(f"{shown.fact.name} is {shown.fact.value}", (shown.cited,))


def _is_hardware(seen: SeenFact, wanted: tuple[str, ...]) -> bool:
    return any(fits(text, wanted) for text in (seen.fact.value, *seen.fact.fields.values()))


@issue_test("kind", may=("name", "value", "where"))
def fact(values: Values, situation: Situation) -> Outcome:
    """Any fact of a kind (knowledge/fact_kinds.tsv) whose name, value and fields fit patterns."""
    kind, names, wanted, where = (
        values.text("kind"),
        values.texts("name"),
        values.texts("value"),
        values.fields("where"),
    )
    listed = situation.facts(kind)
    for seen in listed:
        one = seen.fact
        if (
            (not names or fits(one.name, names))
            and (not wanted or fits(one.value, wanted))
            and all(fits(one.fields.get(name, ""), patterns) for name, patterns in where.items())
        ):
            return holds(f"{kind.replace('_', ' ')}: {_told(seen)}", (seen.cited,))
    shown = f"{kind.replace('_', ' ')} {' or '.join((*names, *wanted))}".strip()
    if len(listed) < WHOLE_LIST:
        return untested(f"{shown}: nothing at hand tells")
    return fails(f"{shown} is not among the {len(listed)} listed", (listed[0].cited,))
