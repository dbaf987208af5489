"""Symbol and image files → seeds, damage that reaches their records, and a full use of what came of it.

A PDB is a file system of streams, so most damage is done inside one stream and the file written anew; the text formats
are damaged in their numbers and lines, because random bytes only ever make them unreadable.
"""

from __future__ import annotations

import json
import lzma
import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

from purepdb import MsfFile

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture
from bugcheck.errors import BugcheckError, NotInDump
from bugcheck.images.checksum import read_checksum
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.exports import read_exports
from bugcheck.images.pe_header import FileImage
from bugcheck.images.version_resource import read_version_info
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource
from bugcheck.stack.stacks import unwinder_for
from bugcheck.stack.walk import walk
from bugcheck.symbols.breakpad import open_breakpad
from bugcheck.symbols.exports import ExportSymbols
from bugcheck.symbols.isf import open_isf
from bugcheck.symbols.pdb.open import open_pdb
from bugcheck.symbols.symbols import Symbols
from bugcheck.symbols.types import TypeTable

SYMBOL_FORMATS = ("pdb", "pe_image", "isf", "breakpad")
TEXTS = ("isf", "breakpad")
HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared"
MSF_MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\x00\x00\x00"
SEED_LIMIT = {"pdb": 4 << 20, "pe_image": 1 << 18, "isf": 4 << 20, "breakpad": 1 << 16}
"""Bytes of the largest file that is taken as a seed: small ones are read in milliseconds and hold the same records."""
ISF_TYPES, ISF_SYMBOLS = 40, 300
"""Types and symbols that are kept of a real table, so that a mutant is read in milliseconds."""
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1000, 0x1001, 0xFFFF_FFF0)
BASE, STACK = 0x1_4000_0000, 0x2000_0000

_FOLDERS = {
    "pdb": ("tests/symbols/data/pdb", "corpus/synthetic", "story"),
    "pe_image": ("tests/symbols/data/pdb", "tests/stack/data", "tests/stack/data_x86", "corpus/synthetic", "story"),
    "isf": ("corpus/symbols/isf",),
    "breakpad": ("corpus/symbols/breakpad", "corpus/user"),
}
_SUFFIXES = {
    "pdb": (".pdb",),
    "pe_image": (".exe", ".dll", ".sys"),
    "isf": (".json.xz",),
    "breakpad": (".sym",),
}

BREAKPAD = r"""MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 test.pdb
INFO CODE_ID 5AB380779000 test.exe
FILE 1 c:\src\one.cc
FILE 2 c:\src\two.h
INLINE_ORIGIN 7 foo::bar(int)
FUNC m 1000 54 c first(int, char)
INLINE 0 20 1 7 1004 10 1030 4
1000 4 10 1
1004 10 11 2
FUNC 1100 20 0 second
PUBLIC m 1200 4 ?Third@Class@@QAEXXZ
STACK WIN 4 1000 54 6 0 8 4 14 30 1 $T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =
STACK WIN 0 1000 200 3 0 8 c 24 0 0 1
STACK CFI INIT 1100 20 .cfa: $esp 4 + .ra: .cfa 4 - ^
STACK CFI 1101 .cfa: $esp 8 +
"""


def isf_table() -> bytes:
    """Write a small Volatility table with every kind of type (schema 6.2)."""
    long = {"kind": "base", "name": "long"}
    fields = {
        "Bits": {"offset": 8, "type": {"kind": "bitfield", "bit_position": 3, "bit_length": 5, "type": long}},
        "Next": {"offset": 0, "type": {"kind": "pointer", "subtype": {"kind": "struct", "name": "_NODE"}}},
        "Names": {"offset": 12, "type": {"kind": "array", "count": 4, "subtype": long}},
        "Colour": {"offset": 28, "type": {"kind": "enum", "name": "_COLOUR"}},
        "u": {"offset": 32, "anonymous": True, "type": {"kind": "union", "name": "_INNER"}},
    }
    inner = {"Low": {"offset": 0, "type": long}, "High": {"offset": 4, "type": long}}
    base = {"long": ("int", 4, True), "pointer": ("int", 8, False), "void": ("void", 0, False)}
    return json.dumps(
        {
            "metadata": {"windows": {"pdb": {"GUID": "5278AFF86C341677D7D7835C85B7B844", "age": 1, "database": "nt"}}},
            "base_types": {
                name: {"kind": kind, "size": size, "signed": signed, "endian": "little"}
                for name, (kind, size, signed) in base.items()
            },
            "enums": {"_COLOUR": {"base": "long", "size": 4, "constants": {"Red": 0, "Green": 7}}},
            "symbols": {"First": {"address": 0x1000}, "?Second@C@@QEAAXXZ": {"address": 0x1150}},
            "user_types": {
                "_NODE": {"kind": "struct", "size": 40, "fields": fields},
                "_INNER": {"kind": "union", "size": 8, "fields": inner},
            },
        }
    ).encode()


