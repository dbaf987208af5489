"""An Analysis → the Document a person reads: the sentence, the facts, why, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bugcheck.addresses import format_address
from bugcheck.findings.address_kinds import NULL_PAGE
from bugcheck.findings.findings import Finding
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module
from bugcheck.reports.document import Block, Document, Facts, Headline, Points, Table
from bugcheck.reports.gap_lines import by_remedy, joined
from bugcheck.reports.next_steps import next_steps
from bugcheck.stack.frame import Frame, Trust
from bugcheck.stack.stacks import NamedStack
from bugcheck.timestamps import format_span
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.blame import Blame

if TYPE_CHECKING:
    from bugcheck.known_issues.matching import Match

STACK_LINES = 12
GAPS_SHOWN = 12
STACK_LINES_VERBOSE = 64
TONES = {"high": "red", "medium": "red", "low": "yellow", "none": ""}
STOPPED = "the processor that stopped"
REGISTERS_A_LINE = {64: 4, 32: 7}
SAID_AT_THE_TOP = "stopped_on_purpose"
"""The rule whose only statement is the sentence at the top."""
NAMELESS = "UNKNOWN_BUGCHECK_"
"""How the name of a bug check begins that Windows has none for."""
CORE_NOTE = {
    "nt": "nt and hal run everybody's requests and are rarely the cause themselves",
    "hal": "nt and hal run everybody's requests and are rarely the cause themselves",
}


def analysis_document(
    analysis: Analysis, *, verbose: bool = False, modules: bool = False, known_issues: Sequence[Match] = ()
) -> Document:
    """Arrange what is known of one dump for a person."""
    blocks: list[Block] = [_headline(analysis), Facts(tuple(_facts(analysis)))]
    blocks.extend(_stack(analysis, STACK_LINES_VERBOSE if verbose else STACK_LINES))
    blocks.extend(_reasons(analysis, known_issues, verbose))
    if verbose:
        blocks.extend(_details(analysis))
    if modules or verbose:
        blocks.extend(module_tables(analysis))
    blocks.extend(_missing(analysis, verbose))
    steps = next_steps(analysis, known_issues)
    if steps:
        blocks.append(Points("next", steps))
    return Document(analysis.path, tuple(blocks))


def _headline(analysis: Analysis) -> Headline:
    return Headline(analysis.headline, confidence_note(analysis.blame), TONES[analysis.blame.level])


def confidence_note(blame: Blame) -> str:
    """How sure the blame is, and apart from it the mechanism where that is another matter; "" for nobody blamed."""
    if blame.level == "none":
        return ""
    if blame.module is None or blame.mechanism_level == blame.level:
        return f"confidence  {blame.level}"
    return f"confidence  {blame.level} (module), {blame.mechanism_level} (mechanism)"


# --- facts ---


def _facts(analysis: Analysis) -> Iterator[tuple[str, str]]:
    yield from _stopped(analysis)
    if analysis.bugcheck is not None:
        yield from _bugcheck(analysis.bugcheck, analysis.machine.architecture.bits)
    yield from _exception(analysis)
    yield from _code(analysis)
    yield from _who(analysis)
    yield "dump", _dump(analysis)


def _stopped(analysis: Analysis) -> Iterator[tuple[str, str]]:
    system = analysis.system
    if system is None:
        return
    when = _when(analysis)
    if when:
        yield "stopped", when
    build = system.kernel_version or system.build_lab or f"build {system.build}"
    count = f"{system.processors} CPU{'s' if system.processors != 1 else ''}" if system.processors else ""
    words = [f"{system.os} ({build})", analysis.machine.architecture.value, system.edition, count]
    words.append(system.cpu_name or system.cpu or "")
    yield "system", "   ".join(word for word in words if word)


def _when(analysis: Analysis) -> str:
    from datetime import timedelta, timezone

    system = analysis.system
    if system is None or system.crash_time is None:
        return ""
    text = system.crash_time.strftime("%Y-%m-%d %H:%M:%S UTC")
    if system.utc_offset_seconds:
        zone = timezone(timedelta(seconds=system.utc_offset_seconds))
        local = system.crash_time.astimezone(zone)
        text = f"{local.strftime('%Y-%m-%d %H:%M:%S')} {local.strftime('%z')[:3]}:{local.strftime('%z')[3:]} ({text})"
    if system.uptime_seconds is not None:
        text += f" after {format_span(system.uptime_seconds)}"
    elif system.process_uptime_seconds is not None:
        text += f", the process {format_span(system.process_uptime_seconds)} old"
    return text


def _bugcheck(check: BugCheck, bits: int) -> Iterator[tuple[str, str]]:
    recorded = f" (recorded as {check.recorded_code:X})" if check.recorded_code != check.code else ""
    name = "no code of Windows: a driver's own" if check.name.startswith(NAMELESS) else check.name
    yield "bug check", f"{check.code:#X}".replace("X", "x", 1) + f" {name}{recorded}"
    if check.subtype and all(parameter.resolved != check.subtype for parameter in check.parameters):
        yield "", check.subtype
    for number, parameter in enumerate(check.parameters, 1):
        if parameter.value == 0 and not parameter.resolved and parameter.role != "address":
            continue
        told = (parameter.resolved or "").removeprefix(f"the {parameter.meaning}, ")
        resolved = f" = {told}" if told else ""
        meant = parameter.meaning.partition(";")[0] if resolved else parameter.meaning
        meaning = f"   {meant}" if meant else ""
        yield "", f"{number}  {format_address(parameter.value, bits)}{meaning}{resolved}"


def _exception(analysis: Analysis) -> Iterator[tuple[str, str]]:
    exception = analysis.machine.exception
    if exception is None:
        return
    where = analysis.modules.resolve(exception.address) or "outside all modules"
    place = format_address(exception.address, analysis.machine.architecture.bits)
    thread = f", thread {exception.thread_id}" if exception.thread_id is not None else ""
    yield "exception", f"{exception.code:#010x} {exception.name} at {place} ({where}){thread}"


def _code(analysis: Analysis) -> Iterator[tuple[str, str]]:
    code = analysis.crash.faulting_code
    if code is None:
        return
    bits = analysis.machine.architecture.bits
    text = f"{format_address(code.address, bits)}  {code.data.hex(' ')}   {code.text}"
    if code.access_address is not None and code.access_kind:
        value = f" = {code.access_value:#x}" if code.access_value is not None else ""
        value = value or (", which is not in the dump" if code.access_address >= NULL_PAGE else "")
        kind = code.access_kind.replace("_", " and ")
        text += f"   → {kind} at {format_address(code.access_address, bits)}{value}"
    yield "code", text


def _who(analysis: Analysis) -> Iterator[tuple[str, str]]:
    from bugcheck.knowledge.kernel_names import irql_name

    machine = analysis.machine
    words: list[str] = []
    if machine.process is not None:
        number = f" ({machine.process.id})" if machine.process.id is not None else ""
        words.append(f"{machine.process.name}{number}")
    if machine.irql is not None:
        words.append(f"IRQL {machine.irql} {irql_name(machine.irql, machine.architecture.value)}")
    if machine.dump.user is not None and machine.dump.user.process_id is not None:
        words.append(f"{machine.modules[0].image if machine.modules else ''} ({machine.dump.user.process_id})".strip())
    if words:
        yield "process", "   ".join(words)


def _dump(analysis: Analysis) -> str:
    dump = analysis.dump
    size = dump.file.size
    text = f"{dump.format.replace('_', ' ')}, {size:,} bytes, {len(analysis.modules)} modules"
    if dump.truncated_at is not None:
        text += ", TRUNCATED"
    return text


# --- stack ---


def _stack(analysis: Analysis, limit: int) -> Iterator[Block]:
    stack = analysis.crash.telling_stack
    if stack is None or len(stack.frames) < 2:
        return
    if limit <= STACK_LINES and all(_says_nothing(frame) for frame in stack.frames):
        return
    yield stack_table(stack, limit)


def _says_nothing(frame: Frame) -> bool:
    """Tell whether a level only says that the kernel was running, as every stack does."""
    return frame.symbol is None and (frame.module is None or frame.module.name in CORE_NOTE)


def stack_table(stack: NamedStack, limit: int) -> Table:
    """A stack as a table: level, place, source line where known, how the level was found."""
    where = "" if stack.title == stack.context.source else f", from the {stack.context.source}"
    title = title_of(stack)
    told = _without_noise(stack.frames) if limit <= STACK_LINES else stack.frames
    rows = [_frame_row(frame) for frame in told[:limit]]
    if len(rows) < len(stack.frames):
        rows.append(("…", f"{len(stack.frames) - len(rows)} more: bugcheck stack", ""))
    return Table(f"stack of {title}{where}", ("#", "place", "found by"), tuple(rows), frozenset({"#"}))


def title_of(stack: NamedStack) -> str:
    """Whose stack it is, in words."""
    return STOPPED if stack.title == "header" else stack.title


def _without_noise(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Leave out words at a stack's end that scanning took for addresses and that lie in no module."""
    end = len(frames)
    while end > 1 and frames[end - 1].trust is Trust.SCAN and frames[end - 1].module is None:
        end -= 1
    return frames[:end]


