"""What the targets share: forcing bytes into a format, and the loop of atheris, which is loaded only there."""

from __future__ import annotations

import sys
from collections.abc import Callable

from fuzz.examine import Use, survive

OneInput = Callable[[bytes], None]
_HEADER_SIZES = {b"PAGEDUMP": 0x1000, b"PAGEDU64": 0x2000}
_MACHINES = {b"PAGEDUMP": (0x20, (0x14C, 0x1C4)), b"PAGEDU64": (0x30, (0x8664, 0xAA64))}
_DUMP_TYPE_AT = {b"PAGEDUMP": 0xF88, b"PAGEDU64": 0xF98}


def fuzz(one_input: OneInput) -> None:
    """Let atheris call `one_input` until it finds something; its options are libFuzzer's (fuzz/README.md)."""
    from importlib import import_module

    atheris = import_module("atheris")  # in no lock file: see fuzz/README.md
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


def kernel_dump(dump_types: tuple[int, ...], behind_header: bytes = b"") -> OneInput:
    """Make a target of kernel dumps: magic, machine and dump type are put right, so that the reader itself is met.

    A short input is laid over the header with the reader's own block behind it: few bytes then reach far.
    """

    def one_input(data: bytes) -> None:
        magic = data[:8] if data[:8] in _HEADER_SIZES else (b"PAGEDU64", b"PAGEDUMP")[len(data) & 1]
        image = bytearray(data)
        if len(image) < _HEADER_SIZES[magic]:
            image = bytearray(_HEADER_SIZES[magic]) + behind_header + image
        image[:8] = magic
        offset, machines = _MACHINES[magic]
        if int.from_bytes(image[offset : offset + 4], "little") not in machines:
            image[offset : offset + 4] = machines[len(data) >> 1 & 1].to_bytes(4, "little")
        kind = dump_types[len(data) % len(dump_types)]
        image[_DUMP_TYPE_AT[magic] : _DUMP_TYPE_AT[magic] + 4] = kind.to_bytes(4, "little")
        survive(bytes(image), "fuzz.dmp")

    return one_input


def packed_file(magic: bytes, at: int = 0) -> OneInput:
    """Make a target of packed files that begin with `magic` (or have it `at` an offset)."""

    def one_input(data: bytes) -> None:
        image = bytearray(data.ljust(at + len(magic), b"\0"))
        image[at : at + len(magic)] = magic
        survive(bytes(image), "fuzz.packed", packed=True)

    return one_input


def used_file(magic: bytes, use: Use) -> OneInput:
    """Make a target of files that begin with `magic` and are asked all there is to ask."""

    def one_input(data: bytes) -> None:
        use(magic + data.removeprefix(magic), "fuzz")

    return one_input
