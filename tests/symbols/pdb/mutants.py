"""Mutants of a PDB, and a full use of one: what a damaged or hostile file can reach."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from bugcheck.errors import BugcheckError
from bugcheck.symbols.pdb.open import open_pdb
from tests.symbols.pdb.fixtures import streams_of, write_msf

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x1000, 0x1001, 0xFFFFFFF0)


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Make mutants: a third in the file's bytes, a third in one stream's (and so in records), a third cut there too."""
    source = random.Random(seed)
    streams = streams_of(data)
    full = [number for number, stream in enumerate(streams) if stream]
    for number in range(count):
        if number % 3 == 0:
            yield changed(data, source)
            continue
        made = list(streams)
        which = source.choice(full[1:])
        stream = changed(made[which], source)
        made[which] = stream[: source.randrange(len(stream) + 1)] if number % 3 == 2 else stream
        yield write_msf(made)


def changed(data: bytes, source: random.Random) -> bytes:
    """Change one to sixteen places to extremes, copies of other places, random bytes; early places more often."""
    made = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        reach = source.choice((64, 512, 4096, len(made)))
        at = source.randrange(min(reach, len(made)))
        size = source.choice((1, 2, 4))
        kind = source.randrange(3)
        if kind == 0:
            value = (source.choice(EXTREMES) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        elif kind == 1:
            other = source.randrange(len(made))
            value = bytes(made[other : other + size])
        else:
            value = source.randbytes(size)
        made[at : at + len(value)] = value
    return bytes(made[: len(data)])


def use(path: Path, cache: Path | None) -> str:
    """Open a PDB and ask it everything once; "ok", or the name of the error."""
    try:
        with open_pdb(path, cache=cache) as symbols:
            found = list(symbols.symbols())
            for symbol in found[:50]:
                symbols.find(symbol.name)
            for rva in (*range(0x1000, 0x1300, 16), 0xFFFF_FFFF, *(symbol.rva + 1 for symbol in found[:20])):
                symbols.nearest(rva)
                symbols.frame_rule(rva)
            types = symbols.types
            for name in types.names()[:200] if types else ():
                assert types is not None
                types.layout(name)
                types.enumeration(name)
            for rva in range(0x1000, 0x1300, 48):
                symbols.line_at(rva)
                symbols.inlines_at(rva)
    except BugcheckError as error:
        return type(error).__name__
    return "ok"
