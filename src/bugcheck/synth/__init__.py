"""Descriptions → Windows crash dumps for tests, fuzzing and the demo.

Source: public format facts only, cited per file; nothing is shared with the readers, so that a mistake in one cannot
hide in the other.
"""

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import DumpKind, MachineDescription
from bugcheck.synth.kernel_dumps import build_kernel_dump, kernel_dump_of
from bugcheck.synth.machine_memory import build_machine
from bugcheck.synth.machines import (
    arm32_machine,
    arm64_machine,
    x64_encoded_machine,
    x64_five_level_machine,
    x64_machine,
    x86_machine,
    x86_pae_machine,
)
from bugcheck.synth.minidump import build_minidump
from bugcheck.synth.process_description import UserProcessDescription
from bugcheck.synth.sparse import write_sparse_full_dump
from bugcheck.synth.truth import MachineTruth
from bugcheck.synth.user_processes import user_process, wow64_process

__all__ = [
    "Architecture",
    "DumpKind",
    "MachineDescription",
    "MachineTruth",
    "UserProcessDescription",
    "arm32_machine",
    "arm64_machine",
    "build_kernel_dump",
    "build_machine",
    "build_minidump",
    "kernel_dump_of",
    "user_process",
    "wow64_process",
    "write_sparse_full_dump",
    "x64_encoded_machine",
    "x64_five_level_machine",
    "x64_machine",
    "x86_machine",
    "x86_pae_machine",
]
