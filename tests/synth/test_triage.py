"""Source of every expectation: member offsets of rizin dmp_specs.h (TRIAGE_DUMP32/64, driver entries) and what real
triage dumps show: order of parts, alignment, trailer, 16-byte blocks on 32-bit machines, blobs behind SizeOfDump."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bugcheck.synth import DumpKind, build_kernel_dump, x64_machine
from bugcheck.synth.kernel_layouts import kernel_layout
from tests.synth.built import dump, machine

NAMES = ("x64", "x86", "x86_pae", "arm64", "arm32")
KINDS = (DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES)
CASES = pytest.mark.parametrize(
    ("name", "kind"), [(n, k) for n in NAMES for k in KINDS], ids=lambda v: getattr(v, "name", v)
)
FIRST = (
    "service_pack", "size", "valid", "context", "exception", "mm", "unloaded", "prcb", "process", "thread", "stack",
    "stack_size", "drivers", "driver_count", "strings", "strings_size", "broken", "options",
)  # fmt: skip
LAST = ("kdbg", "kdbg_size", "blocks", "block_count")


@dataclass
class Triage:
    """The triage block of a dump, and the dump."""

    data: bytes
    wide: bool
    fields: dict[str, int]

    def number(self, offset: int) -> int:
        return int.from_bytes(self.data[offset : offset + (8 if self.wide else 4)], "little")

    def string(self, offset: int) -> str:
        count = int.from_bytes(self.data[offset : offset + 4], "little")
        text = self.data[offset + 4 : offset + 4 + 2 * count]
        assert self.data[offset + 4 + 2 * count :][:2] == b"\0\0"
        return text.decode("utf-16-le")

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        for index in range(self.fields["block_count"]):
            address, offset, size = struct.unpack_from("<QII", self.data, self.fields["blocks"] + 16 * index)
            yield address, self.data[offset : offset + size]


def triage(data: bytes) -> Triage:
    wide = data[4:8] == b"DU64"
    start = 0x2000 if wide else 0x1000
    values = dict(zip(FIRST, struct.unpack_from("<18I", data, start), strict=True))
    values.update(zip(LAST, struct.unpack_from("<4I", data, start + (0x70 if wide else 0x58)), strict=True))
    values["top"] = int.from_bytes(data[start + 0x48 : start + (0x50 if wide else 0x4C)], "little")
    return Triage(data, wide, values)


def assert_order_and_alignment(fields: dict[str, int]) -> None:
    full = ["mm", "unloaded", "prcb", "process", "thread", "stack", "kdbg", "drivers", "strings", "blocks", "valid"]
    base = ["mm", "prcb", "process", "thread", "stack", "kdbg", "unloaded", "drivers", "strings", "blocks", "valid"]
    offsets = [fields[part] for part in (full if fields["options"] == 0xFFFFFFFF else base)]
    assert offsets == sorted(set(offsets))
    assert all(offset % 8 == 0 for offset in offsets[:-1])
    assert fields["valid"] % 4 == 0


@pytest.mark.corpus
def test_real_dumps_have_the_order_and_alignment_asked_for_here(corpus: Path) -> None:
    seen: set[int] = set()
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        parsed = triage(path.read_bytes())
        fields = parsed.fields
        assert_order_and_alignment(fields)
        assert fields["mm"] == (0x2080 if parsed.wide else 0x1068)
        assert parsed.data[fields["valid"] :][:4] == b"TRGD"
        assert (fields["strings"] - fields["drivers"]) // fields["driver_count"] == (0x90 if parsed.wide else 0x4C)
        assert fields["unloaded"] + parsed.number(fields["unloaded"]) * (0x38 if parsed.wide else 0x28) < len(
            parsed.data
        )
        first = int.from_bytes(parsed.data[fields["drivers"] :][:4], "little")
        assert parsed.string(first).endswith("ntoskrnl.exe")
        assert all(address >> 40 in (0, 0xFFFFFF) or parsed.wide for address, _ in parsed.blocks())
        seen.add(fields["options"])
    assert seen == {0xFFFFFFFF, 0x41}


@CASES
def test_parts_stand_in_the_layouts_order(name: str, kind: DumpKind) -> None:
    fields = triage(dump(name, kind)).fields
    assert_order_and_alignment(fields)
    wide = machine(name).description.architecture.is_64bit
    assert fields["mm"] == (0x2080 if wide else 0x1068)  # in all real dumps looked at
    assert fields["options"] == (0xFFFFFFFF if kind is DumpKind.TRIAGE_FULL_PATHS else 0x41)
    assert (fields["context"], fields["exception"]) == ((0x348, 0xF00) if wide else (0x320, 0x7D0))


@CASES
def test_trailer_and_blobs(name: str, kind: DumpKind) -> None:
    data = dump(name, kind)
    fields = triage(data).fields
    assert fields["valid"] == fields["size"] - 4
    assert data[fields["valid"] : fields["size"]] == b"TRGD"
    section = data[fields["size"] :]
    assert section[:8] == b"DumpBlob"
    assert struct.unpack_from("<II", section, 8) == (0x10, 0xF0000000 | machine(name).description.build)
    blob = machine(name).description.blobs[0]
    assert struct.unpack_from("<I16sIII", section, 0x10) == (0x20, blob.tag, len(blob.data), 0, 0)
    assert section[0x30:] == blob.data


def test_without_blobs_the_file_ends_behind_the_trailer() -> None:
    data = build_kernel_dump(replace(x64_machine(), blobs=()), DumpKind.TRIAGE_FULL_PATHS)
    assert triage(data).fields["size"] == len(data)


@CASES
def test_copies_of_prcb_process_thread_stack_and_kdbg(name: str, kind: DumpKind) -> None:
    parsed, truth = triage(dump(name, kind)), machine(name)
    layout = kernel_layout(truth.description.layout)
    process = truth.processes[0]
    copies = {
        "prcb": (truth.processors[0].prcb, layout["kprcb"]["size"]),
        "process": (process.address, layout["eprocess"]["size"]),
        "thread": (process.threads[0].address, layout["ethread"]["size"]),
        "stack": (parsed.fields["top"], parsed.fields["stack_size"]),
    }
    for part, (address, size) in copies.items():
        offset = parsed.fields[part]
        assert parsed.data[offset : offset + size] == truth.read(address, size), part
    kdbg = parsed.fields["kdbg"]
    assert parsed.data[kdbg : kdbg + parsed.fields["kdbg_size"]] == truth.kdbg
    thread = truth.description.processes[0].threads[0]
    assert parsed.fields["top"] + parsed.fields["stack_size"] == thread.stack_base


@CASES
def test_driver_list(name: str, kind: DumpKind) -> None:
    parsed, truth = triage(dump(name, kind)), machine(name)
    modules = truth.description.modules
    assert parsed.fields["driver_count"] == len(modules)
    size, entry = (0x90, 8) if parsed.wide else (0x4C, 4)
    for index, module in enumerate(modules):
        at = parsed.fields["drivers"] + size * index
        text = parsed.string(int.from_bytes(parsed.data[at : at + 4], "little"))
        assert text == (module.path if kind is DumpKind.TRIAGE_FULL_PATHS else module.name)
        at += entry
        assert parsed.number(at + (0x30 if parsed.wide else 0x18)) == module.base
        places = (0x40, 0x78, 0x80) if parsed.wide else (0x20, 0x40, 0x44)
        found = tuple(struct.unpack_from("<I", parsed.data, at + place)[0] for place in places)
        assert found == (module.size, module.checksum, module.timestamp)
    assert parsed.string(parsed.fields["broken"]) == "flaky.sys"


@CASES
def test_unloaded_drivers_keep_twelve_characters(name: str, kind: DumpKind) -> None:
    parsed, truth = triage(dump(name, kind)), machine(name)
    at, width = parsed.fields["unloaded"], 8 if parsed.wide else 4
    assert parsed.number(at) == len(truth.description.unloaded)
    for index, driver in enumerate(truth.description.unloaded):
        entry = at + width + (4 * width + 24) * index
        length = struct.unpack_from("<H", parsed.data, entry)[0]
        text = parsed.data[entry + 2 * width : entry + 2 * width + length].decode("utf-16-le")
        assert text == driver.name[:12]
        assert parsed.number(entry + 2 * width + 24) == driver.start
        assert parsed.number(entry + 3 * width + 24) == driver.end


@CASES
def test_data_blocks_hold_the_machines_memory(name: str, kind: DumpKind) -> None:
    parsed, truth = triage(dump(name, kind)), machine(name)
    mask = truth.description.architecture.pointer_mask
    blocks = dict(parsed.blocks())
    assert len(blocks) == parsed.fields["block_count"] > 5
    for address, data in blocks.items():
        assert data
        assert truth.read(address & mask, len(data)) == data
        assert address >> 32 == 0xFFFFFFFF or parsed.wide  # sign-extended on 32-bit machines
    assert any(truth.description.build_lab.encode() in data for data in blocks.values())


def test_encoded_kdbg_is_plain_in_a_triage_dump() -> None:
    parsed = triage(dump("x64_encoded", DumpKind.TRIAGE_FULL_PATHS))
    kdbg = parsed.fields["kdbg"]
    assert parsed.data[kdbg + 0x10 : kdbg + 0x14] == b"KDBG"
