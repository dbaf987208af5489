"""A machine's description and a kind → the bytes of a kernel dump.

Source: one file per format, named by the table below.
"""

from collections.abc import Callable

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.bitmap import build_bitmap_dump
from bugcheck.synth.blobs import build_blobs
from bugcheck.synth.description import DumpKind, MachineDescription
from bugcheck.synth.full import build_full_dump, build_header_only_dump
from bugcheck.synth.machine_memory import build_machine
from bugcheck.synth.rdmp import build_range_dump
from bugcheck.synth.summary import build_summary_dump
from bugcheck.synth.triage import build_triage_dump
from bugcheck.synth.truth import MachineTruth

_TRIAGE = (DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES)
_RANGES = (DumpKind.KERNEL_MEMORY, DumpKind.KERNEL_AND_USER, DumpKind.COMPLETE)
_WRITERS: dict[DumpKind, Callable[[MachineTruth], bytes]] = {
    DumpKind.FULL: build_full_dump,
    DumpKind.HEADER_ONLY: build_header_only_dump,
    DumpKind.SUMMARY: build_summary_dump,
}


def build_kernel_dump(description: MachineDescription, kind: DumpKind) -> bytes:
    """Build a kernel dump; equal arguments give equal bytes.

    Raises ValueError for a machine that cannot have this kind: ARM32 is triage only, ranges need a 64-bit machine.
    """
    return kernel_dump_of(build_machine(description), kind)


def kernel_dump_of(truth: MachineTruth, kind: DumpKind) -> bytes:
    """Build a dump of a machine whose memory is built already."""
    if truth.description.architecture is Architecture.ARM32 and kind not in (*_TRIAGE, DumpKind.HEADER_ONLY):
        raise ValueError("ARM32 machines are built as triage dumps only")
    if kind in _TRIAGE:
        return build_triage_dump(truth, kind)
    blobs = build_blobs(truth.description)
    if kind in _RANGES:
        return build_range_dump(truth, kind) + blobs
    if kind in _WRITERS:
        return _WRITERS[kind](truth) + blobs
    return build_bitmap_dump(truth, kind) + blobs
