"""x86 stacks of real and synthetic dumps beside those of a debugger engine, Breakpad, Symbolicator and an emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.stack.frame import Frame, StackSource, Trust
from bugcheck.stack.walk import walk
from bugcheck.stack.x86 import X86Unwinder
from bugcheck.symbols.breakpad import open_breakpad
from bugcheck.symbols.pdb.open import open_pdb
from tests.stack.x86_support import Symbolic, image_file, x86_context


def frames_of(machine: Machine, context: Context | None, symbols: Symbolic) -> tuple[Frame, ...]:
    assert context is not None
    return walk(context, X86Unwinder(), StackSource(machine.memory, machine.modules, symbols)).frames


def machine_of(path: Path) -> Machine:
    return Machine(read_dump(map_file(str(path))))


def engine_rows(corpus: Path) -> list[dict[str, Any]]:
    """What a debugger engine (10.0.15063) printed of the x86 user dumps; it had symbols for crash.exe only."""
    lines = (corpus / "expected" / "dbgeng_user.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if "eip" in row.get("regs", {})]


BETTER = {
    "getsentry__symbolic__windows_mini.dmp": "the engine had crash.pdb; see the tests with crash.sym below",
    "google__breakpad__minidump2.dmp": "the engine ends at CrashFunction; Breakpad's expected output goes on as we do",
    "google__breakpad__minidump_32bit_crash_addr.dmp": "the same dump",
    "rust-minidump__rust-minidump__test.dmp": "the same dump",
}


def chain(frames: tuple[Frame, ...]) -> list[list[str]]:
    return [[f"{frame.frame_address:08x}", f"{frame.return_address:08x}"] for frame in frames]


def walked(machine: Machine, registers: dict[str, str]) -> list[list[str]]:
    context = x86_context({name: int(value, 16) for name, value in registers.items()})
    return chain(frames_of(machine, context, Symbolic()))


def test_stacks_without_symbols_equal_the_engine_s(corpus: Path) -> None:
    equal, better = 0, 0
    for row in engine_rows(corpus):
        machine = machine_of(corpus / "user" / row["file"])
        for registers, lines in ((row["regs"], row["k"]), (row["ecxr_regs"], row["ecxr_k"])):
            same = walked(machine, registers) == [line[:2] for line in lines]
            assert same or row["file"] in BETTER, row["file"]
            equal, better = equal + same, better + (not same)
    assert (equal, better) == (35, 5)


def test_every_thread_has_as_many_frames_as_the_engine_s(corpus: Path) -> None:
    threads = 0
    for row in engine_rows(corpus):
        machine = machine_of(corpus / "user" / row["file"])
        counts = [
            len(frames_of(machine, machine.thread_context(thread), Symbolic())) for thread in machine.dump.threads
        ]
        if row["file"].startswith("getsentry"):
            counts[0] += 1  # the engine's level by crash.pdb that a walk without symbols misses
        assert counts == row["thread_frames"], row["file"]
        threads += len(counts)
    assert threads == 45


def test_windows_mini_with_crash_sym_equals_engine_and_symbolicator(corpus: Path) -> None:
    # dbgeng_user.jsonl `ecxr_k`, and getsentry's snapshot minidump_windows (thread 1636): five levels each.
    machine = machine_of(corpus / "user" / "getsentry__symbolic__windows_mini.dmp")
    symbols = Symbolic({"crash": open_breakpad(str(corpus / "user" / "getsentry__symbolic__windows_crash.sym"))})
    frames = frames_of(machine, machine.fault_context, symbols)
    row = next(row for row in engine_rows(corpus) if row["file"].startswith("getsentry"))
    assert chain(frames) == [line[:2] for line in row["ecxr_k"]]
    assert [frame.name for frame in frames[:2]] == [line[2] for line in row["ecxr_k"][:2]]
    assert [frame.ip for frame in frames] == [0x2A2A3D, 0x2A2D97, 0x750662C4, 0x771D0F79, 0x771D0F44]
    assert [frame.trust for frame in frames] == [
        Trust.CONTEXT,
        *(Trust.UNWIND_INFO, Trust.UNWIND_INFO),
        *(Trust.FRAME_POINTER, Trust.FRAME_POINTER),
    ]


def test_windows_mini_exception_handler_is_found_where_the_engine_is_lost(corpus: Path) -> None:
    # The engine takes the stack address 010ff054 for WriteMinidumpOnHandlerThread's return address. In crash.sym only
    # HandleException calls that function.
    machine = machine_of(corpus / "user" / "getsentry__symbolic__windows_mini.dmp")
    symbols = Symbolic({"crash": open_breakpad(str(corpus / "user" / "getsentry__symbolic__windows_crash.sym"))})
    frames = frames_of(machine, machine.thread_context(machine.dump.threads[0]), symbols)
    names = [str(frame.symbol).partition("(")[0].rpartition("::")[2] for frame in frames if frame.symbol]
    assert names == ["WriteMinidumpOnHandlerThread", "HandleException"]
    row = next(row for row in engine_rows(corpus) if row["file"].startswith("getsentry"))
    assert chain(frames)[:2] == [line[:2] for line in row["k"][:2]]
    assert chain(frames)[3:] == [line[:2] for line in row["k"][3:]]


def breakpad_frames(path: Path) -> list[tuple[int, int, int]]:
    """eip, esp and ebp of thread 0's frames in minidump_stackwalk's text output."""
    text = path.read_text().partition("Thread 0 (crashed)")[2].partition("\n\n")[0]
    fields = text.split()
    values = {name: [int(fields[at + 2], 16) for at, word in enumerate(fields) if word == name] for name in
              ("eip", "esp", "ebp")}  # fmt: skip
    return list(zip(values["eip"], values["esp"], values["ebp"], strict=True))


def minidump2_symbols(corpus: Path) -> Symbolic:
    folder = corpus / "user" / "google__breakpad" / "symbols"
    app = folder / "test_app.pdb" / "5A9832E5287241C1838ED98914E9B7FF1" / "test_app.sym"
    kernel32 = folder / "kernel32.pdb" / "BCE8785C57B44245A669896B6A19B9542" / "kernel32.sym"
    return Symbolic({"test_app": open_breakpad(str(app)), "kernel32": open_breakpad(str(kernel32))})


def test_minidump2_equals_breakpad_s_expected_output(corpus: Path) -> None:
    machine = machine_of(corpus / "user" / "google__breakpad__minidump2.dmp")
    frames = frames_of(machine, machine.fault_context, minidump2_symbols(corpus))
    expected = breakpad_frames(corpus / "user" / "google__breakpad__minidump2.stackwalk.out")
    assert len(expected) == 4
    contexts = [frame.context.registers for frame in frames if frame.context is not None]
    assert [(found["eip"], found["esp"], found["ebp"]) for found in contexts] == expected
    assert [frame.name.partition("+")[0] for frame in frames] == [
        "test_app!`anonymous namespace'::CrashFunction",
        "test_app!main",
        "test_app!__tmainCRTStartup",
        "kernel32!BaseProcessStart",
    ]


def test_minidump2_fpo_record_that_forgets_saved_registers(corpus: Path) -> None:
    # WriteMinidumpOnHandlerThread's FPO record says that no register is saved; HandleException calls it (test_app.sym).
    machine = machine_of(corpus / "user" / "google__breakpad__minidump2.dmp")
    frames = frames_of(machine, machine.thread_context(machine.dump.threads[0]), minidump2_symbols(corpus))
    names = [str(frame.symbol).partition("(")[0].rpartition("::")[2] for frame in frames if frame.symbol]
    assert names[:4] == [
        *("WaitForSingleObject", "WriteMinidumpOnHandlerThread"),
        *("HandleException", "UnhandledExceptionFilter"),
    ]


SYNTHETIC = ("x86_call_full.dmp", "xp_x86.dmp", "pae_call_full.dmp", "pae_call_bitmap.dmp")


def synthetic(corpus: Path, *, with_pdbs: bool) -> Symbolic:
    folder = corpus / "synthetic"
    images = {"nt": image_file(folder / "ntkrpamp.exe"), "mydrv": image_file(folder / "mydrv_x86.sys")}
    if not with_pdbs:
        return Symbolic({}, dict(images))
    pdbs = {"nt": "ntkrpamp.pdb", "mydrv": "mydrv_x86.pdb"}
    return Symbolic({name: open_pdb(folder / pdb, cache=None) for name, pdb in pdbs.items()}, dict(images))


@pytest.mark.parametrize("with_pdbs", [True, False])
@pytest.mark.parametrize("dump", SYNTHETIC)
def test_synthetic_return_addresses_equal_the_executed_calls(corpus: Path, dump: str, with_pdbs: bool) -> None:
    folder = corpus / "synthetic"
    shadow = [int(word, 16) for word in json.loads((folder / f"{dump}.json").read_text())["shadow"]]
    machine = machine_of(folder / dump)
    assert machine.architecture in (Architecture.X86, Architecture.X86_PAE)
    frames = frames_of(machine, machine.processor_context, synthetic(corpus, with_pdbs=with_pdbs))
    assert [frame.return_address for frame in frames] == [*shadow, 0]
    assert machine.dump.kernel is not None
    # The bug check's parameters are KeBugCheckEx's arguments.
    assert frames[0].arguments == (machine.dump.kernel.bugcheck_code, *machine.dump.kernel.bugcheck_parameters[:2])


CHAIN = ["lvl3", "lvl2", "lvl1", "start"]


@pytest.mark.parametrize(
    ("dump", "image", "names"),
    [
        ("cp_x86_n", "cp_x86", ["leaf_null", *CHAIN]),
        ("cp_x86_c", "cp_x86", [None, "leaf_call", *CHAIN]),
        ("cp_x86fp_n", "cp_x86fp", ["leaf_null", *CHAIN]),
    ],
)
def test_user_dumps_of_cp_show_its_calls(corpus: Path, dump: str, image: str, names: list[str | None]) -> None:
    # cp.c: start → lvl1 → lvl2 → lvl3 → the leaf that faults; `c` calls 41414141.
    folder = corpus / "synthetic" / "user"
    machine = machine_of(folder / f"{dump}.dmp")
    symbols = Symbolic(
        {image: open_pdb(folder / f"{image}.pdb", cache=None)}, {image: image_file(folder / f"{image}.exe")}
    )
    frames = frames_of(machine, machine.fault_context, symbols)
    assert [frame.symbol for frame in frames[: len(names)]] == names
    assert [frame.module.name for frame in frames[len(names) :] if frame.module] == ["kernel32", "ntdll", "ntdll"]
    assert frames[-1].return_address == 0
    assert Trust.SCAN not in [frame.trust for frame in frames]


def snapshot_threads(path: Path) -> dict[int, list[int]]:
    """Thread ids and instruction addresses of symbolicator's snapshot; callers' may point into the call before."""
    threads: dict[int, list[int]] = {}
    current: list[int] = []
    for line in path.read_text().splitlines():
        name, _, value = line.strip().removeprefix("- ").partition(": ")
        if name == "thread_id":
            current = threads.setdefault(int(value), [])
        elif name == "instruction_addr":
            current.append(int(value.strip('"'), 16))
    return threads


def test_every_thread_of_windows_mini_equals_symbolicator_s(corpus: Path) -> None:
    folder = corpus / "user" / "getsentry__symbolicator" / "crates" / "symbolicator-native" / "tests" / "integration"
    expected = snapshot_threads(folder / "snapshots" / "integration__process_minidump__minidump_windows.snap")
    assert [len(addresses) for addresses in expected.values()] == [5, 4, 4, 1]
    machine = machine_of(corpus / "user" / "getsentry__symbolic__windows_mini.dmp")
    symbols = Symbolic({"crash": open_breakpad(str(corpus / "user" / "getsentry__symbolic__windows_crash.sym"))})
    for thread in machine.dump.threads:
        crashed = machine.exception is not None and thread.id == machine.exception.thread_id
        context = machine.fault_context if crashed else machine.thread_context(thread)
        frames = frames_of(machine, context, symbols)
        addresses = expected[thread.id]
        assert len(frames) == len(addresses)
        assert all(0 <= frame.ip - address <= 1 for frame, address in zip(frames, addresses, strict=True))
