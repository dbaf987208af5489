"""Code bytes → mnemonics and operands, by capstone's shared library.

Source: capstone's C interface (capstone.h, version 5): cs_open, cs_disasm, cs_free, struct cs_insn.

Folklore: capstone's Python module takes 40 ms to import, for it loads the tables of twenty architectures; the library
itself is mapped in 2 ms.  So its C functions are called directly, and the module only where the library is not where
the wheel puts it (a distribution's package, say).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

ARM, ARM64, X86 = 0, 1, 3
"""CS_ARCH_ARM, CS_ARCH_ARM64, CS_ARCH_X86."""
MODE_32, MODE_64, MODE_ARM, MODE_THUMB = 1 << 2, 1 << 3, 0, 1 << 4
SUPPORTED_VERSION = 5

Decoded = tuple[int, int, str, str]
"""Address, size in bytes, mnemonic, operands."""


class _Instruction(ctypes.Structure):
    """struct cs_insn of capstone 5."""

    _fields_ = (
        ("id", ctypes.c_uint),
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint16),
        ("bytes", ctypes.c_ubyte * 24),
        ("mnemonic", ctypes.c_char * 32),
        ("op_str", ctypes.c_char * 160),
        ("detail", ctypes.c_void_p),
    )


class Engine(NamedTuple):
    """A decoder for one processor mode: bytes, address, most instructions → what they decode to."""

    decode: Callable[[bytes, int, int], Iterator[Decoded]]


def is_installed() -> bool:
    """Tell whether capstone is there at all (it has no wheel for Windows on ARM64)."""
    return find_spec("capstone") is not None


@cache
def open_engine(architecture: int, mode: int) -> Engine | None:
    """Open a decoder; None when capstone is not installed or refuses the mode."""
    library = _library()
    if library is None:
        return _by_module(architecture, mode)
    handle = ctypes.c_size_t()
    if library.cs_open(architecture, mode, ctypes.byref(handle)) != 0:
        return None

    def decode(code: bytes, address: int, count: int) -> Iterator[Decoded]:
        found = ctypes.POINTER(_Instruction)()
        number = library.cs_disasm(
            handle,
            code,
            ctypes.c_size_t(len(code)),
            ctypes.c_uint64(address),
            ctypes.c_size_t(count),
            ctypes.byref(found),
        )
        try:
            for index in range(number):
                each = found[index]
                yield each.address, each.size, each.mnemonic.decode(), each.op_str.decode()
        finally:
            if number:
                library.cs_free(found, ctypes.c_size_t(number))

    return Engine(decode)


@cache
def _library() -> Any:
    """Map the wheel's shared library; None where it is not, or is of another version."""
    spec = find_spec("capstone")
    if spec is None or spec.origin is None:
        return None
    name = {"win32": "capstone.dll", "darwin": "libcapstone.dylib"}.get(sys.platform, "libcapstone.so")
    path = os.path.join(os.path.dirname(spec.origin), "lib", name)  # noqa: PTH118, PTH120 (pathlib costs 3 ms)
    try:
        library = ctypes.CDLL(path)
        major = ctypes.c_int()
        library.cs_version(ctypes.byref(major), ctypes.byref(ctypes.c_int()))
    except (OSError, AttributeError):
        return None
    if major.value != SUPPORTED_VERSION:
        return None
    library.cs_disasm.restype = ctypes.c_size_t
    return library


def _by_module(architecture: int, mode: int) -> Engine | None:
    try:
        import capstone  # type: ignore[import-untyped]  # 40 ms
    except ImportError:
        return None
    engine: Any = capstone.Cs(architecture, mode)

    def decode(code: bytes, address: int, count: int) -> Iterator[Decoded]:
        return iter(engine.disasm_lite(code, address, count))

    return Engine(decode)
