"""`bugcheck extract`: bytes of memory, to a file or as a hexadecimal listing."""

from __future__ import annotations

import sys
from argparse import Namespace

from bugcheck.addresses import format_address, parse_address
from bugcheck.api import Outcome, open_all, read_memory
from bugcheck.cli.arguments import password_of
from bugcheck.cli.terminal import complain, output
from bugcheck.dump.dump import Dump
from bugcheck.errors import BugcheckError, PartialRead, UsageError


def run(options: Namespace) -> int:
    """Read the bytes; 0 all there, 2 wrong usage, 3 unreadable, 4 only the first part is there."""
    opened = list(open_all(options.files, standard_input=sys.stdin.buffer, password=password_of(options)))
    dump = None if isinstance(opened[0], Outcome) else opened[0].dump
    if dump is None:
        complain(str(opened[0].error))
        return 3
    if len(opened) > 1:
        complain(f"{options.files[0]} holds {len(opened)} dumps: unpack it first")
        return 2
    try:
        address, size = parse_address(options.memory[0]), parse_address(options.memory[1])
        return _extract(dump, address, size, options)
    except UsageError as error:
        complain(str(error))
        return 2
    except (BugcheckError, OSError) as error:
        complain(str(error))
        return 3


def _extract(dump: Dump, address: int, size: int, options: Namespace) -> int:
    status = 0
    try:
        data = read_memory(dump, address, size, physical=options.physical)
    except PartialRead as fault:
        complain(str(fault))
        data, status = read_memory(dump, address, fault.available, physical=options.physical), 4
    if options.output:
        with open(options.output, "wb") as file:  # noqa: PTH123 (pathlib costs 10 ms)
            file.write(data)
        return status
    with output(None) as stream:
        for offset in range(0, len(data), 16):
            stream.write(_line(address + offset, data[offset : offset + 16], dump.architecture.bits) + "\n")
    return status


def _line(address: int, data: bytes, bits: int) -> str:
    digits = " ".join(f"{byte:02x}" for byte in data[:8]) + "-" + " ".join(f"{byte:02x}" for byte in data[8:])
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return f"{format_address(address, bits)}  {digits.rstrip('-'):<47}  {text}"
