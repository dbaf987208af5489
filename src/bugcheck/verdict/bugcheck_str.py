"""A Crash → the words before the place in a bucket: BUGCHECK_STR, what was accessed how, and the problem class.

Source: the samples of ../shared/facts/windbg.md §3.4 [V]; FAST_FAIL_… of winnt.h for the subcodes of 0x139.  The
samples show which words occur, not when: every rule here is inferred from them [I].

- 0x1E carries its exception code, and for access violations R or W; other checks W, only where a parameter says write,
  and since Windows 8 only 0x50.
- Since Windows 8 an access violation is `AV`, whichever check reported it (seen for D1, 7E, 3B; 0A, 50 and 8E by
  analogy), but not for 0x1E.
- VRF stands where Driver Verifier was on; CODE_AV_PAGED_IP where the address that could not be read is the
  instruction's own, in a loaded module.

Folklore: letters of a code are in capitals (0xD1), but not in every code (0x13a): that is a matter of who wrote the
rule, so the exceptions are a list.
"""

from __future__ import annotations

from bugcheck.findings.access import failed_access
from bugcheck.findings.address_kinds import NULL_PAGE
from bugcheck.findings.findings import Crash
from bugcheck.machine.exception import ACCESS_VIOLATION
from bugcheck.machine.memory_manager import read_memory_manager
from bugcheck.verdict.eras import Era

LOWER_CASE = frozenset([0x1A, 0x7A, 0xC4, 0x13A])
"""Codes written in small letters: 0x13a [V]; the others from memory of many outputs [B]."""
DETAIL = {0x19: 0, 0x1A: 0, 0x1E: 0, 0x4E: 0, 0x5A: 0, 0x7A: 1, 0x9F: 0, 0xC4: 0, 0x139: 0, 0x13A: 0}
"""Code → the parameter (from 0) that is part of BUGCHECK_STR: 1E, 5A, 9F, 139, 13A [V], the others [B]."""
ALWAYS_ACCESS, WITH_EXCEPTION = frozenset([0x0A, 0x50, 0xD1]), frozenset([0x3B, 0x7E, 0x8E])
"""Checks that always are access violations, and those that are when their exception is one."""
MODERN_WRITES = frozenset([0x50])
"""Of them, those whose bucket still tells a write since Windows 8: 50 does, D1 does not [V, two samples each]."""
FAST_FAIL = (
    "LEGACY_GS_VIOLATION", "VTGUARD_CHECK_FAILURE", "STACK_COOKIE_CHECK_FAILURE", "CORRUPT_LIST_ENTRY",
    "INCORRECT_STACK", "INVALID_ARG", "GS_COOKIE_INIT", "FATAL_APP_EXIT", "RANGE_CHECK_FAILURE",
    "UNSAFE_REGISTRY_ACCESS", "GUARD_ICALL_CHECK_FAILURE", "GUARD_WRITE_CHECK_FAILURE", "INVALID_FIBER_SWITCH",
    "INVALID_SET_OF_CONTEXT", "INVALID_REFERENCE_COUNT", "", "", "", "INVALID_JUMP_BUFFER", "MRDATA_MODIFIED",
    "CERTIFICATION_FAILURE", "INVALID_EXCEPTION_CHAIN", "CRYPTO_LIBRARY", "INVALID_CALL_IN_DLL_CALLOUT",
    "INVALID_IMAGE_BASE", "DLOAD_PROTECTION_FAILURE", "UNSAFE_EXTENSION_CALL", "DEPRECATED_SERVICE_INVOKED",
    "INVALID_BUFFER_ACCESS", "INVALID_BALANCED_TREE", "INVALID_NEXT_THREAD", "GUARD_ICALL_CHECK_SUPPRESSED",
    "APCS_DISABLED", "INVALID_IDLE_STATE", "MRDATA_PROTECTION_FAILURE", "UNEXPECTED_HEAP_EXCEPTION",
    "INVALID_LOCK_STATE",
)  # fmt: skip
"""Names of 0x139's parameter 1, by number (winnt.h FAST_FAIL_…)."""
USER_CLASSES = {
    0x8000_0003: "BREAKPOINT",
    0xC000_001D: "ILLEGAL_INSTRUCTION",
    0xC000_0094: "INTEGER_DIVIDE_BY_ZERO",
    0xC000_00FD: "STACK_OVERFLOW",
    0xC000_0374: "HEAP_CORRUPTION",
    0xC000_0409: "FAIL_FAST",
    0xE043_4352: "CLR_EXCEPTION",
    0xE06D_7363: "CPP_EXCEPTION",
}
"""Exception code → problem class of a user dump: BREAKPOINT, HEAP_CORRUPTION, CLR_EXCEPTION,
INTEGER_DIVIDE_BY_ZERO [V], the others [B]."""
OTHER_CLASS = "APPLICATION_FAULT"
MASK32 = 0xFFFF_FFFF


