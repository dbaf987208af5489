"""MINIDUMP_TYPE flags and streams → sentences about what the writer left out.

Source: "MINIDUMP_TYPE enumeration" (Microsoft).

Folklore: flags are what the caller asked for, not what was written: Crashpad leaves them 0, and a callback may add
memory or take it away.  So a stream that is there counts, whatever the flags say; flags decide what no stream shows.
"""

from __future__ import annotations

from enum import IntFlag

from bugcheck.dump.minidump_streams import Minidump, StreamKind


class MinidumpType(IntFlag):
    """The MINIDUMP_TYPE bits that tell of something left out or put in."""

    DATA_SEGMENTS = 0x1
    FULL_MEMORY = 0x2
    FILTER_MEMORY = 0x8
    INDIRECT_MEMORY = 0x40
    FILTER_MODULE_PATHS = 0x80
    PRIVATE_MEMORY = 0x200
    WITHOUT_OPTIONAL_DATA = 0x400
    CODE_SEGMENTS = 0x2000
    WITHOUT_AUXILIARY_STATE = 0x4000
    IGNORE_INACCESSIBLE = 0x2_0000
    FILTER_TRIAGE = 0x10_0000


_STREAMS = (
    (StreamKind.UNLOADED_MODULE_LIST, "no list of unloaded modules"),
    (StreamKind.THREAD_INFO_LIST, "no start addresses and times of threads"),
    (StreamKind.MEMORY_INFO_LIST, "no map of the address space: protection of pages not kept"),
    (StreamKind.HANDLE_DATA, "no handles"),
)
_FILTERS = (
    (MinidumpType.FILTER_MEMORY, "stacks filtered: values that no stack walk needs are zeroed"),
    (MinidumpType.FILTER_MODULE_PATHS, "paths of modules cut to base names"),
    (MinidumpType.WITHOUT_OPTIONAL_DATA, "optional memory left out on request"),
    (MinidumpType.WITHOUT_AUXILIARY_STATE, "auxiliary state (of .NET, for one) left out on request"),
    (MinidumpType.IGNORE_INACCESSIBLE, "memory that could not be read when the dump was written"),
    (MinidumpType.FILTER_TRIAGE, "reduced to what triage needs"),
)


def left_out(minidump: Minidump) -> tuple[str, ...]:
    """Say what the writer left out, the memory first."""
    flags = MinidumpType(minidump.header.flags & sum(MinidumpType))
    sentences = _memory(minidump, flags)
    sentences += [sentence for kind, sentence in _STREAMS if minidump.find(kind) is None]
    sentences += [sentence for flag, sentence in _FILTERS if flags & flag]
    return tuple(sentences)


def _memory(minidump: Minidump, flags: MinidumpType) -> list[str]:
    if minidump.find(StreamKind.MEMORY64_LIST) is not None:
        return []
    if minidump.find(StreamKind.MEMORY_LIST) is None:
        return ["no memory at all"]
    sentences: list[str] = []
    if flags & MinidumpType.PRIVATE_MEMORY:
        sentences.append("no full memory: only private read-write memory and stacks kept")
    elif flags & MinidumpType.INDIRECT_MEMORY:
        sentences.append("no full memory: heap kept only where stacks point to it")
    else:
        sentences.append("no full memory: heap not kept")
    if not flags & MinidumpType.DATA_SEGMENTS:
        sentences.append("no data segments: global variables of modules not kept")
    if not flags & MinidumpType.CODE_SEGMENTS:
        sentences.append("no code segments: code of modules not kept")
    return sentences
