"""Lists of programs → is a product installed, in a range of versions?

Source: facts of kinds `software` and `security_product` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.host_tests import WHOLE_LIST, told
from bugcheck.known_issues.situation import Situation
from bugcheck.known_issues.versions import in_range

_SOFTWARE = ("software", "security_product")


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
        return holds(f"{told(found[0])} is installed", (found[0].cited,))
    judged = [(seen, in_range(seen.fact.value, wanted)) for seen in found]
    best = next((pair for pair in judged if pair[1]), next((pair for pair in judged if pair[1] is not None), None))
    if best is None:
        return untested(f"the version of {found[0].fact.name} (affected: {wanted}): not known")
    sentence = f"{told(best[0])} is installed, which is {'' if best[1] else 'not '}in {wanted}"
    return (holds if best[1] else fails)(sentence, (best[0].cited,))
