"""Source of every expectation: minidumpapiset.h on Microsoft Learn, for streams the installed readers skip; the small
parser here is first held against a real file."""

import struct
from pathlib import Path

import pytest

from bugcheck.synth import Architecture, build_minidump, user_process, wow64_process

SYSTEM_INFO, MISC_INFO, THREAD_NAMES, MODULES, THREADS = 7, 15, 24, 4, 3
ARCHITECTURES = [architecture for architecture in Architecture if architecture is not Architecture.X86_PAE]


def streams(data: bytes) -> dict[int, tuple[int, int]]:
    """Stream number → size and offset."""
    signature, version, count, directory = struct.unpack_from("<4sIII", data)
    assert (signature, version & 0xFFFF) == (b"MDMP", 0xA793)
    rows = struct.iter_unpack("<III", data[directory : directory + 12 * count])
    return {kind: (size, offset) for kind, size, offset in rows if kind}


def string(data: bytes, offset: int) -> str:
    size = struct.unpack_from("<I", data, offset)[0]
    return data[offset + 4 : offset + 4 + size].decode("utf-16-le")


def thread_names(data: bytes) -> dict[int, str]:
    size, offset = streams(data)[THREAD_NAMES]
    count = struct.unpack_from("<I", data, offset)[0]
    assert size == 4 + 12 * count
    rows = struct.iter_unpack("<IQ", data[offset + 4 : offset + size])
    return {thread: string(data, name) for thread, name in rows}


@pytest.mark.corpus
def test_the_parser_here_reads_a_real_file(corpus: Path) -> None:
    path = corpus / "user" / "google__breakpad__thread_name_list.dmp"
    if not path.is_file():
        pytest.skip(f"needs {path}, which is absent")
    names = thread_names(path.read_bytes())
    assert len(names) == 3
    assert all(names.values())


def test_thread_names() -> None:
    process = user_process()
    expected = {thread.tid: thread.name for thread in process.threads if thread.name}
    assert thread_names(build_minidump(process)) == expected == {2208: "main"}


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_system_info_names_the_architecture(architecture: Architecture) -> None:
    process = user_process(architecture)
    data = build_minidump(process)
    size, offset = streams(data)[SYSTEM_INFO]
    assert size == 0x38
    number = struct.unpack_from("<H", data, offset)[0]
    assert number == {"x86": 0, "arm32": 5, "x64": 9, "arm64": 12}[architecture.label]
    assert string(data, struct.unpack_from("<I", data, offset + 0x18)[0]) == process.service_pack_text


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_contexts_have_their_size_and_program_counter(architecture: Architecture) -> None:
    # sizeof(CONTEXT): x86 2CC, x64 4D0, ARM 1A0, ARM64 390; Eip B8, Rip F8, Pc 40, Pc 108 (winnt.h)
    expected_size, counter = {
        "x86": (0x2CC, 0xB8),
        "x64": (0x4D0, 0xF8),
        "arm32": (0x1A0, 0x40),
        "arm64": (0x390, 0x108),
    }[architecture.label]
    process = user_process(architecture)
    data = build_minidump(process)
    _, offset = streams(data)[THREADS]
    for index, thread in enumerate(process.threads):
        size, context = struct.unpack_from("<II", data, offset + 4 + 0x30 * index + 0x28)
        assert size == expected_size
        name = next(name for name in ("rip", "eip", "pc") if name in thread.registers)
        width = architecture.pointer_size
        found = int.from_bytes(data[context + counter : context + counter + width], "little")
        assert found == thread.registers[name]


def test_modules_have_codeview_records() -> None:
    process = user_process()
    data = build_minidump(process)
    _, offset = streams(data)[MODULES]
    for index, module in enumerate(process.modules):
        size, record = struct.unpack_from("<II", data, offset + 4 + 0x6C * index + 0x4C)
        if module.pdb is None:
            assert (size, record) == (0, 0)
            continue
        found = data[record : record + size]
        assert found == b"RSDS" + module.pdb.guid + struct.pack("<I", module.pdb.age) + module.pdb.name.encode() + b"\0"


def test_misc_info_4_names_the_build() -> None:
    process = user_process()
    data = build_minidump(process)
    size, offset = streams(data)[MISC_INFO]
    assert (size, struct.unpack_from("<I", data, offset)[0]) == (832, 832)
    text = data[offset + 232 : offset + 232 + 520].decode("utf-16-le").rstrip("\0")
    assert text == process.build_string


def test_streams_nobody_knows_and_unused_slots() -> None:
    process = user_process()
    data = build_minidump(process)
    for kind, expected in process.other_streams.items():
        size, offset = streams(data)[kind]
        assert data[offset : offset + size] == expected
    count, directory = struct.unpack_from("<II", data, 8)
    kinds = [row[0] for row in struct.iter_unpack("<III", data[directory : directory + 12 * count])]
    assert kinds.count(0) == 1


def test_wow64_registers_lie_behind_the_teb() -> None:
    # TEB64.TlsSlots[1] (TEB+1488) → WOW64_CPURESERVED: flags, machine, x86 CONTEXT at +4 (phnt)
    process = wow64_process()
    area = int.from_bytes(process.memory[process.threads[0].teb][0x1488:0x1490], "little")
    reserved = process.memory[area]
    assert struct.unpack_from("<HHI", reserved) == (0, 0x14C, 0x1003F)
    assert process.exception is not None
    assert struct.unpack_from("<I", reserved, 4 + 0xB8)[0] == process.exception.address


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_tebs_name_themselves_their_thread_and_stack(architecture: Architecture) -> None:
    # NT_TIB: StackBase, StackLimit behind one pointer, Self at 30 (18); ClientId at 40 (20) (phnt)
    process, width = user_process(architecture), architecture.pointer_size
    for thread in process.threads:
        teb = process.memory[thread.teb]
        places = (width, 2 * width, 6 * width, 8 * width, 9 * width)
        found = tuple(int.from_bytes(teb[place : place + width], "little") for place in places)
        end = thread.stack_start + len(thread.stack)
        assert found == (end, thread.stack_start, thread.teb, process.pid, thread.tid)
