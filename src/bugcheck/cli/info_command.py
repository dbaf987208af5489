"""`bugcheck info`: what the header says, and nothing that takes time."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.api import Outcome, open_all
from bugcheck.cli.arguments import password_of
from bugcheck.cli.terminal import complain, output, wants_colour, width_of
from bugcheck.dump.dump import Dump
from bugcheck.reports.document import Document, Facts
from bugcheck.timestamps import format_span, format_utc, from_filetime, from_unix, span_seconds

Rows = Iterator[tuple[str, str]]


def run(options: Namespace) -> int:
    """Show the header facts of each file; returns the highest exit status."""
    status = 0
    with output(None) as stream:
        for opened in open_all(options.files, standard_input=sys.stdin.buffer, password=password_of(options)):
            dump = None if isinstance(opened, Outcome) else opened.dump
            if dump is None:
                complain(str(opened.error))
                status = 3
                continue
            status = max(status, 0 if dump.complete else 4)
            name = opened.path if isinstance(opened, Outcome) else opened.name
            rows = tuple(_rows(dump, name))
            if options.json:
                from json import dumps

                stream.write(dumps(dict(rows)) + "\n")
            else:
                from bugcheck.reports.formats.text import draw

                text = draw(
                    Document(name, (Facts(rows),)), colour=wants_colour(options, stream), width=width_of(stream)
                )
                stream.write(text)
    return status


def _rows(dump: Dump, name: str) -> Rows:
    yield "file", name
    yield "format", dump.format
    yield "bytes", str(dump.file.size)
    yield "machine", dump.architecture.value
    if dump.kernel is not None:
        yield from _kernel_rows(dump)
    if dump.user is not None:
        yield from _user_rows(dump)
    if dump.virtual:
        yield "runs", f"{len(dump.virtual)} runs of virtual memory"
    if dump.physical is not None:
        yield "pages", str(dump.physical.page_count)
    yield "complete", "yes" if dump.complete else "no"
    for gap in dump.gaps:
        yield "gap", f"{gap.what}: {gap.missing}"


def _kernel_rows(dump: Dump) -> Rows:
    header = dump.kernel
    assert header is not None
    yield "bug check", format_hex(header.bugcheck_code) + " " + " ".join(map(format_hex, header.bugcheck_parameters))
    yield "build", str(header.build)
    yield "processors", str(header.processor_count)
    yield "page tables", format_hex(header.directory_table_base)
    when = format_utc(from_filetime(header.system_time or 0))
    if when:
        yield "stopped", when
    uptime = span_seconds(header.system_up_time or 0)
    if uptime is not None:
        yield "uptime", format_span(uptime)
    if header.comment:
        yield "comment", header.comment


def _user_rows(dump: Dump) -> Rows:
    user = dump.user
    assert user is not None
    yield "build", str(user.build)
    yield "flags", format_hex(user.flags)
    when = format_utc(from_unix(user.time))
    if when:
        yield "written", when
    if user.process_id is not None:
        yield "process", str(user.process_id)
    yield "threads", str(len(dump.threads))
    if dump.exception is not None:
        yield "exception", f"{dump.exception.code:#010x} at {format_hex(dump.exception.address)}"
    if user.comment:
        yield "comment", user.comment
