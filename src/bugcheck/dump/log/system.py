"""The preamble and the build fields of a log → LogSystem.

Source: what debuggers print on opening a dump (../shared/story/transcript.txt and the logs of
docs/logs-read.md); DEFAULT_BUCKET_ID by Windows version (../shared/facts/windbg.md §3.4).

Folklore: the session time is printed in the zone of whoever debugged.  A log without preamble still dates itself by the
class in DEFAULT_BUCKET_ID and by which fields it has, well enough to choose the names its crash has.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bugcheck.dump.log.facts import LogSystem
from bugcheck.dump.log.sections import Log

_KERNEL = re.compile(
    r"^(Windows .{1,60}?) (?:Kernel )?Version (\d{4,5})\b(?:.*?\(Service Pack (\d)\b)?(?:.*?\((\d{1,4}) procs\))?"
)
_BUILT = re.compile(r"^(?:Built by|Edition build lab): (\d{4,5}\.[\w.-]{1,100})")
_SESSION = re.compile(
    r"^Debug session time: \w{3} (\w{3}) +(\d{1,2}) (\d{1,2}:\d{2}:\d{2})(?:\.(\d{1,3}))? (\d{4})"
    r"(?: \((?:UTC|GMT) ?([+-]) ?(\d{1,2}):(\d{2})\))?"
)
_UPTIME = re.compile(r"^System Uptime: (\d{1,5}) days (\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?")
_BUILD = re.compile(r"^(?:\d{1,2}\.\d\.)?(\d{4,5})\b")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
GUESSES = (
    ("VISTA_", 6002), ("WIN7_", 7601), ("WIN8_", 9600),
    ("DRIVER_FAULT_SERVER_MINIDUMP", 9600), ("DRIVER_FAULT", 3790), ("COMMON_SYSTEM_FAULT", 3790),
    ("INTEL_CPU_MICROCODE_ZERO", 3790),
)  # fmt: skip
"""Class of crash → a build of its time."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read_system(log: Log) -> LogSystem:
    """Read what the log tells of the machine."""
    kernel = next((match for line in log.loose if (match := _KERNEL.match(line))), None)
    lab = next((match[1] for line in log.loose if (match := _BUILT.match(line))), "") or _lab_field(log)
    build = int(kernel[2]) if kernel else _field_build(log) or _lab_build(lab)
    processors = int(kernel[4]) if kernel and kernel[4] else None
    product = next((line for line in log.loose if line.startswith("Product: ")), "")
    return LogSystem(
        os=kernel[1] if kernel else "",
        build=build or _guess(log),
        is_build_guess=not build,
        build_lab=lab,
        service_pack=int(kernel[3]) if kernel and kernel[3] else None,
        processors=processors,
        is_server=product[9:15] in ("Server", "LanMan") if product else None,
        time=_time(log),
        uptime=_uptime(log),
    )


def _lab_field(log: Log) -> str:
    text = log.first("BUILD_VERSION_STRING")
    return text if re.fullmatch(r"\d{4,5}\.\d{1,6}\.[\w.-]{1,80}", text) else ""


def _lab_build(lab: str) -> int:
    match = _BUILD.match(lab)
    return int(match[1]) if match else 0


def _field_build(log: Log) -> int:
    for name in ("OS_VERSION", "BUILD_VERSION_STRING", "OSBUILD", "OS_BUILD"):
        match = _BUILD.match(log.first(name))
        if match is not None:
            return int(match[1])
    return 0


def _guess(log: Log) -> int:
    """A build of the time the log's fields belong to; 0 where they are the newest."""
    if log.lines("KEY_VALUES_STRING") or log.lines("BUGCHECK_CODE"):
        return 0
    if log.first("FAILURE_BUCKET_ID", "BUCKET_ID").startswith("X64_"):
        return 7601
    words = log.first("DEFAULT_BUCKET_ID").removeprefix("VERIFIER_ENABLED_")
    told = next((build for word, build in GUESSES if words.startswith(word)), 0)
    if not told and (log.lines("FAILURE_ID_HASH") or log.lines("PRIMARY_PROBLEM_CLASS")):
        return 9600
    return told


def _time(log: Log) -> int:
    match = next((match for line in log.loose if (match := _SESSION.match(line))), None)
    if match is None or match[1] not in _MONTHS:
        return 0
    hour, minute, second = (int(part) for part in match[3].split(":"))
    try:
        moment = datetime(
            int(match[5]), _MONTHS.index(match[1]) + 1, int(match[2]), hour, minute, second,
            int((match[4] or "0").ljust(6, "0")), tzinfo=UTC,
        )  # fmt: skip
        offset = timedelta(hours=int(match[7] or 0), minutes=int(match[8] or 0))
        moment = moment + offset if match[6] == "-" else moment - offset
    except (ValueError, OverflowError):
        return 0
    return max(0, (moment - _EPOCH) // timedelta(microseconds=1) * 10)


def _uptime(log: Log) -> int:
    match = next((match for line in log.loose if (match := _UPTIME.match(line))), None)
    if match is None:
        return 0
    days, hours, minutes, seconds = (int(match[n]) for n in range(1, 5))
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return whole * 10_000_000 + int((match[5] or "0").ljust(7, "0"))
