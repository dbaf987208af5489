"""Where code can run, by a user dump's map of its memory: built streams and a real dump."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, Stream
from bugcheck.dump.open import read_dump
from bugcheck.machine.executable_memory import ExecutableMemory, executable_memory
from bugcheck.machine.machine import Machine
from bugcheck.records import replace

COMMIT, RESERVE, READ, EXECUTE_READ = 0x1000, 0x2000, 0x02, 0x20
REAL = "google__breakpad__tiny-exe-with-cet-xsave.dmp"


def entry(base: int, size: int, state: int, protection: int) -> bytes:
    """MINIDUMP_MEMORY_INFO."""
    return pack("<QQIIQIIII", base, base, protection, 0, size, state, protection, 0x20000, 0)


def dump_with(data: bytes, corpus: Path) -> Dump:
    """A real dump with another map."""
    dump = read_dump(map_file(str(corpus / "user" / REAL)))
    streams = [Stream("0x10", "MemoryInfoListStream", 0, len(data))]
    return replace(dump, file=BinaryView(data, "map"), streams=streams)


def test_only_committed_executable_memory_runs(corpus: Path) -> None:
    rows = [
        entry(0x2000, 0x1000, COMMIT, EXECUTE_READ),
        entry(0x1000, 0x1000, COMMIT, READ),
        entry(0x5000, 0x1000, RESERVE, EXECUTE_READ),
    ]
    found = executable_memory(dump_with(pack("<IIQ", 16, 48, len(rows)) + b"".join(rows), corpus))
    assert found is not None
    places = (0xFFF, 0x1000, 0x1FFF, 0x2000, 0x2FFF, 0x3000, 0x5800)
    assert [found.at(address) for address in places] == [None, False, False, True, True, None, False]


@pytest.mark.parametrize(
    "data", [b"", bytes(15), pack("<IIQ", 16, 47, 1), pack("<IIQ", 8, 48, 1), pack("<IIQ", 16, 48, 9)]
)
def test_what_is_no_map_is_none(data: bytes, corpus: Path) -> None:
    assert executable_memory(dump_with(data, corpus)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_map_or_none(data: bytes) -> None:
    regions = [(at, at + size, bool(size & 1)) for at, size in pairwise(data)]
    found = ExecutableMemory(regions)
    assert all(found.at(address) in (True, False, None) for address in range(0, 600, 7))
    assert found.at(1 << 70) is None


@pytest.mark.corpus
def test_the_map_of_a_real_dump_knows_code_from_data(corpus: Path) -> None:
    # Every return address on the dump's shadow stack lies in code; its stack and its modules' headers do not.
    machine = Machine(read_dump(map_file(str(corpus / "user" / REAL))))
    found = machine.executable
    assert found is not None
    context = machine.thread_context(machine.dump.threads[0])
    assert context is not None
    top = context.registers["ssp"]
    assert all(found.at(machine.memory.u64(top + 8 * index)) is True for index in range(7))
    assert found.at(context.registers["rsp"]) is False
    assert not any(found.at(module.base) for module in machine.modules)
