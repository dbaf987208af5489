"""A built machine → the header of its width.

Source: header32.py and header64.py.
"""

from bugcheck.synth import header32, header64
from bugcheck.synth.description import DumpKind
from bugcheck.synth.truth import MachineTruth


def header_size(truth: MachineTruth) -> int:
    """Bytes of header before anything else: 0x1000 or 0x2000."""
    return header64.HEADER_SIZE if truth.description.architecture.is_64bit else header32.HEADER_SIZE


def build_header(truth: MachineTruth, kind: DumpKind, file_size: int) -> bytes:
    """The dump header; `file_size` is the size of the whole dump in bytes."""
    build = header64.build_header64 if truth.description.architecture.is_64bit else header32.build_header32
    return build(truth, kind, file_size)
