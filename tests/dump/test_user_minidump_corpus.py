"""The reader of user-mode minidumps on real files, against dbgeng, udmp_parser, minidump, rust-minidump."""

from __future__ import annotations

import calendar
import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.dump.formats.user_minidump import read_user_minidump
from bugcheck.errors import CorruptDump, NotADump

NOT_WINDOWS = {
    "google__breakpad__linux_inline.dmp": "a Linux process (Crashpad)",
    "google__breakpad__linux_null_read_av.dmp": "a Linux process (Breakpad)",
    "google__breakpad__linux_overflow.dmp": "a Linux process (Breakpad)",
    "google__breakpad__minidump_crashpad_annotation.dmp": "an iOS process (Crashpad)",
    "rust-minidump__rust-minidump__linux-mini.dmp": "a Linux process (Breakpad)",
    "rust-minidump__rust-minidump__pipeline-inlines-macos-segv.dmp": "a macOS process (Breakpad)",
    "rust-minidump__rust-minidump__simple-crashpad.dmp": "a macOS process (Crashpad)",
}
UNREADABLE = {
    "radareorg__radare2-testbins__fuzzed_mdmp-dos",
    "radareorg__radare2-testbins__fuzzed_npe_r_mdmp.c-364_1.mdmp",
    "radareorg__radare2-testbins__fuzzed_npe_w_bin_mdmp.c-111_1.mdmp",
    "radareorg__radare2-testbins__mdmp_trunc_memory64.dmp",
    "rust-minidump__rust-minidump__invalid-range.dmp",
    "rust-minidump__rust-minidump__invalid-record-count.dmp",
}
WITHOUT_EXCEPTION = {  # dbgeng makes up a breakpoint at 0 where a file has no Exception stream
    "google__breakpad__tiny-exe-with-cet-xsave.dmp",
    "google__breakpad__tiny-exe-with-cet-xsave-x86.dmp",
    "llvm__llvm-project__built__arm-fp-unwind.dmp",
    "llvm__llvm-project__built__broken-unwind.dmp",
}
WITHOUT_THREADS = "llvm__llvm-project__built__find-module.dmp"  # dbgeng lists no modules without a process


def minidumps(corpus: Path) -> list[Path]:
    paths = [*(corpus / "user").rglob("*"), *(corpus / "synthetic" / "user").iterdir()]
    return [path for path in sorted(paths) if path.is_file() and path.read_bytes()[:4] == b"MDMP"]


def opened(corpus: Path) -> Iterator[tuple[Path, Dump]]:
    for path in minidumps(corpus):
        if path.name not in NOT_WINDOWS and path.name not in UNREADABLE:
            yield path, read_user_minidump(BinaryView(path.read_bytes(), path.name))


