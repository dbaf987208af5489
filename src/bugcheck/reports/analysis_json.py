"""An Analysis → the object of `bugcheck analyze --json` (schema bugcheck.analysis/1, docs/reference/json.md).

Addresses and other 64-bit values are `0x…` strings, sizes and seconds numbers, times ISO 8601 UTC.  What the dump
does not hold is null, and `gaps` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Finding
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.context import Context
from bugcheck.machine.exception import ExceptionRecord
from bugcheck.machine.module_details import link_time
from bugcheck.machine.modules import Module
from bugcheck.machine.secondary_data import decode_secondary_data
from bugcheck.stack.frame import Frame
from bugcheck.stack.stacks import NamedStack, thread_stacks
from bugcheck.timestamps import format_utc, from_filetime
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.signature import sign

if TYPE_CHECKING:
    from bugcheck.known_issues.matching import Match

SCHEMA = "bugcheck.analysis/1"
MAX_WALKED = 1024
"""Threads whose stacks are walked; a process with more is told so in `gaps`."""
Json = dict[str, Any]


def analysis_json(analysis: Analysis, known_issues: Sequence[Match] = ()) -> Json:
    """Build the whole object."""
    machine = analysis.machine
    stack, fault_stack = _stack(analysis.crash.stack), _stack(analysis.crash.fault_stack)
    return {
        "schema": SCHEMA,
        "file": {"path": analysis.path, "size": analysis.dump.file.size, "sha256": analysis.sha256},
        "dump": _dump(analysis),
        "system": _system(analysis),
        "bugcheck": _bugcheck(analysis.bugcheck),
        "exception": _exception(machine.exception),
        "faulting_instruction": _faulting_instruction(analysis),
        "context": _context(machine.fault_context),
        "contexts": [_context(context) for context in machine.contexts],
        "irql": machine.irql,
        "process": _process(analysis),
        "thread": _thread(analysis),
        "modules": [_module(module, analysis) for module in machine.modules],
        "unloaded_modules": _unloaded(analysis),
        "stack": stack,
        "fault_stack": fault_stack,
        "threads": _threads(analysis),
        "processors": _processors(analysis),
        "verdict": {"headline": analysis.headline},
        "findings": [_finding(finding) for finding in analysis.findings],
        "blame": _blame(analysis.blame, analysis),
        "known_issues": _known_issues(known_issues),
        "signature": _signature(analysis),
        "secondary_data": _secondary_data(analysis),
        "gaps": [_gap(gap) for gap in (*analysis.gaps, *_unwalked(analysis))],
        "seconds": round(analysis.seconds, 4),
    }


def _known_issues(matches: Sequence[Match]) -> list[Json]:
    if not matches:
        return []
    from bugcheck.reports.known_issue_document import match_json

    return [match_json(each) for each in matches]


def _signature(analysis: Analysis) -> Json:
    signature = sign(analysis.crash, analysis.blame)
    return {
        "era": signature.era.value,
        "bugcheck_str": signature.bugcheck_str,
        "default_bucket_id": signature.default_bucket_id,
        "bucket_id": signature.bucket_id,
        "failure_bucket_id": signature.failure_bucket_id,
        "failure_id_hash_string": signature.failure_id_hash_string,
        "failure_id_hash": signature.failure_id_hash,
        "primary_problem_class": signature.primary_problem_class,
        "stack_hash_module": signature.stack_hash_module,
        "stack_hash_function": signature.stack_hash_function,
        "stack_hash_offset": signature.stack_hash_offset,
        "own": signature.own,
    }


def _dump(analysis: Analysis) -> Json:
    dump = analysis.dump
    table = dump.kernel.directory_table_base if dump.kernel else None
    return {
        "format": dump.format,
        "architecture": dump.architecture.value,
        "complete": dump.complete,
        "truncated_at": dump.truncated_at,
        "directory_table_base": None if table is None else format_hex(table),
        "left_out": list(dump.left_out),
        "comment": (dump.kernel.comment if dump.kernel else dump.user.comment if dump.user else "") or None,
    }


def _system(analysis: Analysis) -> Json | None:
    system = analysis.system
    if system is None:
        return None
    return {
        "os": system.os,
        "edition": system.edition or None,
        "build": system.build,
        "build_lab": system.build_lab,
        "kernel_version": system.kernel_version,
        "service_pack": system.service_pack,
        "product_type": system.product_type,
        "processors": system.processors,
        "cpu": system.cpu,
        "cpu_name": system.cpu_name or None,
        "crash_time": format_utc(system.crash_time),
        "utc_offset_seconds": system.utc_offset_seconds,
        "uptime_seconds": system.uptime_seconds,
        "process_uptime_seconds": system.process_uptime_seconds,
        "computer": None,
    }


def _bugcheck(check: BugCheck | None) -> Json | None:
    if check is None:
        return None
    return {
        "code": format_hex(check.recorded_code),
        "base_code": format_hex(check.code),
        "name": check.name,
        "summary": check.summary,
        "subtype": check.subtype or None,
        "parameters": [
            {"value": format_hex(p.value), "meaning": p.meaning or None, "role": p.role or None, "resolved": p.resolved}
            for p in check.parameters
        ],
    }


def _exception(exception: ExceptionRecord | None) -> Json | None:
    if exception is None:
        return None
    return {
        "code": format_hex(exception.code),
        "name": exception.name,
        "address": format_hex(exception.address),
        "parameters": [format_hex(value) for value in exception.parameters],
        "flags": format_hex(exception.flags),
        "thread_id": exception.thread_id,
        "source": exception.source,
    }


def _faulting_instruction(analysis: Analysis) -> Json | None:
    address = analysis.crash.faulting_address
    if address is None:
        return None
    code = analysis.crash.faulting_code
    access = None
    if code is not None and code.access_address is not None:
        value = None if code.access_value is None else format_hex(code.access_value)
        access = {"kind": code.access_kind, "address": format_hex(code.access_address), "value": value}
    return {
        "address": format_hex(address),
        "symbol": analysis.machine.describe(address),
        "bytes": code.data.hex() if code else None,
        "text": code.text if code else None,
        "source": code.source if code else None,
        "memory_access": access,
    }


def _context(context: Context | None) -> Json | None:
    if context is None:
        return None
    registers = {name: format_hex(value) for name, value in context.registers.items()}
    return {"source": context.source, "registers": registers}


def _process(analysis: Analysis) -> Json | None:
    process, user = analysis.machine.process, analysis.dump.user
    if process is not None:
        return {"name": process.name, "id": process.id, "address": format_hex(process.address)}
    if user is not None:
        name = analysis.modules[0].image if analysis.modules else None
        return {"name": name, "id": user.process_id, "address": None}
    return None


def _thread(analysis: Analysis) -> Json | None:
    thread = analysis.machine.thread
    if thread is None:
        exception = analysis.machine.exception
        return {"address": None, "id": exception.thread_id} if exception and exception.thread_id is not None else None
    return {"address": format_hex(thread.address), "id": thread.id}


def _threads(analysis: Analysis) -> list[Json]:
    return [
        {
            "id": thread.id,
            "name": thread.name or None,
            "teb": format_hex(thread.teb),
            "suspend_count": thread.suspend_count,
            "context": _context(analysis.machine.thread_context(thread)),
            "stack": _stack(stacks[0] if stacks else None),
            "stack_32": _stack(stacks[1] if len(stacks) > 1 else None),
        }
        for index, thread in enumerate(analysis.dump.threads)
        for stacks in [thread_stacks(analysis.machine, thread, scan=analysis.crash.scan) if index < MAX_WALKED else []]
    ]


def _processors(analysis: Analysis) -> list[Json]:
    return [
        {
            "number": processor.number,
            "irql": processor.irql,
            "current_thread": None if processor.current_thread is None else format_hex(processor.current_thread),
            "cpu": processor.description or None,
            "context": _context(processor.context),
        }
        for processor in (analysis.machine.processors if analysis.dump.is_kernel else ())
    ]


def _module(module: Module, analysis: Analysis) -> Json:
    details = analysis.machine.details_of(module)
    facts = analysis.crash.driver_facts(module)
    linked = link_time(
        module.time_date_stamp, details.stamp_is_time, analysis.system.crash_time if analysis.system else None
    )
    pdb = details.pdb
    return {
        "name": module.name,
        "image": module.image,
        "path": module.path,
        "base": format_hex(module.base),
        "end": format_hex(module.end),
        "size": module.size,
        "timestamp": format_utc(linked),
        "time_date_stamp": format_hex(module.time_date_stamp),
        "checksum": format_hex(module.checksum),
        "pdb": {"name": pdb.name, "guid": pdb.guid, "age": pdb.age} if pdb else None,
        "version": details.version or None,
        "symbols": _symbols_kind(module, analysis),
        "vendor": facts.vendor if facts else None,
        "product": facts.product if facts else None,
        "ships_with_windows": facts.ships_with_windows if facts else None,
    }


def _stack(stack: NamedStack | None) -> list[Json]:
    return [_frame(frame) for frame in stack.frames] if stack else []


def stack_json(stack: NamedStack) -> Json:
    """Build the object of one stack: whose it is, its levels, why there are no more."""
    return {"title": stack.title, "from": stack.context.source, "frames": _stack(stack), "ending": stack.ending}


def _frame(frame: Frame) -> Json:
    return {
        "index": frame.index,
        "ip": format_hex(frame.ip),
        "return_address": format_hex(frame.return_address),
        "frame_address": format_hex(frame.frame_address),
        "arguments": [format_hex(word) for word in frame.arguments],
        "module": frame.module.name if frame.module else None,
        "symbol": frame.symbol,
        "offset": frame.offset,
        "name": frame.name,
        "inline": frame.inline,
        "file": frame.line.file if frame.line else None,
        "line": frame.line.line if frame.line else None,
        "trust": frame.trust.value,
        "warning": frame.warning or None,
    }


def _symbols_kind(module: Module, analysis: Analysis) -> str:
    """What names the module has: only those looked at during the analysis were searched for."""
    symbolizer = analysis.machine.symbolizer
    if symbolizer is None:
        return "none"
    symbols = symbolizer.symbols_of(module) if symbolizer.was_searched(module) else None
    if symbols is None:
        return "none"
    return symbols.kind if symbols.matched else "mismatch"


def _unloaded(analysis: Analysis) -> list[Json]:
    return [
        {
            "name": module.name,
            "base": format_hex(module.base),
            "end": format_hex(module.end),
            "unloaded_at": format_utc(from_filetime(module.unloaded_at)),
        }
        for module in analysis.machine.unloaded_modules
    ]


def _finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule,
        "statement": finding.statement,
        "weight": finding.weight,
        "module": finding.module,
        "category": finding.category.value,
        "refuted_by": finding.refuted_by or None,
        "citations": [{"kind": c.kind, "where": c.where, "value": c.value} for c in finding.citations],
    }


def _blame(blame: Blame, analysis: Analysis) -> Json:
    return {
        "module": blame.module,
        "image": blame.image,
        "category": blame.category.value,
        "symbol": blame.symbol,
        "stack_index": None,
        "confidence": blame.confidence,
        "level": blame.level,
        "mechanism": {"clause": blame.clause or None, "confidence": blame.mechanism, "level": blame.mechanism_level},
        "headline": analysis.headline,
        "because": list(blame.because),
        "against": list(blame.against),
        "would_change_our_mind": list(blame.would_change_our_mind),
    }


def _secondary_data(analysis: Analysis) -> list[Json]:
    if not analysis.dump.is_kernel:
        return [{"name": s.name, "guid": None, "kind": s.kind, "size": s.size} for s in analysis.dump.streams]
    return [
        {"name": item.name or None, "guid": item.guid, "size": item.size, "decoded": item.decoded}
        for item in decode_secondary_data(analysis.dump)
    ]


def _unwalked(analysis: Analysis) -> list[Gap]:
    more = len(analysis.dump.threads) - MAX_WALKED
    return [Gap(f"stacks of {more} threads", f"only {MAX_WALKED} are walked")] if more > 0 else []


def _gap(gap: Gap) -> Json:
    return {"what": gap.what, "missing": gap.missing, "remedy": gap.remedy or None, "damage": gap.damage}
