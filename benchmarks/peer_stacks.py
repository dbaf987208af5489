"""`peer_stacks.py [--symbols PATH] [--json] DUMP…`: our stacks and minidump_stackwalk's, each frame judged.

A frame is judged by what the dump itself holds, never by either program:

| judgement | what it takes |
|---|---|
| true | it stands on the written stack, or on the shadow stack, in order |
| false | a written or shadow stack lacks it; or below 0x10000, in an image's headers or data, or no call before it |
| open | the dump cannot tell |

A written stack is one that the crashed program's own reporter told: lines `THREAD-ID ADDRESS ADDRESS …`, innermost
first, in a file DUMP.stacks beside the dump.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers import stackwalk
from bugcheck.api import SymbolOptions, analyze
from bugcheck.dump.dump import RawThread
from bugcheck.errors import BugcheckError
from bugcheck.machine.machine import Machine
from bugcheck.stack.call_sites import calls_before
from bugcheck.stack.frame import StackSource
from bugcheck.stack.module_image import ModuleImages
from bugcheck.stack.stacks import NoSymbols, thread_stacks

LOWEST_CODE = 0x1_0000
HEADERS = 0x1000
_THREAD = re.compile(r"Thread (\d+)")
_REGISTER = re.compile(r"\b(?:rip|eip|pc) = 0x([0-9a-f]+)")
_LEVEL = re.compile(r"\s*\d+  \S")
DUMPING_THREAD = "0x47670001"
"""MD_BREAKPAD_INFO_STREAM: the thread that wrote the dump, which minidump_stackwalk leaves out."""


@dataclass(slots=True)
class Count:
    """Frames of one program."""

    listed: int = 0
    true: int = 0
    false: int = 0


@dataclass(slots=True)
class Comparison:
    """One dump: its threads, how many have a known stack, and what either program lists of them."""

    name: str
    threads: int = 0
    known: int = 0
    frames: int = 0
    ours: Count = field(default_factory=Count)
    peer: Count = field(default_factory=Count)
    fewer: int = 0
    more: int = 0


def peer_threads(program: Path, dump: Path, symbols: str | None) -> dict[int, list[int]]:
    """Run minidump_stackwalk; instruction pointers by the number it gives a thread."""
    command = [str(program), str(dump), *([symbols] if symbols else [])]
    text = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace").stdout
    threads: dict[int, list[int]] = {}
    frames: list[int] | None = None
    for line in text.partition("\nLoaded modules")[0].splitlines():
        if found := _THREAD.match(line):
            frames = threads.setdefault(int(found[1]), [])
        elif frames is not None and _LEVEL.match(line):
            frames.append(0)
        elif frames and (found := _REGISTER.search(line)):
            frames[-1] = frames[-1] or int(found[1], 16)
    return threads


def written_stacks(dump: Path) -> dict[int, list[int]]:
    """Stacks written beside the dump."""
    try:
        lines = dump.with_name(dump.name + ".stacks").read_text("ascii").splitlines()
    except OSError:
        return {}
    rows = [[int(word, 0) for word in line.split()] for line in lines]
    return {row[0]: row[1:] for row in rows if row}


def shadow_stack(machine: Machine, thread: RawThread) -> list[int]:
    """The thread's frames as its shadow stack has them: the processor's own list; empty without one."""
    context = machine.thread_context(thread)
    top = context.registers.get("ssp") if context is not None else None
    if context is None or top is None or context.instruction_pointer is None:
        return []
    data = machine.memory.read_up_to(top, 0x1000)
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8)]
    until = words.index(0) if 0 in words else len(words)
    return [context.instruction_pointer, *words[:until]]


def in_order(frames: Sequence[int], true: Sequence[int]) -> int:
    """How many of the frames stand on the true stack in this order (longest common subsequence)."""
    row = [0] * (len(true) + 1)
    for frame in frames:
        before = 0
        for index, other in enumerate(true):
            keep = row[index + 1]
            row[index + 1] = before + 1 if frame == other else max(row[index + 1], row[index])
            before = keep
    return row[-1]


def disproved(frames: Sequence[int], images: ModuleImages, source: StackSource, machine: Machine) -> int:
    """How many frames behind the first cannot be return addresses."""
    return sum(_is_disproved(frame, images, source, machine) for frame in frames[1:])


def _is_disproved(address: int, images: ModuleImages, source: StackSource, machine: Machine) -> bool:
    if address < LOWEST_CODE:
        return True
    image = images.at(address - 1, source)
    if image is None:
        return calls_before(machine.memory, address, machine.architecture) == ()
    rva = address - image.module.base
    in_data = rva <= HEADERS or image.is_executable(rva - 1) is False
    return in_data or calls_before(image, rva, machine.architecture) == ()


def compare(program: Path, dump: Path, symbols: str | None) -> Comparison:
    """Compare all threads of a dump. Raises BugcheckError where it is none of Windows."""
    machine = analyze(
        str(dump), hash_file=False, symbols=SymbolOptions(local_path=symbols) if symbols else None
    ).machine
    theirs, written = peer_threads(program, dump, symbols), written_stacks(dump)
    found = Comparison(dump.name, len(machine.dump.threads))
    writer = _writer(machine, dump)
    source = StackSource(machine.memory, machine.modules_with_user, machine.symbolizer or NoSymbols())
    images, number = ModuleImages(), 0
    for thread in machine.dump.threads:
        if thread.id == writer:
            continue
        stacks = thread_stacks(machine, thread)
        ours = [frame.ip for frame in stacks[0].frames if not frame.inline] if stacks else []
        peer, number = theirs.get(number, []), number + 1
        true = _known(ours, written.get(thread.id) or shadow_stack(machine, thread))
        _count(found, ours, peer, true, [disproved(frames, images, source, machine) for frames in (ours, peer)])
    return found


def _known(ours: Sequence[int], true: list[int]) -> list[int]:
    """The true stack from the frame on where ours begins; none where it was taken at another moment."""
    return true[true.index(ours[0]) :] if ours and ours[0] in true else []


def _count(found: Comparison, ours: list[int], peer: list[int], true: list[int], disproofs: list[int]) -> None:
    hits = [in_order(frames, true) for frames in (ours, peer)]
    for count, frames, right, wrong in zip((found.ours, found.peer), (ours, peer), hits, disproofs, strict=True):
        count.listed += len(frames)
        count.true += right
        count.false += len(frames) - right if true else wrong
    found.known += bool(true)
    found.frames += len(true)
    found.fewer += hits[0] < hits[1]
    found.more += hits[0] > hits[1]


def _writer(machine: Machine, dump: Path) -> int | None:
    """Thread that wrote the dump, by Breakpad's own stream."""
    stream = next((each for each in machine.dump.streams if each.kind == DUMPING_THREAD), None)
    if stream is None or stream.size < 8:
        return None
    with dump.open("rb") as file:
        file.seek(stream.file_offset)
        valid, thread = (int.from_bytes(file.read(4), "little") for _ in range(2))
    return thread if valid & 1 else None


def table(rows: Sequence[Comparison]) -> Iterator[str]:
    """Lines of a Markdown table."""
    heads = ["dump", "threads", "known stacks", "their frames", "ours: listed", "true", "false"]
    heads += ["minidump_stackwalk: listed", "true", "false", "threads with fewer true frames than its", "with more"]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" + "|---:" * (len(heads) - 1) + "|"
    for row in rows:
        cells = [row.name, row.threads, row.known, row.frames, *asdict(row.ours).values()]
        cells += [*asdict(row.peer).values(), row.fewer, row.more]
        yield "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> int:
    """Compare the dumps named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path, metavar="DUMP")
    parser.add_argument("--symbols", help="symbol path, given to both")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    program = stackwalk()
    if program is None:
        print("minidump_stackwalk is not there: npm pack minidump, and unpack it into benchmarks/out/")
        return 0
    rows: list[Comparison] = []
    for dump in options.dumps:
        try:
            rows.append(compare(program, dump, options.symbols))
        except BugcheckError as error:
            print(f"left out: {error}", file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows]) if options.json else "\n".join(table(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
