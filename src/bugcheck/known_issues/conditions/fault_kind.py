"""The failed access → is it of a kind, to a kind of address?

Source: the faulting instruction of the analysed dump, or its bug check's parameters.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test(may=("access", "address"))
def fault_kind(values: Values, situation: Situation) -> Outcome:
    """The failed access is of a kind (read, write, execute) to a kind of address (null, near_null, other)."""
    crash, access, address = situation.crash, values.texts("access"), values.texts("address")
    wanted = " ".join(part for part in (" or ".join(access), "of " + " or ".join(address) if address else "") if part)
    if crash is None or crash.fault is None:
        return untested(f"whether the fault is a {wanted}: {NO_CRASH if crash is None else 'the access is not known'}")
    fault = crash.fault
    if (access and fault.kind == "touched") or (address and fault.address is None):
        return untested(f"whether the fault is a {wanted}: the access is only partly known")
    place = "" if fault.address is None else f" of address {fault.address:#x}"
    inside = (not access or fault.kind in access) and (not address or bool(fault.classes & set(address)))
    sentence = f"the fault is a {fault.kind}{place}" + ("" if inside else f", not a {wanted}")
    return (holds if inside else fails)(sentence, crash.cite("faulting instruction"))