def dbgeng(corpus: Path) -> list[dict[str, Any]]:
    lines = (corpus / "expected" / "dbgeng_user.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.corpus
def test_every_corpus_file_opens_whole_or_is_refused_with_a_reason(corpus: Path) -> None:
    paths = minidumps(corpus)
    assert len(paths) >= 45
    for path in paths:
        view = BinaryView(path.read_bytes(), path.name)
        if path.name in NOT_WINDOWS:
            with pytest.raises(NotADump) as caught:
                read_user_minidump(view)
            assert NOT_WINDOWS[path.name] in caught.value.reason
        elif path.name in UNREADABLE:
            with pytest.raises(CorruptDump, match="no stream of this minidump can be read"):
                read_user_minidump(view)
        else:
            dump = read_user_minidump(view)
            assert dump.complete, f"{path.name}: {dump.gaps}"


@pytest.mark.corpus
def test_refusals_agree_with_dbgeng(corpus: Path) -> None:
    # corpus/expected/dbgeng_user.jsonl: the engine opens other systems' minidumps too, as unknown systems
    assert {entry["file"] for entry in dbgeng(corpus) if not entry["opened"]} == UNREADABLE


@pytest.mark.corpus
def test_modules_threads_and_system_equal_dbgengs(corpus: Path) -> None:
    dumps = {path.name: dump for path, dump in opened(corpus)}
    compared = 0
    for entry in dbgeng(corpus):
        dump = dumps.get(entry["file"])
        if dump is None or entry["file"] == WITHOUT_THREADS:
            continue
        assert dbgeng_modules(entry) == our_modules(dump), entry["file"]
        assert entry["threads"] == len(dump.threads), entry["file"]
        assert entry["unloaded"] == len(dump.unloaded_modules), entry["file"]
        user = dump.user
        assert user is not None
        system = f" Version {user.build}{f' ({user.service_pack})' if user.service_pack else ''} "
        count = f"MP ({user.processor_count} procs) " if user.processor_count > 1 else "UP "
        assert system + count in entry["os"], entry["file"]
        assert entry["os"].startswith(WINDOWS[user.major_version, user.minor_version]), entry["file"]
        assert entry["product"].startswith(PRODUCTS[user.product_type]), entry["file"]
        if user.time:
            stamp = time.strptime(entry["time"].partition(" (UTC")[0], "%a %b %d %H:%M:%S.000 %Y")
            assert calendar.timegm(stamp) == user.time, entry["file"]
        compared += 1
    assert compared == 25


WINDOWS = {(5, 1): "Windows XP", (6, 1): "Windows 7", (10, 0): "Windows 10"}
PRODUCTS = {1: "WinNt", 2: "LanManNt", 3: "Server"}


def dbgeng_modules(entry: dict[str, Any]) -> dict[int, tuple[Any, ...]]:
    return {
        int(one["base"], 16): (
            int(one["end"], 16),
            one["image_path"],
            int(one["timestamp"], 16),
            int(one["checksum"], 16),
            one.get("file_version", ""),
        )
        for one in entry["modules"]
    }


def our_modules(dump: Dump) -> dict[int, tuple[Any, ...]]:
    return {
        one.base: (one.base + one.size, one.path, one.time_date_stamp, one.checksum, one.version)
        for one in dump.modules
    }


@pytest.mark.corpus
def test_exceptions_equal_dbgengs(corpus: Path) -> None:
    dumps = {path.name: dump for path, dump in opened(corpus)}
    compared = 0
    for entry in dbgeng(corpus):
        dump = dumps.get(entry["file"])
        if dump is None or entry["file"] == WITHOUT_THREADS:
            continue
        if entry["file"] in WITHOUT_EXCEPTION:
            assert dump.exception is None
            continue
        found = dump.exception
        assert found is not None, entry["file"]
        lines = dict(line.split(": ", 1) for line in map(str.strip, entry["exception"]) if ": " in line)
        assert int(lines["ExceptionCode"].split()[0], 16) == found.code, entry["file"]
        assert int(lines["ExceptionAddress"].split()[0], 16) == found.address, entry["file"]
        assert int(lines["ExceptionFlags"], 16) == found.flags, entry["file"]
        assert int(lines["NumberParameters"]) == len(found.parameters), entry["file"]
        values = tuple(int(value, 16) for name, value in lines.items() if name.startswith("Parameter["))
        assert values == found.parameters, entry["file"]
        process, _, thread_id = entry["last_event"].split(":")[0].partition(".")
        assert int(thread_id, 16) == found.thread_id, entry["file"]
        assert dump.user is not None
        assert dump.user.process_id in (None, int(process, 16)), entry["file"]
        compared += 1
    assert compared == 21


@pytest.mark.corpus
def test_names_of_threads(corpus: Path) -> None:
    # the file's ThreadNames stream at 0x11d4, read with xxd
    dump = read_user_minidump(BinaryView((corpus / "user/google__breakpad__thread_name_list.dmp").read_bytes(), "x"))
    assert {entry.id: entry.name for entry in dump.threads if entry.name} == {
        0x19A4: "main thread",
        0x2274: "sleep thread",
        0x2AE0: "overflow thread",
    }


@pytest.mark.corpus
def test_system_and_modules_equal_rust_minidumps(corpus: Path) -> None:
    # rust-minidump, minidump/tests/test_minidump.rs: test_module_list, test_system_info, test_misc_info
    dump = read_user_minidump(BinaryView((corpus / "user/rust-minidump__rust-minidump__test.dmp").read_bytes(), "x"))
    assert len(dump.modules) == 13
    assert dump.modules[0].path == r"c:\test_app.exe"
    assert dump.modules[0].version == ""
    assert dump.modules[0].codeview.endswith(b"c:\\test_app.pdb\0")
    assert dump.modules[12].version == "5.1.2600.2180"
    assert dump.user is not None
    assert (dump.user.cpu, dump.user.service_pack) == ("GenuineIntel", "Service Pack 2")
    assert dump.user.processor_level == 6
    assert dump.user.processor_revision == 0x0D08  # model 13 stepping 8


def context_registers(dump: Dump, data: bytes) -> tuple[int, int]:
    """Instruction and stack pointer of a CONTEXT; offsets from winnt.h."""
    if dump.architecture is Architecture.X64:
        return struct.unpack_from("<Q", data, 0xF8)[0], struct.unpack_from("<Q", data, 0x98)[0]
    return struct.unpack_from("<I", data, 0xB8)[0], struct.unpack_from("<I", data, 0xC4)[0]


@pytest.mark.corpus
def test_threads_contexts_and_modules_equal_udmp_parsers(corpus: Path) -> None:
    udmp_parser = pytest.importorskip("udmp_parser")
    compared = 0
    for path, dump in opened(corpus):
        oracle = udmp_parser.UserDumpParser()
        if dump.architecture not in (Architecture.X86, Architecture.X64) or not dump.threads:
            continue  # it reads no other contexts
        assert oracle.Parse(path), path.name
        threads = {one.id: one for one in dump.threads}
        assert sorted(oracle.Threads()) == sorted(threads), path.name
        assert sorted(oracle.Modules()) == sorted(entry.base for entry in dump.modules), path.name
        if dump.exception is not None:
            assert oracle.ForegroundThreadId() == dump.exception.thread_id, path.name
        for number, theirs in oracle.Threads().items():
            context = theirs.Context
            pointers = (context.Rip, context.Rsp) if dump.architecture.bits == 64 else (context.Eip, context.Esp)
            assert theirs.Teb == threads[number].teb, path.name
            # it shows the exception's context for the thread that crashed
            if dump.exception is not None and number == dump.exception.thread_id:
                assert dump.context is not None
                assert pointers in (
                    context_registers(dump, threads[number].context.data),
                    context_registers(dump, dump.context.data),
                )
            else:
                assert context_registers(dump, threads[number].context.data) == pointers, path.name
            compared += 1
    assert compared > 60


@pytest.mark.corpus
def test_memory_and_system_equal_skelsecs_minidump(corpus: Path) -> None:
    minidump = pytest.importorskip("minidump.minidumpfile")
    files = compared = 0
    for path, dump in opened(corpus):
        with path.open("rb") as file:
            try:
                oracle = minidump.MinidumpFile.parse_external(file)
            except ValueError:  # a stream kind it does not know
                continue
        for segment in oracle.memory_segments.memory_segments if oracle.memory_segments else []:
            start = segment.start_virtual_address
            (run,) = [run for run in dump.virtual if run.start <= start < run.start + run.size]
            size = min(segment.size, run.start + run.size - start)
            ours = dump.file.read(run.file_offset + start - run.start, size)
            assert ours == dump.file.read(segment.start_file_address, size), path.name
            compared += 1
        assert dump.user is not None
        assert oracle.sysinfo.BuildNumber == dump.user.build, path.name
        assert oracle.misc_info.ProcessId == dump.user.process_id, path.name
        assert (oracle.misc_info.ProcessCreateTime or 0) == dump.user.process_create_time, path.name
        files += 1
    assert files >= 25
    assert compared > 150
