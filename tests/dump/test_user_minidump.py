"""The reader of user-mode minidumps against hand-made files, whole, odd and hostile."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import DUMP_FORMATS, Architecture, Dump
from bugcheck.dump.formats.user_minidump import probe, read_user_minidump
from bugcheck.dump.minidump_memory import MemoryRuns
from bugcheck.errors import CorruptDump, DumpError, NotADump, TruncatedDump

THREADS, MODULES, MEMORY, EXCEPTION, SYSTEM, THREADS_EX, MEMORY64 = 3, 4, 5, 6, 7, 8, 9
COMMENT_A, COMMENT_W, UNLOADED, MISC, THREAD_INFO, THREAD_NAMES = 10, 11, 14, 15, 17, 24
BREAKPAD = 0x47670001
FAR = 0xFFFF_FFFF


# ---------------------------------------------------------------- hand-made minidumps (layouts: minidumpapiset.h)
class Builder:
    """Lays blobs one after the other behind a directory of fixed size."""

    def __init__(self, room: int = 16) -> None:
        self.body = b""
        self.start = 32 + 12 * room
        self.room = room
        self.directory: list[tuple[int, int, int]] = []

    def put(self, data: bytes) -> int:
        offset = self.start + len(self.body)
        self.body += data
        return offset

    def text(self, text: str) -> int:
        raw = text.encode("utf-16-le")
        return self.put(struct.pack("<I", len(raw)) + raw + b"\0\0")

    def stream(self, kind: int, data: bytes, size: int | None = None) -> int:
        offset = self.put(data)
        self.directory.append((kind, len(data) if size is None else size, offset))
        return offset

    def bytes(self, *, count: int | None = None, flags: int = 0, version: int = 0xA793) -> bytes:
        entries = self.directory + [(0, 0, 0)] * (self.room - len(self.directory))
        header = struct.pack(
            "<4sIIIIIQ", b"MDMP", version, self.room if count is None else count, 32, 0, 1_700_000_000, flags
        )
        return header + b"".join(struct.pack("<III", *entry) for entry in entries) + self.body


def system_info(architecture: int = 9, platform: int = 2, service_pack: int = 0, cpu: bytes = b"") -> bytes:
    fields = struct.pack("<HHHBBIIIIIHH", architecture, 6, 0x3A09, 4, 1, 10, 0, 19045, platform, service_pack, 0x100, 0)
    return fields + cpu.ljust(24, b"\0")


def thread(
    number: int, *, context: tuple[int, int] = (0, 0), stack: tuple[int, int, int] = (0, 0, 0), teb: int = 0
) -> bytes:
    start, size, rva = stack
    return struct.pack("<IIIIQQIIII", number, 1, 0x20, 8, teb, start, size, rva, *context)


def module(
    base: int, size: int, name: int, codeview: tuple[int, int] = (0, 0), misc: tuple[int, int] = (0, 0)
) -> bytes:
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, 0x0006_0002, 0x4A61_0001, *[0] * 9)
    return (
        struct.pack("<QIIII", base, size, 0x1234, 0x5F5E0FF, name)
        + fixed
        + struct.pack("<IIIIQQ", *codeview, *misc, 0, 0)
    )


def exception(
    code: int, address: int, parameters: list[int], context: tuple[int, int], count: int | None = None
) -> bytes:
    values = parameters + [0] * (15 - len(parameters))
    number = len(parameters) if count is None else count
    return struct.pack("<IIIIQQII15QII", 7, 0, code, 1, 0, address, number, 0, *values, *context)


def listed(*entries: bytes, padding: bytes = b"", count: int | None = None) -> bytes:
    return struct.pack("<I", len(entries) if count is None else count) + padding + b"".join(entries)


def x64_context(extra: int = 0) -> bytes:
    data = bytearray(0x4D0 + extra)
    struct.pack_into("<I", data, 0x30, 0x10_005F)
    return bytes(data)


def full_example() -> bytes:
    """One of every stream that is read, x64."""
    made = Builder()
    made.stream(SYSTEM, system_info(service_pack=made.text("Service Pack 3")))
    long = x64_context(0x300)
    contexts = (len(long), made.put(long)), (0x4D0, made.put(x64_context()))
    stack = made.put(b"S" * 0x100)
    made.stream(
        THREADS,
        listed(
            thread(7, context=contexts[0], stack=(0x7000, 0x100, stack), teb=0x7FF0), thread(8, context=contexts[1])
        ),
    )
    rsds = b"RSDS" + bytes(range(16)) + struct.pack("<I", 2) + b"app.pdb\0"
    app = module(0x7FF6_0000_0000, 0x9000, made.text(r"C:\app.exe"), (len(rsds), made.put(rsds)))
    made.stream(MODULES, listed(app))
    made.stream(MEMORY, listed(struct.pack("<QII", 0x7000, 0x100, stack)))
    made.stream(EXCEPTION, exception(0xC0000005, 0x7FF6_0000_1000, [1, 0x45], contexts[1]))
    made.stream(MISC, struct.pack("<IIIIII", 24, 3, 4321, 1_699_999_000, 0, 0))
    made.stream(THREAD_NAMES, listed(struct.pack("<IQ", 8, made.text("worker"))))
    info = struct.pack("<IIIIQQQQQQ", 7, 0, 0, 0, 0x1D9_0000_0000_0000, 0, 0, 0, 0x7FF6_0000_2000, 1)
    made.stream(THREAD_INFO, struct.pack("<III", 12, 64, 1) + info)
    gone = struct.pack("<QIIII", 0x1_8000_0000, 0x4000, 5, 6, made.text("gone.dll"))
    made.stream(UNLOADED, struct.pack("<III", 12, 24, 1) + gone)
    made.stream(COMMENT_A, b"taken by hand\0")
    made.stream(COMMENT_W, "zweiter\0".encode("utf-16-le"))
    made.stream(BREAKPAD, struct.pack("<III", 3, 8, 7))
    made.stream(0x1234_5678, b"unknown")
    return made.bytes(flags=0x1000)


def read(data: bytes) -> Dump:
    return read_user_minidump(BinaryView(data, "made.dmp"))


def missing(dump: Dump) -> str:
    return "\n".join(f"{gap.what}: {gap.missing}" for gap in dump.gaps)


def test_every_stream_arrives_in_its_field() -> None:
    dump = read(full_example())
    assert dump.gaps == []
    assert dump.complete
    assert dump.architecture is Architecture.X64
    user = dump.user
    assert user is not None
    assert (user.service_pack, user.build, user.processor_count, user.suite_mask) == ("Service Pack 3", 19045, 4, 0x100)
    assert (user.process_id, user.process_create_time, user.time) == (4321, 1_699_999_000, 1_700_000_000)
    assert (user.comment, user.requesting_thread_id, user.flags) == ("taken by hand\nzweiter", 7, 0x1000)
    first, second = dump.threads
    assert (first.id, first.teb, first.stack_start, first.stack_size) == (7, 0x7FF0, 0x7000, 0x100)
    assert (first.create_time, first.start_address) == (0x1D9_0000_0000_0000, 0x7FF6_0000_2000)
    assert (first.suspend_count, first.priority_class, first.priority) == (1, 0x20, 8)
    assert len(first.context.data) == 0x7D0  # extended state is kept
    assert (second.name, first.name) == ("worker", "")
    (app,) = dump.modules
    assert (app.path, app.version, app.checksum, app.time_date_stamp) == (
        r"C:\app.exe",
        "6.2.19041.1",
        0x1234,
        0x5F5E0FF,
    )
    assert app.codeview.startswith(b"RSDS")
    assert app.codeview.endswith(b"app.pdb\0")
    (gone,) = dump.unloaded_modules
    assert (gone.name, gone.base, gone.end, gone.time_date_stamp) == ("gone.dll", 0x1_8000_0000, 0x1_8000_4000, 6)
    assert dump.exception is not None
    assert (dump.exception.code, dump.exception.parameters, dump.exception.thread_id) == (0xC0000005, (1, 0x45), 7)
    assert dump.context is not None
    assert dump.context.source == "exception"
    assert len(dump.context.data) == 0x4D0
    (run,) = dump.virtual
    assert dump.file.read(run.file_offset, run.size) == b"S" * 0x100
    names = {stream.kind: stream.name for stream in dump.streams}
    assert names["0x3"] == "ThreadListStream"
    assert names["0x12345678"] == ""
    assert names["0x47670001"] == "Breakpad information"


def test_format_is_registered_and_probed_by_signature() -> None:
    assert any(entry.name == "user_minidump" and entry.magic == (b"MDMP",) for entry in DUMP_FORMATS)
    assert probe(BinaryView(b"MDMP", "x"))
    assert not probe(BinaryView(b"MDM", "x"))


def test_left_out_follows_streams_before_flags() -> None:
    sentences = read(full_example()).left_out
    assert "no full memory: heap not kept" in sentences
    assert not any("unloaded" in sentence or "start addresses" in sentence for sentence in sentences)
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(MEMORY64, struct.pack("<QQQQ", 1, made.put(b"x" * 16), 0x1000, 16))
    full = read(made.bytes(flags=0x80)).left_out
    assert not any(sentence.startswith("no full memory") for sentence in full)
    assert "paths of modules cut to base names" in full


def test_truncation_at_any_place_is_a_partial_answer_or_a_reason() -> None:
    whole = full_example()
    partial = 0
    for cut in range(0, len(whole), 7):
        try:
            dump = read(whole[:cut])
        except TruncatedDump:
            continue
        assert not dump.complete, f"cut at {cut:#x}"
        assert dump.truncated_at == cut
        partial += 1
    assert partial > 300


def test_a_cut_file_keeps_modules_and_exception() -> None:
    whole = full_example()
    marker = whole.index(struct.pack("<III", 24, 3, 4321))  # MiscInfo and all after it are lost
    dump = read(whole[:marker])
    assert [entry.path for entry in dump.modules] == [r"C:\app.exe"]
    assert dump.exception is not None
    assert dump.truncated_at == marker
    assert "MiscInfoStream: it reaches beyond the end of the file" in missing(dump)


def test_count_followed_by_four_bytes_of_padding() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(THREADS, listed(thread(5), thread(6), padding=b"\xcc" * 4))
    made.stream(MODULES, listed(module(0x1_0000, 0x1000, made.text("a.dll")), padding=b"\xcc" * 4))
    dump = read(made.bytes())
    assert [entry.id for entry in dump.threads] == [5, 6]
    assert [entry.path for entry in dump.modules] == ["a.dll"]


@pytest.mark.parametrize("kind", [THREADS, MODULES, MEMORY, THREAD_NAMES])
def test_absurd_counts_keep_what_fits(kind: int) -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    entries = {
        THREADS: thread(5),
        MODULES: module(0x1_0000, 0x1000, made.text("a.dll")),
        MEMORY: struct.pack("<QII", 0x5000, 4, made.put(b"data")),
        THREAD_NAMES: struct.pack("<IQ", 5, made.text("main")),
    }
    made.stream(kind, listed(entries[kind], count=FAR))
    dump = read(made.bytes())
    assert f"{FAR} entries are promised, 1 fit" in missing(dump)
    assert (len(dump.threads), len(dump.modules), len(dump.virtual)) == (
        (kind == THREADS),
        (kind == MODULES),
        (kind == MEMORY),
    )


def test_absurd_headed_lists() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(UNLOADED, struct.pack("<III", 12, 0, FAR))
    made.stream(THREAD_INFO, struct.pack("<III", FAR, FAR, FAR))
    dump = read(made.bytes())
    assert dump.unloaded_modules == []
    assert "UnloadedModuleListStream: its header claims entries of 0 bytes" in missing(dump)
    assert "ThreadInfoListStream: 4294967295 entries are promised, 0 fit" in missing(dump)


def test_memory64_overflow_and_end_of_file() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    rva = made.put(b"\x11" * 0x20)
    ranges = struct.pack("<QQQQQQQQ", 0x1000, 0x10, 0x2000, 0, 0x3000, 0x10, 0x5000, 2**64 - 1)
    made.stream(MEMORY64, struct.pack("<QQ", 4, rva) + ranges)
    dump = read(made.bytes())
    assert [(run.start, run.size, run.what) for run in dump.virtual] == [
        (0x1000, 0x10, "full memory"),
        (0x3000, 0x10, "full memory"),
    ]
    assert "a range reaches beyond the address space" in missing(dump)


def test_memory64_cut_inside_a_range_keeps_its_first_bytes() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    end = made.stream(MEMORY64, struct.pack("<QQQQQQ", 2, made.start + 56 + 48, 0x1000, 0x10, 0x4000, 0x1000)) + 48
    data = made.bytes() + b"A" * 0x10 + b"B" * 8
    dump = read(data)
    assert end == len(data) - 0x18
    assert [(run.start, run.size) for run in dump.virtual] == [(0x1000, 0x10), (0x4000, 8)]
    assert dump.truncated_at == len(data)


def test_memory64_base_beyond_the_file_loses_the_memory_only() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(MEMORY64, struct.pack("<QQQQ", 1, 2**64 - 8, 0x1000, 0x1000))
    dump = read(made.bytes())
    assert list(dump.virtual) == []
    assert dump.truncated_at is not None


def test_ranges_are_sorted_and_do_not_overlap() -> None:
    runs = MemoryRuns(
        [
            (0x3000, 0x10, 0x900, "c"),
            (0x1000, 0x100, 0x100, "a"),
            (0x1080, 0x100, 0x500, "b"),
            (0x1010, 0x20, 0x700, "inside"),
        ]
    )
    assert [(run.start, run.size, run.file_offset) for run in runs] == [
        (0x1000, 0x100, 0x100),
        (0x1100, 0x80, 0x580),
        (0x3000, 0x10, 0x900),
    ]
    assert [run.start for run in runs[-1:]] == [0x3000]
    assert len(runs) == 3


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=12))
def test_runs_cover_what_the_ranges_cover(pairs: list[tuple[int, int]]) -> None:
    ranges = [(start, size, 1000 * index + 1, "x") for index, (start, size) in enumerate(pairs)]
    # A plain model: for each address, the file offsets that any range gives it.
    model: dict[int, set[int]] = {}
    for start, size, offset, _ in ranges:
        for step in range(size):
            model.setdefault(start + step, set()).add(offset + step)
    seen: dict[int, int] = {}
    for run in MemoryRuns(ranges):
        for step in range(run.size):
            assert run.start + step not in seen
            seen[run.start + step] = run.file_offset + step
    assert seen.keys() == model.keys()
    assert all(offset in model[address] for address, offset in seen.items())


def test_thread_stack_outside_the_memory_list_counts_as_memory() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    rva = made.put(b"stack")
    made.stream(THREADS, listed(thread(1, stack=(0x9000, 5, rva)), thread(2, stack=(0xA000, 5, 0))))
    dump = read(made.bytes())
    assert [(run.start, run.size, run.what) for run in dump.virtual] == [(0x9000, 5, "thread stack")]


def test_32_bit_addresses_are_zero_extended() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info(architecture=0, cpu=b"GenuineIntel"))
    made.stream(MODULES, listed(module(0xFFFF_FFFF_8000_0000, 0x1000, 0)))
    made.stream(MEMORY, listed(struct.pack("<QII", 0xFFFF_FFFF_9000_0000, 4, made.put(b"data"))))
    # google/breakpad minidump_32bit_crash_addr.dmp: parameter 2 has garbage above bit 31
    made.stream(EXCEPTION, exception(0xC0000005, 0x40429E, [1, 0xFFFF_FFFF_0000_0045], (0, 0)))
    dump = read(made.bytes())
    assert dump.user is not None
    assert dump.user.cpu == "GenuineIntel"
    assert dump.modules[0].base == 0x8000_0000
    assert dump.virtual[0].start == 0x9000_0000
    assert dump.exception is not None
    assert dump.exception.parameters == (1, 0x45)
    assert "registers at the exception" in missing(dump)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, Architecture.X86),
        (5, Architecture.ARM32),
        (9, Architecture.X64),
        (10, Architecture.X86),
        (12, Architecture.ARM64),
        (0x8003, Architecture.ARM64),
    ],
)
def test_processor_architectures(number: int, expected: Architecture) -> None:
    made = Builder()
    made.stream(SYSTEM, system_info(architecture=number))
    assert read(made.bytes()).architecture is expected


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        (0x8101, "a macOS"),
        (0x8102, "an iOS"),
        (0x8201, "a Linux"),
        (0x8202, "a Solaris"),
        (0x8203, "an Android"),
        (0x8204, "a PlayStation 3"),
        (0x8205, "a Native Client"),
        (0x8206, "a Fuchsia"),
    ],
)
def test_other_systems_are_named_and_refused(platform: int, name: str) -> None:
    made = Builder()
    made.stream(SYSTEM, system_info(platform=platform))
    with pytest.raises(NotADump) as caught:
        read(made.bytes())
    assert caught.value.reason == f"a minidump of {name} process (Breakpad), not of Windows"


def test_other_processors_are_named_and_refused() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info(architecture=6))
    with pytest.raises(NotADump, match="an Itanium process"):
        read(made.bytes())


def test_without_system_info_the_context_tells_the_architecture() -> None:
    made = Builder()
    made.stream(THREADS, listed(thread(1, context=(0x4D0, made.put(x64_context())))))
    dump = read(made.bytes())
    assert dump.architecture is Architecture.X64
    assert "taken to be x64 from the context of thread 0x1" in missing(dump)
    assert not dump.complete


def test_without_system_info_and_contexts_the_addresses_tell() -> None:
    made = Builder()
    made.stream(MODULES, listed(module(0x7FF6_0000_0000, 0x1000, 0)))
    assert read(made.bytes()).architecture is Architecture.X64
    made = Builder()
    made.stream(MODULES, listed(module(0xFFFF_FFFF_8000_0000, 0x1000, 0)))
    dump = read(made.bytes())
    assert dump.architecture is Architecture.X86
    assert dump.modules[0].base == 0x8000_0000


def test_wow64_process_of_a_64_bit_writer_is_a_gap() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(MODULES, listed(module(0x7FFA_0000_0000, 0x1000, made.text(r"C:\Windows\System32\WOW64.dll"))))
    dump = read(made.bytes())
    assert dump.architecture is Architecture.X64
    (gap,) = [gap for gap in dump.gaps if "WOW64" in gap.what]
    assert "SysWOW64" in gap.remedy
    assert not gap.damage


def test_extended_thread_list() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(THREADS_EX, listed(thread(3) + bytes(16), thread(4) + bytes(16)))
    assert [entry.id for entry in read(made.bytes()).threads] == [3, 4]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (struct.pack("<I", 7) + "abcdef".encode("utf-16-le"), "abc"),  # odd length
        (struct.pack("<I", FAR) + "abc\0".encode("utf-16-le"), "abc"),  # absurd length, ended by NUL
        (struct.pack("<I", 4) + b"\x00\xd8a\x00", "\ufffda"),  # lone surrogate
        (struct.pack("<I", 0), ""),
    ],
)
def test_odd_strings(raw: bytes, expected: str) -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(MODULES, listed(module(0x1_0000, 0x1000, made.put(raw + b"\0\0"))))
    assert read(made.bytes()).modules[0].path == expected


def test_places_outside_the_file_are_gaps() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info(service_pack=FAR))
    made.stream(MODULES, listed(module(0x1_0000, 0x1000, FAR - 1, (24, FAR), (FAR, FAR))))
    made.stream(THREADS, listed(thread(1, context=(0x4D0, FAR))))
    made.stream(EXCEPTION, exception(0xC0000005, 0, [], (FAR, FAR), count=FAR))
    dump = read(made.bytes())
    report = missing(dump)
    for what in ("service pack", "module names", "debug identities", "thread contexts", "context of the exception"):
        assert what in report
    assert "4294967295 are promised, a record holds 15" in report
    assert dump.exception is not None
    assert len(dump.exception.parameters) == 15


def test_misc_record_names_the_image_but_not_a_dbg_file() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    modules: list[bytes] = []
    for name in (rb"obj\i386\real.exe", rb"symbols\exe\real.dbg"):
        record = struct.pack("<IIB3x", 1, 12 + len(name) + 1, 0) + name + b"\0"
        modules.append(module(0x1_0000, 0x1000, 0, misc=(len(record), made.put(record))))
    made.stream(MODULES, listed(*modules))
    assert [entry.image for entry in read(made.bytes()).modules] == ["real.exe", ""]


def test_nothing_readable_is_an_error_that_says_why() -> None:
    with pytest.raises(TruncatedDump):
        read(b"MDMP")
    with pytest.raises(CorruptDump, match="no stream of this minidump can be read"):
        read(Builder().bytes())
    with pytest.raises(TruncatedDump, match="4294967295 streams are promised"):
        read(Builder().bytes(count=FAR))


def test_self_referencing_file() -> None:
    made = Builder(room=3)
    made.stream(SYSTEM, system_info())
    made.directory += [(kind, 0xFFFF, 0) for kind in (THREADS, MODULES)]
    dump = read(made.bytes())
    assert dump.truncated_at is not None
    assert len(dump.threads) <= 2


def hostile_contexts() -> bytes:
    """Every thread of many refers to the same large context and a name as long as the file."""
    made = Builder()
    made.stream(SYSTEM, system_info())
    huge = made.put(b"a\0" * 0x8000)
    made.stream(THREADS, listed(*[thread(number, context=(0x1_0000, huge)) for number in range(0x8000)]))
    name = made.put(struct.pack("<I", 0xFFFE) + b"a\0" * 0x8000)
    made.stream(MODULES, listed(*[module(0x1_0000, 0x1000, name, (0x1000, huge))] * 0x4000))
    made.stream(THREAD_NAMES, listed(*[struct.pack("<IQ", number, name) for number in range(0x8000)]))
    return made.bytes()


def hostile_ranges() -> bytes:
    """A million ranges in descending order, overlapping."""
    made = Builder()
    made.stream(SYSTEM, system_info())
    total = 1_000_000
    descriptors = b"".join(struct.pack("<QQ", (total - step) * 8, 16) for step in range(total))
    made.stream(MEMORY64, struct.pack("<QQ", total, 32) + descriptors)
    return made.bytes()


@pytest.mark.parametrize("make", [hostile_contexts, hostile_ranges])
def test_adversarial_counts_take_bounded_time(make: Any) -> None:
    data = make()
    best = min(_seconds(data) for _ in range(3))
    assert best < 10  # a limit against running away; about 0.2 s is usual


def _seconds(data: bytes) -> float:
    started = time.process_time()
    dump = read(data)
    elapsed = time.process_time() - started
    assert dump.gaps
    return elapsed


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6000), st.sampled_from([0, 1, 4, 0x7F, 0x80, 0xFF])), max_size=20),
    st.integers(0, 8000),
)
def test_damage_never_escapes_as_another_error(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(full_example())
    for place, value in changes:
        data[place % len(data)] = value
    try:
        dump = read(bytes(data[:cut] if cut < len(data) else data))
    except DumpError:
        return
    assert all(run.file_offset + run.size <= dump.file.size for run in dump.virtual)
    starts = [run.start for run in dump.virtual]
    assert starts == sorted(starts)


def test_full_memory_equals_udmp_parsers_and_skelsecs(tmp_path: Path) -> None:
    udmp_parser = pytest.importorskip("udmp_parser")
    minidump = pytest.importorskip("minidump.minidumpfile")
    made = Builder()
    made.stream(SYSTEM, system_info(service_pack=made.text("")))
    made.stream(THREADS, listed(thread(1, context=(0x4D0, made.put(x64_context())))))
    made.stream(MODULES, listed(module(0x1_0000, 0x1000, made.text("a.exe"))))
    blocks = {0x1_0000: b"MZ" + bytes(range(256)) * 4, 0x5_0000: b"heap" * 100, 0x7FFE_0000: b"shared"}
    infos = [
        struct.pack("<QQIIQIIII", base, base, 4, 0, len(data), 0x1000, 4, 0x2_0000, 0) for base, data in blocks.items()
    ]
    made.stream(16, struct.pack("<IIQ", 16, 48, len(infos)) + b"".join(infos))
    ranges = b"".join(struct.pack("<QQ", base, len(data)) for base, data in blocks.items())
    rva = made.start + len(made.body) + 16 + len(ranges)
    made.stream(MEMORY64, struct.pack("<QQ", len(blocks), rva) + ranges)
    made.put(b"".join(blocks.values()))
    path = tmp_path / "full.dmp"
    path.write_bytes(made.bytes(flags=2))
    dump = read_user_minidump(BinaryView(path.read_bytes(), path.name))
    assert {run.start: dump.file.read(run.file_offset, run.size) for run in dump.virtual} == blocks
    oracle = udmp_parser.UserDumpParser()
    assert oracle.Parse(path)
    with path.open("rb") as file:
        segments = minidump.MinidumpFile.parse_external(file).memory_segments_64.memory_segments
    places = {one.start_virtual_address: (one.start_file_address, one.size) for one in segments}
    for run in dump.virtual:
        assert bytes(oracle.ReadMemory(run.start, run.size)) == blocks[run.start]
        assert places[run.start] == (run.file_offset, run.size)


def test_a_range_without_a_place_is_a_gap() -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    made.stream(MEMORY, listed(struct.pack("<QII", 0x5000, 0x10, 0), struct.pack("<QII", 0x6000, 0, 0)))
    dump = read(made.bytes())
    assert list(dump.virtual) == []
    assert "memory: a range has no place in the file" in missing(dump)


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_range_that_starts_at_the_end_of_the_file_is_lost(beyond: int) -> None:
    made = Builder()
    made.stream(SYSTEM, system_info())
    end = made.start + len(made.body) + 4 + 16
    made.stream(MEMORY, listed(struct.pack("<QII", 0x5000, 0x10, end + beyond)))
    dump = read(made.bytes())
    assert list(dump.virtual) == []
    assert dump.truncated_at == end
