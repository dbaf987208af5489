"""Tests on the crash itself: bug check, blamed module, stack, failed access, process, request.

Source: the verdict and the findings of the analysed dump, or the little a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, duration, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import CrashFacts, Situation

NO_CRASH = "no crash at hand"
_NO_MODULE = ("hardware", "configuration")
"""Categories of a verdict that clear every module."""


@issue_test("code")
def bugcheck(values: Values, situation: Situation) -> Outcome:
    """The bug check is one of these: "8E", with the first parameter "7F/8", with several "8E/C0000005/BF8154D7"."""
    crash, codes = situation.crash, values.texts("code")
    if crash is None or crash.code is None:
        return untested(f"bug check {' or '.join(codes)}: {NO_CRASH}")
    shown = f"{crash.code:X}" + "".join(f"/{each:X}" for each in crash.parameters[:2])
    if any(_is_bugcheck(crash, code) for code in codes):
        return holds(f"bug check {shown}", crash.cite("bug check"))
    return fails(f"bug check {shown} is not {' or '.join(codes)}", crash.cite("bug check"))


def _is_bugcheck(crash: CrashFacts, text: str) -> bool:
    try:
        code, *parameters = [None if part in ("", "*") else int(part, 16) for part in text.split("/")]
    except ValueError:
        return False
    pairs = zip(parameters, crash.parameters, strict=False)
    return (
        code == crash.code
        and len(parameters) <= len(crash.parameters)
        and all(wanted is None or wanted == (found & 0xFFFF_FFFF if wanted >> 32 == 0 else found)
                for wanted, found in pairs)
    )  # fmt: skip


@issue_test("number", may=("value", "near"))
def parameter(values: Values, situation: Situation) -> Outcome:
    """A parameter of the bug check (1 to 4) is one of some values, or near null (near = "null")."""
    crash, number = situation.crash, values.number("number") or 0
    if crash is None or not 1 <= number <= len(crash.parameters):
        return untested(f"parameter {number} of the bug check: {NO_CRASH if crash is None else 'not known'}")
    value, wanted = crash.parameters[number - 1], values.numbers("value")
    inside = value in wanted or (values.text("near") == "null" and value < 0x1_0000)
    return (holds if inside else fails)(f"parameter {number} is {value:#x}", crash.cite(f"parameter {number}"))


@issue_test("module", specific=True)
def module_blamed(values: Values, situation: Situation) -> Outcome:
    """The verdict blames one of these modules."""
    crash, names = situation.crash, values.texts("module")
    if crash is None or not crash.level:
        return untested(f"whether {' or '.join(names)} is to blame: {NO_CRASH if crash is None else 'no analysis'}")
    blamed = crash.image or crash.module
    if blamed is None and crash.level != "none" and crash.category in _NO_MODULE:
        return fails(f"{crash.category} is blamed, not {' or '.join(names)}", crash.cite("verdict"))
    if blamed is None:
        return untested(f"whether {' or '.join(names)} is to blame: the analysis blames no module")
    guilty = {stem(each) for each in (crash.image, crash.module) if each}
    cited = crash.cite("verdict")
    if guilty & set(map(stem, names)):
        return holds(f"{blamed} is blamed ({crash.level} confidence)", cited)
    return fails(f"{blamed} is blamed, not {' or '.join(names)}", cited)


@issue_test("category")
def category_blamed(values: Values, situation: Situation) -> Outcome:
    """The verdict blames this kind of thing: driver, hardware, software, corruption, configuration."""
    crash, wanted = situation.crash, values.texts("category")
    if crash is None or crash.level in ("", "none"):
        return untested(f"whether {' or '.join(wanted)} is to blame: {NO_CRASH if crash is None else 'no verdict'}")
    return (holds if fits(crash.category, wanted) else fails)(f"{crash.category} is blamed", crash.cite("verdict"))


@issue_test("function", specific=True)
def frame_on_stack(values: Values, situation: Situation) -> Outcome:
    """A function or module is on the telling stack: "nt!NtOpenSection", "NtOpenSection", "savrt", "savrt!*"."""
    crash, wanted = situation.crash, values.texts("function")
    if crash is None or not crash.stack:
        return untested(f"whether {' or '.join(wanted)} is on the stack: {NO_CRASH if crash is None else 'no stack'}")
    for call in crash.stack:
        if _is_frame(call.name, wanted):
            return holds(f"{call.name} is on the stack", crash.cite(f"stack, {call.name}"))
    shown = " or ".join(wanted)
    nameless = _nameless(crash, wanted)
    if crash.whole_stack and not nameless:
        return fails(f"{shown} is not on the stack, which is whole", crash.cite("stack"))
    reason = f"{nameless} has no symbols" if nameless else "the stack is cut off"
    return untested(f"whether {shown} is on the stack: {reason}")


def _nameless(crash: CrashFacts, wanted: tuple[str, ...]) -> str:
    """Name the module of a level without symbols that may be the function, or ""."""
    return next((call.name for call in crash.stack if "!" not in call.name and _may_be_in(call.name, wanted)), "")


def _may_be_in(module: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether a level without a name may be the function: where the module is the wanted one, or any may be."""
    modules = [each.partition("!")[0] for each in wanted if "!" in each]
    return not modules or any(fits(stem(module), (stem(each),)) for each in modules)


