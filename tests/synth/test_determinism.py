"""Source: the builder's own promise. Equal descriptions give equal bytes, in this process and in a fresh one."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest

from bugcheck.synth import (
    Architecture,
    DumpKind,
    arm32_machine,
    build_kernel_dump,
    build_minidump,
    user_process,
    wow64_process,
    x64_machine,
    x86_machine,
)
from bugcheck.synth.description import ProcessDescription, UnloadedDriver
from tests.synth.built import FACTORIES, dump

SCRIPT = """
import hashlib
from bugcheck.synth import DumpKind, build_kernel_dump, build_minidump, user_process, x64_machine
print(hashlib.sha256(build_kernel_dump(x64_machine(), DumpKind.COMPLETE)).hexdigest())
print(hashlib.sha256(build_minidump(user_process())).hexdigest())
"""


def kinds(name: str) -> list[DumpKind]:
    triage = [DumpKind.HEADER_ONLY, DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES]
    if name == "arm32":
        return triage
    ranges = {DumpKind.KERNEL_MEMORY, DumpKind.KERNEL_AND_USER, DumpKind.COMPLETE}
    return [kind for kind in DumpKind if name not in ("x86", "x86_pae") or kind not in ranges]


@pytest.mark.parametrize("name", FACTORIES)
def test_kernel_dumps_are_equal_byte_for_byte(name: str) -> None:
    for kind in kinds(name):
        assert build_kernel_dump(FACTORIES[name](), kind) == dump(name, kind), kind


@pytest.mark.parametrize("full_memory", [False, True])
def test_minidumps_are_equal_byte_for_byte(full_memory: bool) -> None:
    for build in (wow64_process, *(lambda a=a: user_process(a) for a in Architecture if a is not Architecture.X86_PAE)):
        first, second = (build_minidump(replace(build(), full_memory=full_memory)) for _ in range(2))
        assert first == second


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "4242", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    here = [
        hashlib.sha256(data).hexdigest() for data in (dump("x64", DumpKind.COMPLETE), build_minidump(user_process()))
    ]
    assert run.stdout.split() == here


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="triage"):
        build_kernel_dump(arm32_machine(), DumpKind.FULL)
    with pytest.raises(ValueError, match="64-bit"):
        build_kernel_dump(x86_machine(), DumpKind.COMPLETE)
    with pytest.raises(ValueError, match="user address"):
        build_kernel_dump(replace(x64_machine(), memory={0x1000: b"x"}), DumpKind.FULL)
    with pytest.raises(ValueError, match="no free page"):
        build_kernel_dump(replace(x64_machine(), physical_layout=((1, 4),), large_pages=()), DumpKind.FULL)
    with pytest.raises(ValueError, match="at most 50"):
        build_kernel_dump(replace(x64_machine(), unloaded=(UnloadedDriver("a", 0, 1, 0),) * 51), DumpKind.FULL)
    with pytest.raises(ValueError, match="at least nt"):
        build_kernel_dump(replace(x64_machine(), modules=()), DumpKind.FULL)
    system = ProcessDescription(4, 0, "System", x64_machine().processes[0].threads, user_memory={0: b"x"})
    with pytest.raises(ValueError, match="no user half"):
        build_kernel_dump(replace(x64_machine(), processes=(system,)), DumpKind.FULL)
    with pytest.raises(ValueError, match="X86"):
        user_process(Architecture.X86_PAE)