def _frame_row(frame: Frame) -> tuple[str, str, str]:
    line = f"   {frame.line.file}:{frame.line.line}" if frame.line else ""
    return str(frame.index), frame.name + line, frame.trust.value.replace("_", " ")


# --- reasons ---


def _reasons(analysis: Analysis, known_issues: Sequence[Match], verbose: bool) -> Iterator[Block]:
    blame = analysis.blame
    facts = tuple(finding.statement for finding in other_findings(analysis, known_issues))
    if blame.because:
        yield Points("why", blame.because)
    against = (*blame.against, *_core_note(analysis))
    if against:
        yield Points("against" if blame.because else "seen", against)
    if facts:
        yield Points("also", facts)
    if known_issues:
        from bugcheck.reports.known_issue_document import match_points  # only where one is known

        yield from match_points(known_issues, verbose=verbose)
    if blame.would_change_our_mind:
        yield Points("would change our mind", blame.would_change_our_mind)


def other_findings(analysis: Analysis, known_issues: Sequence[Match]) -> list[Finding]:
    """Findings that are no reason for or against, without those that cite a known issue which is told by itself."""
    said = {*analysis.blame.because, *analysis.blame.against}
    told = {each.issue.id for each in known_issues}
    return [
        finding
        for finding in analysis.findings
        if finding.statement not in said
        and finding.rule != SAID_AT_THE_TOP
        and not any(citation.value in told for citation in finding.citations)
    ]


