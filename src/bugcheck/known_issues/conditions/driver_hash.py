"""Files at hand → has a driver's file a published hash?

Source: facts of kind `file` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import SeenFact, Situation


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
