"""`bugcheck stack`: the stack of the fault, of every processor or thread, or from any trap frame or context."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from bugcheck.addresses import parse_address
from bugcheck.api import Outcome, analyze_all
from bugcheck.cli.symbol_arguments import symbol_options
from bugcheck.cli.terminal import complain, output, wants_colour
from bugcheck.errors import UsageError
from bugcheck.stack.stacks import NamedStack, processor_stacks, stack_from, thread_stack
from bugcheck.verdict.analysis import Analysis

WIDE = 400
EVERY_FRAME = 4096


def run(options: Namespace) -> int:
    """Show the stacks of each file; returns the highest exit status."""
    status = 0
    password = options.password.encode() if options.password else None
    with output(None) as stream:
        for outcome in analyze_all(
            options.files,
            hash_file=False,
            standard_input=sys.stdin.buffer,
            password=password,
            symbols=symbol_options(options),
            scan=not options.no_scan,
        ):
            if outcome.analysis is None:
                complain(str(outcome.error))
                status = max(status, outcome.exit_status)
                continue
            status = max(status, 4 if outcome.exit_status == 4 else 0)
            stream.write(_text(outcome, outcome.analysis, options))
    return status


def _text(outcome: Outcome, analysis: Analysis, options: Namespace) -> str:
    stacks = list(_stacks(analysis, options))
    if options.json:
        from json import dumps

        from bugcheck.reports.analysis_json import stack_json

        return dumps({"file": {"path": outcome.path}, "stacks": [stack_json(stack) for stack in stacks]}) + "\n"
    head = f"── {outcome.path} ──\n" if len(options.files) > 1 else ""
    if options.kb:
        return head + "".join(_kb(stack, analysis) for stack in stacks)
    from bugcheck.reports.analysis_document import stack_table
    from bugcheck.reports.document import Document, Points
    from bugcheck.reports.formats.text import draw

    blocks = [stack_table(stack, EVERY_FRAME) for stack in stacks]
    gaps = analysis.machine.symbolizer.gaps() if analysis.machine.symbolizer else []
    missing = Points("missing", tuple(f"{gap.what}: {gap.missing}" for gap in gaps))
    document = Document(outcome.path, (*blocks, missing) if gaps else tuple(blocks))
    return head + draw(document, colour=wants_colour(options, sys.stdout), width=WIDE)


def _kb(stack: NamedStack, analysis: Analysis) -> str:
    from bugcheck.reports.escape import printable
    from bugcheck.stack.render_kb import heading, render_kb

    architecture = analysis.machine.architecture
    lines = [f"{stack.title}:", heading(architecture, arguments=True), *render_kb(stack.frames, architecture)]
    return "".join(printable(line) + "\n" for line in lines) + "\n"


def _stacks(analysis: Analysis, options: Namespace) -> Iterator[NamedStack]:
    machine, scan = analysis.machine, analysis.crash.scan
    if options.trap or options.context:
        yield _from_address(analysis, options)
    elif not options.all:
        yield from (stack for stack in (analysis.crash.fault_stack, analysis.crash.stack) if stack is not None)
    elif machine.dump.is_kernel:
        yield from processor_stacks(machine, scan=scan)
    else:
        stacks = (thread_stack(machine, thread, scan=scan) for thread in machine.dump.threads)
        yield from (stack for stack in stacks if stack is not None)


def _from_address(analysis: Analysis, options: Namespace) -> NamedStack:
    machine = analysis.machine
    address = parse_address(options.trap or options.context)
    context = machine.trap_frame(address) if options.trap else machine.context_record(address, f"context {address:#x}")
    if context is None:
        raise UsageError(f"no {'trap frame' if options.trap else 'context record'} can be read at {address:#x}")
    return stack_from(machine, context, context.source, scan=analysis.crash.scan)