def symbol_seeds(format_name: str, *, real: bool) -> Iterator[tuple[str, bytes]]:
    """List name and bytes of undamaged files: those of the tests, and with `real` those of ../shared."""
    if format_name == "isf":
        yield "built/table.json", isf_table()
    if format_name == "breakpad":
        yield "built/test.sym", BREAKPAD.encode()
    for folder in _FOLDERS[format_name]:
        root = HERE / folder if folder.startswith("tests/") else SHARED / folder
        if not real and root.is_relative_to(SHARED):
            continue
        for path in sorted(root.rglob("*")):
            if path.name.endswith(_SUFFIXES[format_name]) and path.stat().st_size <= SEED_LIMIT[format_name]:
                data = path.read_bytes()
                yield path.name, _less(json.loads(lzma.decompress(data))) if format_name == "isf" else data


def _less(table: dict[str, Any]) -> bytes:
    """Keep a part of a table."""
    for key, count in (("user_types", ISF_TYPES), ("symbols", ISF_SYMBOLS)):
        table[key] = dict(list(table[key].items())[:count])
    return json.dumps(table).encode()


# --- damage ---


def symbol_mutant(format_name: str, data: bytes, random: Random) -> bytes:
    """Damage a file in a way that reaches what its format holds."""
    if format_name == "pdb":
        return _damaged_pdb(data, random)
    if format_name == "pe_image":
        return _damaged_binary(data, random)
    if format_name == "isf" and random.random() < 0.8:
        return _damaged_json(data, random)
    return _damaged_text(data, random)


_VALUES: tuple[Any, ...] = (
    0,
    1,
    -1,
    1 << 31,
    1 << 64,
    1e308,
    1.5,
    True,
    None,
    "",
    "x" * 5000,
    [],
    {},
    {"kind": "struct"},
    "_NODE",
    "long",
)


def _damaged_json(data: bytes, random: Random) -> bytes:
    """Change values somewhere in a table to others, of any kind, so that it stays JSON; names move as well."""
    table = json.loads(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place, key = _place(table, random)
        donor, other = _place(table, random)
        new = json.loads(json.dumps(random.choice(_VALUES) if random.random() < 0.6 else donor[other]))
        if random.random() < 0.2 and isinstance(place, dict):
            place[str(random.choice(_VALUES))] = cast("dict[str, Any]", place).pop(key)
        else:
            place[key] = new
    return json.dumps(table).encode()


def _place(table: Any, random: Random) -> tuple[Any, Any]:
    """Go down a random way: a dictionary or list in the table, and a key in it; mostly deep."""
    place: Any = {"table": table}
    key: Any = "table"
    for depth in range(12):
        inner: Any = place[key]
        keys = _keys(inner)
        if not keys or (depth and random.random() < 0.15):
            break
        place, key = inner, random.choice(keys)
    return place, key


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value))
    return list(range(len(cast("list[Any]", value)))) if isinstance(value, list) else []


