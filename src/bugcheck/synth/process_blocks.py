"""A process's facts → the user-mode blocks a reader may walk: TEB, PEB, process parameters.

Source: offsets of TEB, PEB and RTL_USER_PROCESS_PARAMETERS as winsiderss/phnt (MIT) and skelsec's minidump
(structures/peb.py, MIT) have them; ARM shares x86's, ARM64 shares x64's.
"""

from collections.abc import Mapping

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.kernel_data import unicode_string
from bugcheck.synth.record import Record

TEB_SIZE = 0x2000


def build_teb(architecture: Architecture, teb: int, peb: int, ids: tuple[int, int], stack: tuple[int, int]) -> Record:
    """The TEB at `teb`: `ids` are process and thread id, `stack` its base (exclusive) and limit."""
    wide, width = architecture.is_64bit, architecture.pointer_size
    record = Record(TEB_SIZE)
    for index, value in enumerate(stack):
        record.uint(width * (1 + index), value, width)
    record.uint(0x30 if wide else 0x18, teb, width)
    record.uint(0x40 if wide else 0x20, ids[0], width)
    record.uint(0x48 if wide else 0x24, ids[1], width)
    record.uint(0x60 if wide else 0x30, peb, width)
    return record


def build_peb(architecture: Architecture, image_base: int, parameters: int) -> bytes:
    """A page of PEB that names the image's base and the process parameters."""
    wide, width = architecture.is_64bit, architecture.pointer_size
    record = Record(0x1000)
    record.uint(0x10 if wide else 0x08, image_base, width)
    record.uint(0x20 if wide else 0x10, parameters, width)
    return record.done()


def build_parameters(
    architecture: Architecture, address: int, image: str, command_line: str, environment: Mapping[str, str]
) -> bytes:
    """A page of RTL_USER_PROCESS_PARAMETERS at `address` with its strings and the environment behind it."""
    wide, width = architecture.is_64bit, architecture.pointer_size
    record = Record(0x1000)
    at = 0x400
    for offset, text in (
        (0x38 if wide else 0x24, "C:\\Windows\\"),  # CurrentDirectory
        (0x60 if wide else 0x38, image),  # ImagePathName
        (0x70 if wide else 0x40, command_line),  # CommandLine
    ):
        record.put(offset, unicode_string(architecture, text, address + at))
        encoded = text.encode("utf-16-le") + b"\0\0"
        record.put(at, encoded)
        at += len(encoded)
    record.uint(0x80 if wide else 0x48, address + 0x800, width)
    block = "".join(f"{name}={value}\0" for name, value in environment.items()) + "\0"
    record.put(0x800, block.encode("utf-16-le"))
    return record.done()
