"""Source of every expectation: udmp-parser 0.7.0 (0vercl0k, MIT) and minidump 0.0.24 (skelsec, MIT) read them back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import udmp_parser
from minidump.minidumpfile import MinidumpFile

from bugcheck.synth import Architecture, UserProcessDescription, build_minidump, user_process, wow64_process

FACTORIES: dict[str, Callable[[], UserProcessDescription]] = {
    "x86": lambda: user_process(Architecture.X86),
    "x64": lambda: user_process(Architecture.X64),
    "arm32": lambda: user_process(Architecture.ARM32),
    "arm64": lambda: user_process(Architecture.ARM64),
    "wow64": wow64_process,
}
INTEL = ("x86", "x64", "wow64")
FORMS = pytest.mark.parametrize("full_memory", [False, True], ids=["partial", "full"])


def process_of(name: str, full_memory: bool = False) -> UserProcessDescription:
    return replace(FACTORIES[name](), full_memory=full_memory)


def everything(process: UserProcessDescription) -> dict[int, bytes]:
    return {**process.memory, **{thread.stack_start: thread.stack for thread in process.threads}}


def udmp(folder: Path, process: UserProcessDescription) -> udmp_parser.UserDumpParser:
    path = folder / "process.dmp"
    path.write_bytes(build_minidump(process))
    reader = udmp_parser.UserDumpParser()
    assert reader.Parse(str(path))
    return reader


@FORMS
@pytest.mark.parametrize("name", FACTORIES)
def test_udmp_parser_modules(tmp_path: Path, name: str, full_memory: bool) -> None:
    process = process_of(name, full_memory)
    reader = udmp(tmp_path, process)  # its modules are views into it: it must outlive them
    modules = reader.Modules()
    found = {(m.BaseOfImage, m.SizeOfImage, m.TimeDateStamp, m.CheckSum, m.ModuleName) for m in modules.values()}
    assert found == {(m.base, m.size, m.timestamp, m.checksum, m.path) for m in process.modules}
    executable = process.modules[0]
    version = modules[executable.base].VersionInfo
    assert (version.FileVersionMS, version.FileVersionLS) == (1 << 16 | 2, 3 << 16 | 4)


@FORMS
@pytest.mark.parametrize("name", FACTORIES)
def test_udmp_parser_threads_and_exception(tmp_path: Path, name: str, full_memory: bool) -> None:
    process = process_of(name, full_memory)
    reader = udmp(tmp_path, process)
    threads = reader.Threads()
    assert {(t.ThreadId, t.Teb) for t in threads.values()} == {(t.tid, t.teb) for t in process.threads}
    assert reader.ForegroundThreadId() == process.threads[0].tid
    for thread in process.threads if name in INTEL else ():
        context = threads[thread.tid].Context
        for register, value in thread.registers.items():
            spelling = {"eflags": "EFlags", "cs": "SegCs", "ss": "SegSs"}.get(register, register.capitalize())
            assert getattr(context, spelling) == value, register


@FORMS
@pytest.mark.parametrize("name", FACTORIES)
def test_udmp_parser_memory(tmp_path: Path, name: str, full_memory: bool) -> None:
    process = process_of(name, full_memory)
    reader = udmp(tmp_path, process)
    regions = {(r.BaseAddress, r.RegionSize, r.State, r.Protect, r.Type) for r in reader.Memory().values()}
    assert regions == {(r.base, r.size, r.state, r.protect, r.kind) for r in process.regions}
    # udmp-parser takes bytes from a Memory64List only; of a MemoryList it keeps none.
    for address, data in everything(process).items() if full_memory else ():
        assert bytes(reader.ReadMemory(address, len(data)) or b"") == data, hex(address)


def skelsec(process: UserProcessDescription) -> MinidumpFile:
    return MinidumpFile.parse_bytes(build_minidump(process))


@FORMS
@pytest.mark.parametrize("name", ["x86", "x64", "wow64", "arm32"])
def test_minidump_modules_threads_exception(name: str, full_memory: bool) -> None:
    process = process_of(name, full_memory)
    reader = skelsec(process)
    found = [(m.name, m.baseaddress, m.size, m.timestamp, m.checksum) for m in reader.modules.modules]
    assert found == [(m.path, m.base, m.size, m.timestamp, m.checksum) for m in process.modules]
    found = [(t.ThreadId, t.SuspendCount, t.Priority, t.PriorityClass, t.Teb) for t in reader.threads.threads]
    assert found == [(t.tid, t.suspend_count, t.priority, t.priority_class, t.teb) for t in process.threads]
    assert process.exception is not None
    raised = reader.exception.exception_records[0]
    assert raised.ThreadId == process.threads[0].tid
    assert raised.ExceptionRecord.ExceptionCode_raw == process.exception.code
    assert raised.ExceptionRecord.ExceptionAddress == process.exception.address
    assert tuple(raised.ExceptionRecord.ExceptionInformation[:2]) == process.exception.parameters


@FORMS
@pytest.mark.parametrize("name", ["x86", "x64", "wow64", "arm32"])
def test_minidump_memory(name: str, full_memory: bool) -> None:
    process = process_of(name, full_memory)
    file = skelsec(process)
    assert (file.memory_segments_64 is not None, file.memory_segments is not None) == (full_memory, not full_memory)
    reader = file.get_reader()
    for address, data in everything(process).items():
        assert reader.read(address, len(data)) == data, hex(address)
    found = [(r.BaseAddress, r.AllocationBase, r.RegionSize) for r in file.memory_info.infos]
    assert found == [
        (r.base, r.base if r.allocation_base is None else r.allocation_base, r.size) for r in process.regions
    ]


@pytest.mark.parametrize("name", ["x86", "x64"])
def test_minidump_system_and_process_facts(name: str) -> None:
    process = process_of(name)
    reader = skelsec(process)
    system = reader.sysinfo
    assert system.ProcessorArchitecture.value == process.architecture.processor_architecture
    assert (system.MajorVersion, system.MinorVersion, system.BuildNumber) == process.version
    assert system.CSDVersion == process.service_pack_text
    assert (system.NumberOfProcessors, system.SuiteMask) == (process.processors, process.suite_mask)
    misc = reader.misc_info
    assert (misc.ProcessId, misc.ProcessCreateTime) == (process.pid, process.times.created)
    assert (misc.ProcessUserTime, misc.ProcessKernelTime) == (process.times.user, process.times.kernel)
    infos = [(i.ThreadId, i.CreateTime, i.KernelTime, i.UserTime, i.StartAddress) for i in reader.thread_info.infos]
    assert infos == [(t.tid, t.create_time, t.kernel_time, t.user_time, t.start_address) for t in process.threads]
    unloaded = [(m.name, m.baseaddress, m.size, m.timestamp) for m in reader.unloaded_modules.modules]
    assert unloaded == [(m.path, m.base, m.size, m.timestamp) for m in process.unloaded]
    handles = [(h.Handle, h.TypeName, h.ObjectName or "", h.GrantedAccess) for h in reader.handles.handles]
    assert handles == [(h.handle, h.type_name, h.object_name, h.granted_access) for h in process.handles]


@pytest.mark.parametrize("name", ["x86", "x64"])
def test_minidump_walks_teb_peb_and_parameters(name: str) -> None:
    process = process_of(name)
    peb = skelsec(process).peb
    assert peb.image_base_address == process.modules[0].base
    assert peb.image_path == process.modules[0].path
    assert peb.command_line == '"app.exe" /quiet'
    assert {"name": "OS", "value": "Windows_NT"} in peb.environment_variables