def _damaged_binary(data: bytes, random: Random) -> bytes:
    """Change one to sixteen places to extremes, copies of other places, random bytes; early places more often."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(min(random.choice((64, 512, 4096, len(made))), len(made)))
        size = random.choice((1, 2, 4))
        other = random.randrange(len(made))
        extreme = random.choice(EXTREMES) & (1 << 8 * size) - 1
        made[at : at + size] = random.choice(
            (extreme.to_bytes(size, "little"), bytes(made[other : other + size]), random.randbytes(size))
        )
    return bytes(made[: len(data)])


def _damaged_pdb(data: bytes, random: Random) -> bytes:
    """A third in the file's bytes, a third in one stream's (and so in records), a third cut there too."""
    kind = random.randrange(3)
    if kind == 0:
        return _damaged_binary(data, random)
    streams = streams_of(data)
    which = random.choice([number for number, stream in enumerate(streams) if stream and number])
    stream = _damaged_binary(streams[which], random)
    streams[which] = stream[: random.randrange(len(stream) + 1)] if kind == 2 else stream
    return write_msf(streams)


def streams_of(data: bytes) -> list[bytes]:
    """Read all streams of a PDB; one that is not there is empty."""
    msf = MsfFile(data)
    return [msf.read_stream(n) if msf.is_valid_stream(n) else b"" for n in range(msf.num_streams)]


def write_msf(streams: list[bytes], block: int = 4096) -> bytes:
    """Lay out streams as an MSF 7.00 file (LLVM, "The MSF File Format"), each in consecutive blocks."""
    blocks: list[bytes] = [b"", b"", b""]  # the superblock and two free block maps
    places: list[int] = []
    for stream in streams:
        first = len(blocks)
        blocks += [stream[at : at + block] for at in range(0, len(stream), block)]
        places += range(first, len(blocks))
    sizes = [len(stream) for stream in streams]
    directory = struct.pack(f"<{1 + len(sizes) + len(places)}I", len(sizes), *sizes, *places)
    first = len(blocks)
    blocks += [directory[at : at + block] for at in range(0, len(directory), block)]
    where = len(blocks)
    blocks.append(struct.pack(f"<{where - first}I", *range(first, where)))
    blocks[0] = MSF_MAGIC + struct.pack("<6I", block, 1, len(blocks), len(directory), 0, where)
    return b"".join(piece.ljust(block, b"\0") for piece in blocks)


_TOKEN = re.compile(rb'(?<![\w])(?:0x)?[0-9a-fA-F]+(?![\w])|"[^"\n]{0,60}"|[\[\]{}:,]')
_NUMBERS = (b"0", b"1", b"-1", b"4294967295", b"18446744073709551616", b"ffffffff", b"1e400", b"9" * 400, b"null", b"")


def _damaged_text(data: bytes, random: Random) -> bytes:
    """Change tokens to extremes or to each other, repeat, drop or nest pieces, flip bytes."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(max(1, len(made)))
        token = _TOKEN.search(made, at)
        kind = random.randrange(6)
        if kind < 3 and token is not None:
            other = _TOKEN.search(made, random.randrange(len(made)))
            new = random.choice(_NUMBERS) if kind < 2 or other is None else other.group()
            made[token.start() : token.end()] = new
        elif kind == 3:
            piece = bytes(made[at : at + random.choice((8, 80, 800))])
            made[at:at] = piece * random.choice((1, 2, 50))
        elif kind == 4:
            del made[at : at + random.choice((1, 16, 400))]
        else:
            made[at : at + 1] = random.choice((b"\0", b"\xff", b"\n", b"[" * 2000, b'{"a":' * 2000, b" ", b"\r"))
    return bytes(made)


# --- a full use ---


def use_pdb(data: bytes, name: str) -> str:
    """Open a PDB and ask it everything once; "refused" or "complete"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        try:
            with open_pdb(path, cache=None) as symbols:
                _ask(symbols)
                types = symbols.types
                _ask_types(types, types.names()[:200] if types else ())
        except BugcheckError:
            return "refused"
    return "complete"


def use_isf(data: bytes, name: str) -> str:
    """Open a Volatility table and ask it everything once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.json")
        path.write_bytes(data)
        try:
            symbols = open_isf(str(path), cache=None)
            _ask(symbols)
            _ask_types(symbols.types, re.findall(r'"(_[A-Z]\w+)"', data[:20_000].decode("latin1"))[:100])
        except BugcheckError:
            return "refused"
    return "complete"