def _is_frame(name: str, wanted: tuple[str, ...]) -> bool:
    """Compare `module!function` with a wanted one, which may leave the module or the function out."""
    module, _, function = name.partition("!")
    for each in wanted:
        first, mark, second = each.partition("!")
        if mark and fits(stem(module), (stem(first),)) and fits(function, (second,)):
            return True
        if not mark and (fits(stem(module), (stem(first),)) or (function and fits(function, (first,)))):
            return True
    return False


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


@issue_test("name")
def process(values: Values, situation: Situation) -> Outcome:
    """The current process is one of these file names."""
    crash, names = situation.crash, values.texts("name")
    if crash is None or not crash.process:
        return untested(f"whether {' or '.join(names)} was running: {NO_CRASH if crash is None else 'not known'}")
    # the kernel keeps 15 characters of a name
    inside = fits(crash.process, names) or fits(crash.process, tuple(name[:15] for name in names))
    sentence = f"the current process is {crash.process}" + ("" if inside else f", not {' or '.join(names)}")
    return (holds if inside else fails)(sentence, crash.cite("process"))


@issue_test("code", specific=True)
def control_code(values: Values, situation: Situation) -> Outcome:
    """The stack shows a device control request with one of these codes."""
    crash, codes = situation.crash, values.numbers("code")
    shown = " or ".join(f"{code:#010x}" for code in codes)
    if crash is None or not crash.control_codes:
        return untested(f"whether control code {shown} was sent: {NO_CRASH if crash is None else 'none was found'}")
    found = ", ".join(f"{code:#010x}" for code in crash.control_codes)
    inside = bool(set(codes) & set(crash.control_codes))
    sentence = f"control code {found} is on the stack" + ("" if inside else f", not {shown}")
    return (holds if inside else fails)(sentence, crash.cite("stack"))


@issue_test("name")
def system_call(values: Values, situation: Situation) -> Outcome:
    """The crash came in one of these system calls ("NtOpenSection"; Zw and Nt are one)."""
    crash, names = situation.crash, values.texts("name")
    called = _system_call(crash) if crash else ""
    if crash is None or not called:
        return untested(f"whether {' or '.join(names)} was called: {NO_CRASH if crash is None else 'not known'}")
    inside = fits(called, tuple("Nt" + name[2:] if name.startswith("Zw") else name for name in names))
    sentence = f"the system call is {called}" + ("" if inside else f", not {' or '.join(names)}")
    return (holds if inside else fails)(sentence, crash.cite("stack"))


def _system_call(crash: CrashFacts) -> str:
    """Name the outermost Nt function of the kernel; a device control request tells its call without symbols."""
    for call in reversed(crash.stack):
        module, _, function = call.name.partition("!")
        if stem(module) == "nt" and function.startswith("Nt") and function[2:3].isupper():
            return function
    return "NtDeviceIoControlFile" if crash.control_codes else ""


