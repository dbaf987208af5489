"""ThreadList, ThreadExList, ThreadNames, ThreadInfoList and Exception streams → raw threads and the exception.

Source: "MINIDUMP_THREAD structure", "MINIDUMP_THREAD_EX structure", "MINIDUMP_THREAD_INFO structure",
"MINIDUMP_THREAD_NAME structure", "MINIDUMP_EXCEPTION_STREAM structure" (Microsoft).

Folklore: a thread's context may be longer than CONTEXT (extended processor state, MiniDumpWithAvxXStateContext) and is
kept whole.  A 32-bit writer leaves garbage in the upper halves of exception parameters.  The exception's context is
where the crash happened; the same thread's own context lies in the code that wrote the dump.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bugcheck.addresses import MASK64
from bugcheck.binary import Layout, Record
from bugcheck.dump.dump import RawContext, RawException, RawThread
from bugcheck.dump.minidump_streams import Minidump, StreamKind, narrow

THREAD_LIMIT = 0x4000
CONTEXT_LIMIT = 0x1_0000
"""Longest context kept, in bytes; x64 with all of AVX-512 and AMX takes 0x2f00."""
_PARAMETER_LIMIT = 15


class ThreadEntry(NamedTuple):
    """MINIDUMP_THREAD as the file holds it; `stack` and `context` are file offsets."""

    id: int
    suspend_count: int
    priority_class: int
    priority: int
    teb: int
    stack_start: int
    stack_size: int
    stack: int
    context_size: int
    context: int


_THREAD = struct.Struct("<IIIIQQIIII")
_THREAD_EX_SIZE = 64
THREAD_NAME = Layout("MINIDUMP_THREAD_NAME", 12, id=(0, 4), name=(4, 8))
THREAD_INFO = Layout("MINIDUMP_THREAD_INFO", 64, id=(0, 4), create_time=(16, 8), start_address=(48, 8))
EXCEPTION = Layout(
    "MINIDUMP_EXCEPTION_STREAM",
    168,
    thread_id=(0, 4),
    code=(8, 4),
    flags=(12, 4),
    record=(16, 8),
    address=(24, 8),
    parameter_count=(32, 4),
    context_size=(160, 4),
    context=(164, 4),
)
_PARAMETERS = 40


def thread_entries(minidump: Minidump) -> list[ThreadEntry]:
    """Read the entries of the thread list, or of the extended one when that is the only one."""
    for kind, size in ((StreamKind.THREAD_LIST, _THREAD.size), (StreamKind.THREAD_EX_LIST, _THREAD_EX_SIZE)):
        stream = minidump.find(kind)
        if stream is not None:
            offsets = minidump.list_entries(stream, size, THREAD_LIMIT)
            return [ThreadEntry._make(_THREAD.unpack_from(minidump.view.data, offset)) for offset in offsets]
    return []


def read_contexts(minidump: Minidump, entries: list[ThreadEntry]) -> list[RawContext]:
    """Copy the context of every thread."""
    return [
        _context(minidump, entry.context, entry.context_size, f"thread {entry.id:#x}", "thread contexts")
        for entry in entries
    ]


def read_threads(
    minidump: Minidump, entries: list[ThreadEntry], contexts: list[RawContext], bits: int
) -> list[RawThread]:
    """Join the thread list with names and start addresses; `bits` is the width of an address."""
    names = _names(minidump)
    infos = _infos(minidump)
    threads: list[RawThread] = []
    for entry, context in zip(entries, contexts, strict=True):
        create_time, start_address = infos.get(entry.id, (0, 0))
        threads.append(
            RawThread(
                id=entry.id,
                teb=narrow(entry.teb, bits),
                stack_start=narrow(entry.stack_start, bits),
                stack_size=entry.stack_size,
                context=context,
                suspend_count=entry.suspend_count,
                priority=entry.priority,
                priority_class=entry.priority_class,
                name=names.get(entry.id, ""),
                create_time=create_time,
                start_address=narrow(start_address, bits),
            )
        )
    return threads


def read_exception(minidump: Minidump) -> tuple[Record | None, RawContext | None]:
    """Place MINIDUMP_EXCEPTION_STREAM and copy its context; None for what the file does not have."""
    stream = minidump.find(StreamKind.EXCEPTION)
    if stream is None:
        return None, None
    record = minidump.place(stream, EXCEPTION)
    if not record.context_size:
        return record, None
    context = _context(minidump, record.context, record.context_size, "exception", "context of the exception")
    return record, context if context.data else None


def widen_exception(minidump: Minidump, record: Record, bits: int) -> RawException:
    """Take the exception's fields, addresses and parameters cut to the width of an address."""
    mask = MASK64 >> (64 - bits)
    count = record.parameter_count
    if count > _PARAMETER_LIMIT:
        minidump.damage("exception parameters", f"{count} are promised, a record holds {_PARAMETER_LIMIT}", None)
    values = record.view.unpack(f"{min(count, _PARAMETER_LIMIT)}Q", record.offset + _PARAMETERS)
    return RawException(
        code=record.code,
        flags=record.flags,
        record=record.record & mask,
        address=record.address & mask,
        parameters=tuple(value & mask for value in values),
        thread_id=record.thread_id,
    )


def _context(minidump: Minidump, offset: int, size: int, source: str, what: str) -> RawContext:
    if size > CONTEXT_LIMIT:
        minidump.damage(what, "its size is absurd", offset)
    data = minidump.copy(offset, min(size, CONTEXT_LIMIT), what) if offset else b""
    return RawContext(source, data, offset if data else None)


def _names(minidump: Minidump) -> dict[int, str]:
    stream = minidump.find(StreamKind.THREAD_NAMES)
    if stream is None:
        return {}
    entries = minidump.list_entries(stream, THREAD_NAME.size, THREAD_LIMIT)
    named = [THREAD_NAME.at(minidump.view, offset) for offset in entries]
    return {entry.id: minidump.string(entry.name, "thread names") for entry in named}


def _infos(minidump: Minidump) -> dict[int, tuple[int, int]]:
    stream = minidump.find(StreamKind.THREAD_INFO_LIST)
    if stream is None:
        return {}
    entries = minidump.headed_entries(stream, THREAD_INFO.size, THREAD_LIMIT)
    infos = [THREAD_INFO.at(minidump.view, offset) for offset in entries]
    return {info.id: (info.create_time, info.start_address) for info in infos}