def use_breakpad(data: bytes, name: str) -> str:
    """Open a Breakpad file and ask it everything once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.sym")
        path.write_bytes(data)
        try:
            symbols = open_breakpad(str(path))
            _ask(symbols)
            for rva in range(0x1000, 0x1300, 16):
                symbols.call_frame_rules(rva)
        except BugcheckError:
            return "refused"
    return "complete"


def use_image(data: bytes, name: str) -> str:
    """Read all that is read of an image file, and unwind a stack by its tables."""
    try:
        image = FileImage(BinaryView(data, name))
    except BugcheckError:
        return "refused"
    header = image.header
    read_debug_directory(image, header)
    read_version_info(image, header)
    read_checksum(image)
    _ask(ExportSymbols(read_exports(image, header), name, header.sections))
    architecture = _MACHINES.get(header.machine, Architecture.X64)
    for rva in (header.entry_point, *(section.rva + 0x20 for section in header.sections[:2])):
        _walk(image, architecture, rva)
    return "complete"


def _ask(symbols: Symbols) -> None:
    found = [symbol for symbol, _ in zip(symbols.symbols(), range(5000), strict=False)]
    for symbol in found[:50]:
        symbols.find(symbol.name)
    for rva in (*range(0x1000, 0x1300, 16), 0xFFFF_FFFF, *(symbol.rva + 1 for symbol in found[:50])):
        symbols.nearest(rva)
        symbols.frame_rule(rva)
        symbols.line_at(rva)
        symbols.inlines_at(rva)


def _ask_types(types: TypeTable | None, names: Sequence[str]) -> None:
    if types is None:
        return
    for name in names:
        types.layout(name)
        types.enumeration(name)


class _Words(AddressSpace):
    """A stack of pointers into the image, and nothing else."""

    pointer_size, address_bits = 8, 64

    def __init__(self, base: int) -> None:
        self.words = b"".join(struct.pack("<Q", base + 0x1000 + 0x35 * number) for number in range(512))

    def piece(self, address: int, size: int) -> bytes:
        """Give a piece of the stack. Raises NotInDump."""
        if STACK <= address < STACK + len(self.words):
            return self.words[address - STACK : address - STACK + size]
        raise NotInDump(address)

    def hole(self, address: int) -> int:  # noqa: ARG002
        """Nothing is told of holes."""
        return 1


class _Only:
    """The image is the only one; no symbols."""

    def __init__(self, image: FileImage) -> None:
        self.image = image

    def symbols_of(self, module: Module) -> None:
        """Never any."""

    def image_of(self, module: Module) -> FileImage:  # noqa: ARG002
        """Always this one."""
        return self.image


_MACHINES = {0x14C: Architecture.X86, 0x8664: Architecture.X64, 0xAA64: Architecture.ARM64}
_NAMES = {
    Architecture.X64: ("rip", "rsp", "rbp", "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15"),
    Architecture.ARM64: ("pc", "sp", "fp", "lr", *(f"x{number}" for number in range(19, 29))),
    Architecture.X86: ("eip", "esp", "ebp", "ebx", "esi", "edi"),
}


def _walk(image: FileImage, architecture: Architecture, rva: int) -> None:
    base = BASE if architecture is not Architecture.X86 else 0x40_0000
    module = Module("image", "image.sys", "image.sys", base, max(image.header.size_of_image, 0x1000), 0, 0)
    source = StackSource(_Words(base), ModuleList((module,)), _Only(image), (STACK, STACK + 0x1000))
    registers = dict.fromkeys(_NAMES[architecture], STACK + 0x100)
    registers[_NAMES[architecture][0]] = base + rva
    walk(Context(architecture, "fuzz", registers), unwinder_for(architecture), source, limit=64)


USES: dict[str, Callable[[bytes, str], str]] = {
    "pdb": use_pdb,
    "pe_image": use_image,
    "isf": use_isf,
    "breakpad": use_breakpad,
}
