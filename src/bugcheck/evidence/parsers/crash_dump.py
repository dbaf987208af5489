"""A dump, or a debugger's log of one → CrashSeen: the one place where the incident meets the crash.

Source: the crash's own stages; what is taken out of an Analysis is told in `evidence.CrashSeen`.

Folklore: a text that quotes a debugger's analysis (a forum post, an administrator's report) is a log too, and one file
may hold several.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import DUMP_FORMATS, Dump
from bugcheck.dump.open import read_dump
from bugcheck.errors import MemoryFault
from bugcheck.evidence.crash_facts import facts_of_crash
from bugcheck.evidence.evidence import LIKELY, NO, SURE, CrashSeen, FindingSeen, ModuleSeen, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.findings.access import failed_access
from bugcheck.findings.findings import Crash
from bugcheck.gaps import Gap
from bugcheck.machine.machine import Machine
from bugcheck.machine.module_details import read_module_details
from bugcheck.machine.modules import Module
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.signature import sign
from bugcheck.verdict.verdict import judge

MOST_LEVELS = 40
SMALL_DUMP_BIT = 0x1000_0000
LOG_WORDS = ("STACK_TEXT", "FAILURE_BUCKET_ID", "BUGCHECK_STR", "BugCheck ", "Bugcheck Analysis", "EXCEPTION_RECORD")


def is_dump(source: Source) -> int:
    """Tell by a format's magic and its own probe."""
    head = source.head[:16]
    formats = (each for each in DUMP_FORMATS if head.startswith(each.magic))
    return SURE if any(each.probe(source.view) for each in formats) else NO


def is_log(source: Source) -> int:
    """Tell by a debugger's field names; whether there is enough of an analysis is seen when it is read."""
    text = source.head_text
    found = sum(word in text for word in LOG_WORDS)
    return SURE - 1 if found >= 2 else LIKELY if found else NO


@evidence_parser("crash_dump", probe=is_dump, names=("*.dmp", "*.mdmp", "*.hdmp", "*.kdmp"))
def crash_dump(source: Source) -> Iterator[Record]:
    """A crash dump of the kernel or of a process, analysed."""
    yield from crashes_of(source, [read_dump(source.view)])


@evidence_parser("windbg_log", probe=is_log, names=("*.txt", "*.log"))
def windbg_log(source: Source) -> Iterator[Record]:
    """What WinDbg's !analyze printed of a crash."""
    from bugcheck.dump.log.read import read_logs

    dumps = read_logs(source.view)
    if not dumps:
        yield Gap(f"the crash {source.path} speaks of", "enough of a debugger's analysis")
    yield from crashes_of(source, dumps)


def crashes_of(source: Source, dumps: Iterable[Dump]) -> Iterator[Record]:
    """Analyse dumps and yield what the incident wants to know of each."""
    for number, dump in enumerate(dumps, 1):
        started = time.perf_counter()
        crash = Crash(Machine(dump, source.symbols))
        crash.images = _program_files(source, crash) if dump.log is None else ()
        analysis = Analysis(source.path, source.sha256, crash, judge(crash), 0.0)
        where = "the dump" if dump.log is None else f"log {number}"
        seen = _seen(analysis, where, time.perf_counter() - started)
        yield seen
        yield from facts_of_crash(seen, where)
        yield from (gap for gap in analysis.gaps if gap.damage)


def _program_files(source: Source, crash: Crash) -> tuple[BinaryView, ...]:
    """The case's own files of the modules on the stack: the build may be another, which the comparison tells."""
    stack = crash.telling_stack
    found = (crash.modules.at(frame.ip) for frame in (stack.frames if stack else ())[:MOST_LEVELS])
    names = dict.fromkeys(module.image for module in found if module is not None)
    return tuple(each.view for name in names for each in source.programs(name))


def _seen(analysis: Analysis, where: str, seconds: float) -> CrashSeen:
    system, check, blame = analysis.system, analysis.bugcheck, analysis.blame
    signature, stack = sign(analysis.crash, blame), analysis.crash.telling_stack
    process, access = analysis.machine.process, failed_access(analysis.crash)
    image = analysis.modules.named(blame.module) if blame.module else None
    finished = Analysis(analysis.path, analysis.sha256, analysis.crash, analysis.verdict, seconds)
    return CrashSeen(
        time=system.crash_time if system else None,
        code=check.code & ~SMALL_DUMP_BIT if check else None,
        name=check.name if check else "",
        parameters=tuple(parameter.value for parameter in check.parameters) if check else (),
        signature=signature.own,
        bucket=signature.failure_bucket_id or "",
        headline=analysis.headline,
        level=blame.level,
        confidence=blame.confidence,
        category=blame.category.value,
        module=blame.module,
        image=image.image if image else None,
        process=(process.name if process else "") or "",
        uptime=system.uptime_seconds if system else None,
        manual=bool(check and check.is_manual),
        modules=tuple(_module(analysis, module) for module in analysis.modules),
        unloaded=tuple(module.name for module in analysis.machine.unloaded_modules),
        stack=tuple(frame.name for frame in stack.frames) if stack else (),
        findings=tuple(
            FindingSeen(each.rule, each.statement, each.weight, each.category.value, each.module)
            for each in analysis.findings
        ),
        where=where,
        utc_offset=system.utc_offset_seconds if system else None,
        access=access.kind if access else "",
        access_address=access.address if access else None,
        build=system.build if system else None,
        architecture=analysis.machine.architecture.value,
        os=system.os if system else "",
        format=analysis.machine.dump.format,
        analysis=finished,
    )


def _module(analysis: Analysis, module: Module) -> ModuleSeen:
    facts = analysis.crash.driver_facts(module)
    return ModuleSeen(
        module.name,
        module.image,
        module.path,
        module.time_date_stamp,
        module.size,
        module.checksum,
        _version(analysis, module),
        facts.vendor if facts else "",
        facts.product if facts else "",
    )


def _version(analysis: Analysis, module: Module) -> str:
    try:
        return read_module_details(module, analysis.machine.memory).version
    except MemoryFault:
        return ""
