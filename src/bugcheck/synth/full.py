"""A built machine → a complete memory dump (type 1), or a header alone (type 3).

Source: rizin dmp64.c and kdmp-parser (BuildPhysmemFullDump): behind the header come the pages of the runs, in order,
without gaps.
"""

from bugcheck.synth.description import DumpKind
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.physical import PAGE_SIZE
from bugcheck.synth.truth import MachineTruth


def build_full_dump(truth: MachineTruth) -> bytes:
    """Type 1."""
    runs = truth.description.physical_layout
    frames = [page for first, count in runs for page in range(first, first + count)]
    size = header_size(truth) + len(frames) * PAGE_SIZE
    header = build_header(truth, DumpKind.FULL, size)
    return b"".join([header, *(truth.physical.page(frame) for frame in frames)])


def build_header_only_dump(truth: MachineTruth) -> bytes:
    """Type 3: no memory at all."""
    return build_header(truth, DumpKind.HEADER_ONLY, header_size(truth))
