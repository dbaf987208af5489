"""Every user dump of the corpus: how many frames its threads have, and that none of them can be disproved.

A frame is disproved when it lies below 0x10000, in an image's headers or data, or behind bytes that are no call
(benchmarks/peer_stacks.py, which also counts minidump_stackwalk's). What is proved of each is said beside it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.machine.machine import Machine
from bugcheck.stack.call_sites import calls_before
from bugcheck.stack.frame import StackSource
from bugcheck.stack.module_image import ModuleImages
from bugcheck.stack.stacks import thread_stacks
from tests.stack.sources import NoSymbols

BREAKPAD, RUST, LLVM = "google__breakpad__", "rust-minidump__rust-minidump__", "llvm__llvm-project__"
FEWEST = {
    # As many as minidump_stackwalk 0.26 lists or more, all x86; the engine's k (dbgeng_user.jsonl) equals ours.
    **{f"{BREAKPAD}{name}": 8 for name in (
        "ascii_read_av", "ascii_read_av_block_write", "ascii_read_av_clobber_write", "ascii_read_av_then_jmp",
        "ascii_read_av_xchg_write", "ascii_write_av", "ascii_write_av_arg_to_call", "null_read_av", "null_write_av")},
    f"{BREAKPAD}exec_av_on_stack": 7,
    **{f"{BREAKPAD}{name}": 6 for name in (
        "minidump2", "minidump_32bit_crash_addr", "read_av_clobber_write", "read_av_non_null")},
    f"{RUST}test": 6,
    f"{BREAKPAD}thread_name_list": 29,
    f"{BREAKPAD}tiny-exe-with-cet-xsave-x86": 9,
    f"{LLVM}lldb_test_API_functionalities_postmortem_minidump_fizzbuzz_no_heap": 6,
    # Its stack is 20 times the image's first byte, which nobody calls from: the engine and we list the first level,
    # minidump_stackwalk 23, of which 20 are those.
    f"{LLVM}built__broken-unwind": 1,
    # x64. The first by its shadow stack, the second by its code (test_x64_likely.py): equal to the true stack.
    f"{BREAKPAD}tiny-exe-with-cet-xsave": 8,
    f"{LLVM}lldb_test_Shell_Minidump_Windows_Sigsegv_Inputs_sigsegv": 6,
    # Nothing proves these: at least the two on top and the two at the beginning of each thread.
    "radareorg__radare2-testbins__mdmp_calc": 20,
    f"{RUST}invalid-parameter": 24,
}  # fmt: skip


@pytest.mark.corpus
@pytest.mark.parametrize("name", FEWEST)
def test_no_frame_of_a_user_dump_can_be_disproved(name: str, corpus: Path) -> None:
    machine = Machine(read_dump(map_file(str(corpus / "user" / f"{name}.dmp"))))
    source, images = StackSource(machine.memory, machine.modules, NoSymbols()), ModuleImages()
    frames = 0
    for thread in machine.dump.threads:
        for stack in thread_stacks(machine, thread)[:1]:
            frames += len(stack.frames)
            for frame in stack.frames[1:]:
                assert frame.ip >= 0x10000
                image = images.at(frame.ip - 1, source)
                if image is not None:
                    rva = frame.ip - image.module.base
                    assert rva > 0x1000
                    assert image.is_executable(rva - 1) is not False
                    assert calls_before(image, rva, machine.architecture) != (), frame.name
    assert frames >= FEWEST[name]
