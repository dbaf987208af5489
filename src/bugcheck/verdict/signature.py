"""Crash and blame → the Signature: bucket names as `!analyze` writes them in each era, its hashes, and our own key.

Source: ../shared/facts/windbg.md §3.3 (hashes, solved by computation on 23 published pairs [X]) and §3.4 (bucket
strings: the samples are [V], the wording of the rules that make them is inferred [I]).

Folklore: before Windows 8 a bucket ends in the offset, afterwards only where no function is known; since 2019 an
unknown function is called that, so that one bucket holds all of a driver's crashes.  64-bit buckets begin with X64_
up to Windows 7.  FAILURE_ID_HASH is the hash of the bucket's name: the same name is the same hash on any machine.
A module blamed without a place of its code reads IMAGE_.  The engine's `(null)_` quirk is not imitated.
"""

from __future__ import annotations

import hashlib

from bugcheck.findings.access import failed_access
from bugcheck.findings.findings import Crash
from bugcheck.records import dataclass
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.bugcheck_str import access_words, application_fault, bugcheck_str, user_class
from bugcheck.verdict.eras import WINDOWS_8, Era, era_of
from bugcheck.verdict.followup import INCONCLUSIVE, Followup, corruption_pattern, follow_up
from bugcheck.verdict.thread_hashes import thread_hashes

VISTA, WINDOWS_7 = 6000, 7600
HIGHEST_KIND = 1 << 24
"""From here on a parameter that tells kinds apart is an address in its place (7A)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Names under which a crash is grouped; None is what reports of the era don't carry, or the dump doesn't tell.

    Attributes:
        bugcheck_str: "0x8E", "AV"; user dumps: "APPLICATION_FAULT_…".
        default_bucket_id: a class of crash, no culprit. bucket_id: None since 2019.
        failure_bucket_id: the name that counts.
        failure_id_hash_string: "km:" or "um:" and that name in small letters.
        failure_id_hash: its hash, "{…}"; computed for every era, though reports before 2013 don't print it.
        primary_problem_class: since Windows 8 until 2019 the bucket, in user dumps the class.
        stack_hash_module, stack_hash_function, stack_hash_offset: SHA-1 of the stack shown.
        era: whose names these are.
        own: our own key, the same in every era and for every build of the blamed module.
    """

    bugcheck_str: str
    default_bucket_id: str
    bucket_id: str | None
    failure_bucket_id: str
    failure_id_hash_string: str
    failure_id_hash: str
    primary_problem_class: str | None
    stack_hash_module: str | None
    stack_hash_function: str | None
    stack_hash_offset: str | None
    era: Era
    own: str


def failure_id_hash_string(bucket: str, kernel: bool) -> str:
    """Write FAILURE_ID_HASH_STRING of a bucket."""
    return f"{'km' if kernel else 'um'}:{bucket}".lower()


def failure_id_hash(bucket: str, kernel: bool) -> str:
    """Compute FAILURE_ID_HASH of a FAILURE_BUCKET_ID: `{82c80ae0-1521-c0e4-3113-da11fd2ebd27}`.

    It is MD5 over the UTF-16LE of FAILURE_ID_HASH_STRING without terminator, its bytes read as a little-endian GUID.
    """
    text = failure_id_hash_string(bucket, kernel=kernel).encode("utf-16-le", "surrogatepass")
    digest = hashlib.md5(text, usedforsecurity=False).digest()
    first, second, third = digest[3::-1].hex(), digest[5:3:-1].hex(), digest[7:5:-1].hex()
    return f"{{{first}-{second}-{third}-{digest[8:10].hex()}-{digest[10:].hex()}}}"


def sign(crash: Crash, blame: Blame, era: Era | None = None) -> Signature:
    """Name a crash as the debuggers of its era do. Walks the stacks.

    Raises:
        UsageError: the era given does not suit this kind of dump.
    """
    era = era_of(crash, era)
    where = follow_up(crash, blame, era)
    is_kernel = era is not Era.USER
    bucket = kernel_bucket(crash, blame, where, era) if is_kernel else _user_bucket(crash, where)
    hashes = thread_hashes(where.stack.frames) if where.stack else None
    return Signature(
        bugcheck_str=bugcheck_str(crash, era) if is_kernel else application_fault(crash),
        default_bucket_id=default_bucket_id(crash) if is_kernel else user_class(crash),
        bucket_id=_bucket_id(crash, where, era, bucket),
        failure_bucket_id=bucket,
        failure_id_hash_string=failure_id_hash_string(bucket, kernel=is_kernel),
        failure_id_hash=failure_id_hash(bucket, kernel=is_kernel),
        primary_problem_class=_problem_class(crash, era, bucket),
        stack_hash_module=hashes.module if hashes else None,
        stack_hash_function=hashes.function if hashes else None,
        stack_hash_offset=hashes.offset if hashes else None,
        era=era,
        own=own_signature(crash, where),
    )


