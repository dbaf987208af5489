"""Files, signatures and a baseline → is a file not the one its maker shipped?

Source: facts of kinds `file`, `file_signature` and `baseline_file` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import Situation


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