@issue_test("function", "number", "value", specific=True)
def call_argument(values: Values, situation: Situation) -> Outcome:
    """An argument (1 to 3) of a function on the stack has one of these values, as a 32-bit stack shows it."""
    crash, wanted, number = situation.crash, values.texts("function"), values.number("number") or 0
    shown = " or ".join(wanted)
    if crash is None or not crash.stack:
        return untested(f"argument {number} of {shown}: {NO_CRASH if crash is None else 'no stack'}")
    calls = [call for call in crash.stack if _is_frame(call.name, wanted)]
    if not calls and crash.whole_stack and not _nameless(crash, wanted):
        return fails(f"{shown} was not called: it is not on the stack", crash.cite("stack"))
    known = [call for call in calls if 1 <= number <= len(call.arguments)]
    if not known or crash.architecture != "x86":
        return untested(f"argument {number} of {shown}: the stack does not show it")
    value = known[0].arguments[number - 1]
    inside = value in values.numbers("value")
    return (holds if inside else fails)(f"argument {number} of {known[0].name} is {value:#x}", crash.cite("stack"))


@issue_test("name", specific=True)
def bucket(values: Values, situation: Situation) -> Outcome:
    """The crash's bucket or signature fits a pattern ("*_SYMEFASI!*")."""
    crash, names = situation.crash, values.texts("name")
    known = [each for each in (crash.bucket, crash.signature) if each] if crash else []
    if crash is None or not known:
        return untested(f"whether the bucket is {' or '.join(names)}: {NO_CRASH if crash is None else 'none is known'}")
    found = next((each for each in known if fits(each, names)), None)
    if found:
        return holds(f"the bucket is {found}", crash.cite("bucket"))
    return fails(f"the bucket is {known[0]}", crash.cite("bucket"))


@issue_test("rule", may=("says",))
def finding(values: Values, situation: Situation) -> Outcome:
    """The analysis has a finding of a rule, whose statement fits a pattern where one is given."""
    crash, rules, says = situation.crash, values.texts("rule"), values.texts("says")
    if crash is None or not crash.findings:
        return untested(f"the finding {' or '.join(rules)}: {NO_CRASH if crash is None else 'no analysis'}")
    for each in crash.findings:
        if fits(each.rule, rules) and (not says or fits(each.statement, says)):
            return holds(each.statement, crash.cite(f"finding {each.rule}"))
    return fails(f"the analysis has no finding {' or '.join(rules)} that says so", crash.cite("findings"))


@issue_test(may=("below", "above"))
def uptime(values: Values, situation: Situation) -> Outcome:
    """The system had been running for less than (below) or more than (above) some time ("10 minutes")."""
    crash, below, above = situation.crash, duration(values.text("below")), duration(values.text("above"))
    if crash is None or crash.uptime is None:
        return untested(f"how long the system had been running: {NO_CRASH if crash is None else 'not known'}")
    seconds = crash.uptime
    inside = (not below or seconds < below.total_seconds()) and (not above or seconds > above.total_seconds())
    wanted = " ".join(f"{name} {values.text(name)}" for name in ("below", "above") if values.text(name))
    sentence = f"the system had been running for {seconds / 60:,.0f} minutes" + ("" if inside else f", not {wanted}")
    return (holds if inside else fails)(sentence, crash.cite("header"))


@issue_test("is")
def effect(values: Values, situation: Situation) -> Outcome:
    """The system stopped by itself ("crash"), or hung until somebody stopped it ("hang")."""
    crash, wanted = situation.crash, values.texts("is")
    if crash is None:
        return untested(f"whether the effect is a {' or '.join(wanted)}: {NO_CRASH}")
    inside = fits(crash.effect, wanted)
    sentence = f"the effect is a {crash.effect}" + ("" if inside else f", not a {' or '.join(wanted)}")
    return (holds if inside else fails)(sentence, crash.cite("bug check"))