# --- kernel ---


def kernel_bucket(crash: Crash, blame: Blame, where: Followup, era: Era) -> str:
    """Write FAILURE_BUCKET_ID of a kernel crash [I]."""
    prefix = "X64_" if era is Era.X64_TO_7 else ""
    pattern = corruption_pattern(crash, blame) if blame.module is None else ""
    if pattern:
        return f"{prefix}MEMORY_CORRUPTION_{pattern}"
    words = [bugcheck_str(crash, era), *access_words(crash, era), _where(where, era)]
    return prefix + "_".join(words)


def _where(where: Followup, era: Era) -> str:
    place = where.followup
    if place is None:
        return INCONCLUSIVE if where.symbol_name == INCONCLUSIVE else f"IMAGE_{where.image_name}"
    if era.is_modern and place.function:
        return f"{place.module}!{place.function}"
    return f"{place.module}!unknown_function" if era is Era.SINCE_2019 else place.name


def default_bucket_id(crash: Crash) -> str:
    """Write DEFAULT_BUCKET_ID of a kernel crash: a class by Windows version [V], small server dumps apart since 8."""
    system = crash.machine.system
    build = system.build if system is not None else 0
    if build < VISTA:
        return "DRIVER_FAULT" if build else "WIN8_DRIVER_FAULT"
    if build < WINDOWS_8:
        return "WIN7_DRIVER_FAULT" if build >= WINDOWS_7 else "VISTA_DRIVER_FAULT"
    is_server = system is not None and system.product_type in ("server", "domain_controller")
    return "DRIVER_FAULT_SERVER_MINIDUMP" if is_server and crash.dump.triage else "WIN8_DRIVER_FAULT"


# --- user ---


def _user_bucket(crash: Crash, where: Followup) -> str:
    """`<class>_<exception code>_<image with extension>!<function>`, `Unknown` for a function without a name."""
    exception = crash.machine.exception
    code = [f"{exception.code:x}"] if exception else []
    function = (where.followup.function if where.followup else None) or "Unknown"
    return "_".join([user_class(crash), *code, f"{where.image_name}!{function}"])


# --- both ---


def _bucket_id(crash: Crash, where: Followup, era: Era, bucket: str) -> str | None:
    if era is Era.USER:
        return f"{application_fault(crash)}_{where.symbol_name or where.module_name}"
    return None if era is Era.SINCE_2019 else bucket


def _problem_class(crash: Crash, era: Era, bucket: str) -> str | None:
    if era is Era.USER:
        return user_class(crash)
    return bucket if era is Era.WINDOWS_8 else None


def own_signature(crash: Crash, where: Followup) -> str:
    """Our own grouping key: what happened, whose module, and where in it, as far as that outlives a new build.

    Which kind of a bug check it was (1A 41792, 9F 3, 139 3) is part of what happened.  A function's name outlives a
    build; an offset does not, so a place without a name counts by what was done to which kind of
    address there ("write null").  Parts are separated by `|`, small letters throughout but for the function.
    """
    check, exception = crash.bugcheck, crash.machine.exception
    what = [f"{check.code:x}"] if check else []
    what += [f"{value:x}" for value in _kind(crash)]
    what += [f"{exception.code:08x}"] if exception else []
    function = where.followup.function if where.followup else None
    return "|".join([" ".join(what) or "no exception", where.module_name.lower(), function or _access_class(crash)])


def _kind(crash: Crash) -> list[int]:
    """Which kind of its bug check this is; not for failed accesses, whose kind of fault depends on the build."""
    check = crash.bugcheck
    if check is None or failed_access(crash) is not None:
        return []
    return [each.value for each in check.parameters if each.role == "subtype" and each.value < HIGHEST_KIND]


def _access_class(crash: Crash) -> str:
    access = failed_access(crash)
    return f"{access.kind} {access.what.name}" if access else "?"
