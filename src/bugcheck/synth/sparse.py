"""A machine's description and a size → a huge full dump that takes almost no disk.

Source: as full.py; sparse files are what seeking beyond the end makes on every file system that has them.

Folklore: a 64 GiB dump is one run whose pages sit high: its frames pass 2^24 and its offsets pass 32 and 36 bits,
where readers with narrow arithmetic go wrong.
"""

from dataclasses import replace
from pathlib import Path

from bugcheck.synth.description import DumpKind, MachineDescription
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.machine_memory import build_machine
from bugcheck.synth.physical import PAGE_SIZE
from bugcheck.synth.truth import MachineTruth

_HIGH_PAGES = 0x200


def write_sparse_full_dump(path: Path, description: MachineDescription, size: int) -> MachineTruth:
    """Write a type 1 dump of `size` bytes (rounded down to pages) at `path` and return what is true of it.

    Its single run starts at frame 1; every page in use lies in the last 2 MiB. The description's own layout and large
    pages are dropped. Raises ValueError when `size` is too small for that.
    """
    placed = replace(description, physical_layout=((1, 1),), large_pages=())
    start = 0x2000 if description.architecture.is_64bit else 0x1000
    pages = (size - start) // PAGE_SIZE
    if pages < 2 * _HIGH_PAGES:
        raise ValueError(f"a sparse dump needs at least {start + 2 * _HIGH_PAGES * PAGE_SIZE:#x} bytes")
    built = build_machine(replace(placed, physical_layout=((1 + pages - _HIGH_PAGES, _HIGH_PAGES),)))
    truth = replace(built, description=replace(placed, physical_layout=((1, pages),)))
    with path.open("wb") as file:
        file.write(build_header(truth, DumpKind.FULL, start + pages * PAGE_SIZE))
        for frame in sorted(truth.physical.pages):
            file.seek(header_size(truth) + (frame - 1) * PAGE_SIZE)
            file.write(truth.physical.page(frame))
        file.truncate(start + pages * PAGE_SIZE)
    return truth
