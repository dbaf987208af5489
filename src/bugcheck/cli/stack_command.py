"""`bugcheck stack`: the stack of the fault, of every processor or thread, or from any trap frame or context."""

from __future__ import annotations

import sys
from argparse import Namespace

from bugcheck import Analysis
from bugcheck.api import Outcome, analyze_all, stacks_of, symbol_gaps_of
from bugcheck.cli.arguments import password_of, symbol_options
from bugcheck.cli.terminal import complain, output, transfer_progress, wants_colour

WIDE = 400
EVERY_FRAME = 4096


def run(options: Namespace) -> int:
    """Show the stacks of each file; returns the highest exit status."""
    status = 0
    with output(None) as stream, transfer_progress() as progress:
        for outcome in analyze_all(
            options.files,
            hash_file=False,
            standard_input=sys.stdin.buffer,
            password=password_of(options),
            symbols=symbol_options(options, progress),
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
    stacks = stacks_of(
        analysis,
        every=options.all,
        trap_frame=options.trap,
        context_record=options.context,
        threads=options.thread,
    )
    if options.json:
        from json import dumps

        from bugcheck.reports.analysis_json import stack_json

        return dumps({"file": {"path": outcome.path}, "stacks": [stack_json(stack) for stack in stacks]}) + "\n"
    head = f"── {outcome.path} ──\n" if len(options.files) > 1 else ""
    if options.kb:
        from bugcheck.reports.stack_lines import kb_text

        return head + "".join(kb_text(stack, analysis.machine.architecture) for stack in stacks)
    from bugcheck.reports.analysis_document import stack_table
    from bugcheck.reports.document import Block, Document, Points
    from bugcheck.reports.formats.text import draw

    blocks: list[Block] = [stack_table(stack, EVERY_FRAME) for stack in stacks]
    gaps = symbol_gaps_of(analysis)
    if gaps:
        missing = tuple(f"{gap.what}: {gap.missing}" for gap in gaps)
        commands = tuple(f"→ {remedy}" for remedy in dict.fromkeys(gap.remedy for gap in gaps) if remedy)
        blocks.append(Points("missing", missing + commands))
    return head + draw(Document(outcome.path, tuple(blocks)), colour=wants_colour(options, sys.stdout), width=WIDE)