def bugcheck_str(crash: Crash, era: Era) -> str:
    """Write BUGCHECK_STR of a kernel crash: `0x8E`, `0x9F_3`, `0x1E_c0000005_R`, `AV`; "" for user dumps."""
    check = crash.bugcheck
    if check is None:
        return ""
    if era.is_modern and is_access_violation(crash):
        return "AV"
    text = f"0x{check.code:x}" if check.code in LOWER_CASE else f"0x{check.code:X}"
    index = DETAIL.get(check.code)
    if index is None:
        return text
    value = check.parameters[index].value & MASK32
    words = [text, f"{value:x}", *_detail_words(crash, check.code, value)]
    return "_".join(words)


def _detail_words(crash: Crash, code: int, value: int) -> list[str]:
    if code == 0x139 and value < len(FAST_FAIL) and FAST_FAIL[value]:
        return [FAST_FAIL[value]]
    if code == 0x1E and value == ACCESS_VIOLATION:
        access = failed_access(crash)
        return {"read": ["R"], "write": ["W"]}.get(access.kind, []) if access else []
    return []


def is_access_violation(crash: Crash) -> bool:
    """Tell whether a kernel crash is of the class that is named AV since Windows 8."""
    check = crash.bugcheck
    if check is None:
        return False
    if check.code in ALWAYS_ACCESS:
        return True
    return check.code in WITH_EXCEPTION and check.parameters[0].value & MASK32 == ACCESS_VIOLATION


def access_words(crash: Crash, era: Era) -> list[str]:
    """The words between BUGCHECK_STR and the place: W, VRF, CODE_AV_PAGED_IP."""
    words: list[str] = []
    access = failed_access(crash)
    check = crash.bugcheck
    writers = MODERN_WRITES if era.is_modern else ALWAYS_ACCESS
    if access is not None and access.kind == "write" and check is not None and check.code in writers:
        words.append("W")
    if is_verified(crash):
        words.append("VRF")
    if era.is_modern and access is not None and is_access_violation(crash) and _executes(crash, access.address):
        words.append("CODE_AV_PAGED_IP")
    return words


def _executes(crash: Crash, address: int) -> bool:
    return address == crash.faulting_address and crash.modules.at(address) is not None


def is_verified(crash: Crash) -> bool:
    """Tell whether Driver Verifier was on, as far as the dump, or the log in its place, says it."""
    if crash.dump.log is not None:
        told = (crash.dump.log.field(name) for name in ("DEFAULT_BUCKET_ID", "FAILURE_BUCKET_ID", "BUCKET_ID"))
        return any(text.startswith("VERIFIER_ENABLED") or "_VRF_" in text for text in told)
    totals = read_memory_manager(crash.dump)
    return totals is not None and bool(totals.driver_verifier_level)


def user_class(crash: Crash) -> str:
    """The problem class of a user dump: INVALID_POINTER_READ [V], NULL_POINTER_WRITE [B], BREAKPOINT, …"""
    exception = crash.machine.exception
    if exception is None:
        return OTHER_CLASS
    access = failed_access(crash)
    if exception.code != ACCESS_VIOLATION or access is None or access.kind not in ("read", "write", "execute"):
        return USER_CLASSES.get(exception.code, OTHER_CLASS)
    if access.kind == "execute":
        return "SOFTWARE_NX_FAULT"
    return f"{'NULL' if access.address < NULL_PAGE else 'INVALID'}_POINTER_{access.kind.upper()}"


def application_fault(crash: Crash) -> str:
    """Write BUGCHECK_STR of a user dump: `APPLICATION_FAULT_` and its class, once."""
    name = user_class(crash)
    return name if name == OTHER_CLASS else f"{OTHER_CLASS}_{name}"