def _core_note(analysis: Analysis) -> tuple[str, ...]:
    named = {finding.module for finding in analysis.findings if finding.module}
    return tuple(dict.fromkeys(CORE_NOTE[name] for name in sorted(named) if name in CORE_NOTE))


def _missing(analysis: Analysis, verbose: bool) -> Iterator[Block]:
    gaps = analysis.gaps if verbose else analysis.gaps[:GAPS_SHOWN]
    if not gaps:
        return
    lines = [line for group in by_remedy(gaps) for line in _gaps(group, verbose)]
    if len(gaps) < len(analysis.gaps):
        lines.append(f"and {len(analysis.gaps) - len(gaps)} more: -v lists them")
    yield Points("missing", tuple(lines))


def _gaps(group: list[Gap], verbose: bool) -> Iterator[str]:
    together = None if verbose else joined(group)
    if together is not None:
        yield ": ".join(together)
    else:
        yield from (f"{gap.what}: {gap.missing}" for gap in group)
    if group[0].remedy:
        yield f"→ {group[0].remedy}"


# --- details ---


def _details(analysis: Analysis) -> Iterator[Block]:
    bits = analysis.machine.architecture.bits
    for context in analysis.machine.contexts:
        yield _registers(context, bits)
    if analysis.dump.streams:
        rows = tuple((s.name or s.kind, f"{s.size:,}", f"{s.file_offset:#x}") for s in analysis.dump.streams)
        yield Table("Streams and secondary data", ("name", "bytes", "offset"), rows, frozenset({"bytes"}))
    if analysis.dump.left_out:
        yield Points("left out", tuple(analysis.dump.left_out))


def _registers(context: Context, bits: int) -> Table:
    names = list(context.registers)
    step = REGISTERS_A_LINE[bits]
    cells = [f"{name}={format_address(context.registers[name], bits)}" for name in names]
    rows = [tuple([*cells[i : i + step], *[""] * step][:step]) for i in range(0, len(cells), step)]
    return Table(f"Registers ({context.source})", ("",) * step, tuple(rows))


def module_tables(analysis: Analysis) -> Iterator[Table]:
    """The loaded and the unloaded modules as tables."""
    bits = analysis.machine.architecture.bits
    loaded = sorted(analysis.modules, key=lambda module: module.base)
    columns = ("start", "end", "name", "image", "time stamp", "checksum", "what it is")
    yield Table(f"Modules ({len(loaded)})", columns, tuple(_module_row(m, analysis, bits) for m in loaded))
    gone = analysis.machine.unloaded_modules
    if gone:
        rows = tuple((format_address(m.base, bits), format_address(m.end, bits), m.name) for m in gone)
        yield Table(f"Unloaded modules ({len(gone)})", ("start", "end", "name"), rows)


def _module_row(module: Module, analysis: Analysis, bits: int) -> tuple[str, ...]:
    facts = analysis.crash.driver_facts(module)
    what = ", ".join(part for part in (facts.vendor, facts.what) if part and part != "unknown") if facts else ""
    return (
        format_address(module.base, bits),
        format_address(module.end, bits),
        module.name,
        module.image,
        f"{module.time_date_stamp:08x}",
        f"{module.checksum:08x}",
        what,
    )
