"""Tests on drivers: is one loaded, in which version, made when, with which hash, changed on disk?

Source: the lists `drivers_seen` draws on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import DriverSeen, drivers_seen, lists_drivers, stem
from bugcheck.known_issues.situation import SeenFact, Situation
from bugcheck.known_issues.versions import in_range

_STATES = {"loaded": "was loaded", "unloaded": "had been loaded and unloaded again", "installed": "is installed"}


@issue_test("driver", specific=True)
def driver_loaded(values: Values, situation: Situation) -> Outcome:
    """One of the drivers was loaded (or, without a crash's list, is installed)."""
    names = values.texts("driver")
    found = [each for each in drivers_seen(situation, names) if each.state in _STATES]
    loaded = [each for each in found if each.state != "installed"]
    listed = lists_drivers(situation)
    if loaded or (found and not (situation.crash and "loaded at" in listed)):
        best = (loaded or found)[0]
        return holds(f"{best.name} {_STATES[best.state]}", (best.cited,))
    shown = " or ".join(names)
    if not listed:
        return untested(f"whether {shown} was loaded: no list of drivers")
    note = "; it is installed, though" if found else ""
    return fails(f"{shown} is not among {listed}{note}", situation.crash.cite("modules") if situation.crash else ())


@issue_test("driver", "version", specific=True)
def driver_version(values: Values, situation: Situation) -> Outcome:
    """A driver's file version lies in a range (">=62.26, <62.27")."""
    names, wanted = values.texts("driver"), values.text("version")
    versions = [each for each in drivers_seen(situation, names) if each.version]
    judged = [(each, in_range(each.version, wanted)) for each in versions]
    if not any(answer is not None for _, answer in judged):
        return untested(f"the version of {' or '.join(names)} (affected: {wanted}): no version resource at hand")
    best, inside = next((pair for pair in judged if pair[1]), next(pair for pair in judged if pair[1] is not None))
    sentence = f"{best.name} has version {best.version}, which is {'' if inside else 'not '}in {wanted}"
    return (holds if inside else fails)(sentence, (best.cited,))


@issue_test("driver", may=("before", "since"))
def driver_linked(values: Values, situation: Situation) -> Outcome:
    """A driver was linked before or since a day (2009-07-14), as its PE time stamp tells."""
    names = values.texts("driver")
    seen = next((each for each in drivers_seen(situation, names) if each.linked), None)
    if seen is None or seen.linked is None:
        return untested(f"when {' or '.join(names)} was made: no time stamp at hand")
    before, since = _day(values.text("before")), _day(values.text("since"))
    inside = (before is None or seen.linked < before) and (since is None or seen.linked >= since)
    sentence = f"{seen.name} was linked on {seen.linked:%Y-%m-%d}"
    return (holds if inside else fails)(sentence, (seen.cited,))


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


@issue_test("hash", may=("driver",), specific=True)
def driver_hash(values: Values, situation: Situation) -> Outcome:
    """A driver's file has one of these hashes (SHA-256, SHA-1, MD5 or Authentihash)."""
    wanted = frozenset(each.lower() for each in values.texts("hash"))
    names = values.texts("driver")
    files = [seen for seen in situation.facts("file") if not names or stem(seen.fact.name) in set(map(stem, names))]
    for seen in files:
        if _hashes(seen) & wanted:
            return holds(f"{seen.fact.name} is a file with a published hash", (seen.cited,))
    if names and files:
        return fails(f"{files[0].fact.name} has none of the {len(wanted)} published hashes", (files[0].cited,))
    return untested(f"the hash of {' or '.join(names) or 'the driver'}: no file at hand")


def _hashes(seen: SeenFact) -> frozenset[str]:
    fields = seen.fact.fields
    names = ("sha1", "md5", "sha256", "authentihash", "authentihash_sha1", "authentihash_md5")
    return frozenset(each.lower() for each in (seen.fact.value, *(fields.get(name, "") for name in names)) if each)


@issue_test("file", specific=True)
def file_differs(values: Values, situation: Situation) -> Outcome:
    """A file is not the one its maker shipped: other hash than the baseline's, or a broken signature."""
    names = values.texts("file")
    stems = frozenset(map(stem, names))
    signatures = [seen for seen in situation.facts("file_signature") if stem(seen.fact.name) in stems]
    broken = next((seen for seen in signatures if seen.fact.value == "broken"), None)
    if broken:
        return holds(f"the signature of {broken.fact.name} is broken", (broken.cited,))
    baseline = {
        seen.fact.value.lower(): seen for seen in situation.facts("baseline_file") if stem(seen.fact.name) in stems
    }
    files = [seen for seen in situation.facts("file") if stem(seen.fact.name) in stems and seen.fact.value]
    for seen in files if baseline else ():
        same = baseline.get(seen.fact.value.lower())
        if same is None:
            return holds(f"{seen.fact.name} differs from the baseline", (seen.cited,))
        return fails(f"{seen.fact.name} is the baseline's", (seen.cited, same.cited))
    valid = next((seen for seen in signatures if seen.fact.value in ("valid", "catalog")), None)
    if valid:
        return fails(f"{valid.fact.name} is signed and unchanged", (valid.cited,))
    return untested(f"whether {' or '.join(names)} was changed: needs the file, and a baseline or a signature")


@issue_test("driver", "state")
def driver_state(values: Values, situation: Situation) -> Outcome:
    """A driver is in a state by name: "loaded", "unloaded", "installed", "on disk"."""
    names, states = values.texts("driver"), values.texts("state")
    seen: list[DriverSeen] = drivers_seen(situation, names)
    found = next((each for each in seen if fits(each.state, states)), None)
    if found:
        return holds(f"{found.name}: {found.state}", (found.cited,))
    if seen or lists_drivers(situation):
        return fails(f"{' or '.join(names)} is not {' or '.join(states)}", tuple(each.cited for each in seen[:1]))
    return untested(f"the state of {' or '.join(names)}: no list of drivers")
