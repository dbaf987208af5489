"""Source of every expectation: rizin dmp_specs.h (dmp32_header, dmp64_header), Volatility crash.json, crash64.json."""

import struct

import pytest

from bugcheck.synth import DumpKind
from tests.synth.built import dump, machine

WIDE = ("x64", "arm64")
NARROW = ("x86", "x86_pae", "arm32")


@pytest.mark.parametrize("name", WIDE)
def test_header64(name: str) -> None:
    data, truth = dump(name, DumpKind.HEADER_ONLY), machine(name)
    description = truth.description
    assert data[:8] == b"PAGEDU64"
    assert struct.unpack_from("<IIQ", data, 8) == (15, description.build, truth.directory_table_base)
    assert struct.unpack_from("<II", data, 0x30) == (description.architecture.machine, len(description.processors))
    assert struct.unpack_from("<I4x4Q", data, 0x38) == (description.bugcheck.code, *description.bugcheck.parameters)
    context = truth.crashing_processor.context
    assert data[0x348 : 0x348 + len(context)] == context
    code, _, _, address, count = struct.unpack_from("<IIQQI", data, 0xF00)
    assert (code, address, count) == (0xC0000005, truth.description.exception.address, 2)  # type: ignore[union-attr]
    assert struct.unpack_from("<I", data, 0xF98)[0] == 3
    assert struct.unpack_from("<Q", data, 0xFA8)[0] == description.system_time
    assert struct.unpack_from("<Q", data, 0x1030)[0] == description.uptime
    assert struct.unpack_from("<II", data, 0x1040) == (description.product_type, description.suite_mask)
    # A field Windows does not set reads PAGE: here the runs of a dump without memory.
    assert data[0x88:0x90] == b"PAGEPAGE"


@pytest.mark.parametrize("name", NARROW)
def test_header32(name: str) -> None:
    data, truth = dump(name, DumpKind.HEADER_ONLY), machine(name)
    description = truth.description
    assert data[:8] == b"PAGEDUMP"
    assert struct.unpack_from("<III", data, 8) == (15, description.build, truth.directory_table_base)
    assert struct.unpack_from("<II", data, 0x20) == (description.architecture.machine, len(description.processors))
    assert struct.unpack_from("<5I", data, 0x28) == (description.bugcheck.code, *description.bugcheck.parameters)
    assert data[0x5C] == (name == "x86_pae")
    assert struct.unpack_from("<I", data, 0x60)[0] == truth.symbols["KdDebuggerDataBlock"]
    context = truth.crashing_processor.context
    assert data[0x320 : 0x320 + len(context)] == context
    assert struct.unpack_from("<I", data, 0xF88)[0] == 3
    assert struct.unpack_from("<Q", data, 0xFB8)[0] == description.uptime
    assert struct.unpack_from("<Q", data, 0xFC0)[0] == description.system_time


@pytest.mark.parametrize(("name", "start"), [("x64", 0x2000), ("arm64", 0x2000), ("x86", 0x1000), ("x86_pae", 0x1000)])
@pytest.mark.parametrize("kind", [DumpKind.FULL, DumpKind.BITMAP_KERNEL, DumpKind.SUMMARY], ids=lambda k: k.name)
def test_required_space_is_the_files_size(name: str, start: int, kind: DumpKind) -> None:
    data = dump(name, kind)
    blobs = machine(name).description.blobs[0]
    required = struct.unpack_from("<Q", data, 0xFA0)[0]
    assert required == len(data) - 0x30 - len(blobs.data)
    assert required % 0x1000 == 0
    assert required > start
