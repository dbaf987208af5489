"""Broken images and stacks: walks over them must end, soon and without an exception."""

from __future__ import annotations

import random
import time
from pathlib import Path

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.machine.modules import ModuleList
from bugcheck.stack.arm64 import Arm64Unwinder
from bugcheck.stack.frame import StackSource
from bugcheck.stack.walk import FRAME_LIMIT, walk
from bugcheck.stack.x64 import REGISTERS, X64Unwinder
from tests.stack.sources import NoSymbols, Pieces, loaded, module_of

BASE, STACK, STACK_SIZE = 0x1_4000_0000, 0x2000_0000, 0x8000
SECONDS_PER_WALK = 10.0
DATA = Path(__file__).parent / "data"


def walk_mutants(name: str, architecture: Architecture, count: int) -> None:
    """Walk random stacks over an image whose tables were changed at random, from random places in its code."""
    original = (DATA / name).read_bytes()
    module = module_of(original, BASE)
    image = loaded(original)
    for seed in range(count):
        dice = random.Random(seed)
        data = bytearray(image)
        tables = range(0x1000, len(data)) if seed % 2 else range(min(len(data), 0x5000), len(data))
        for _ in range(dice.choice((0, 4, 64, 1024))):
            data[dice.choice(tables)] = dice.randrange(256)
        if seed % 7 == 0:  # headers as well
            data[dice.randrange(0x400)] = dice.randrange(256)
        pieces = {BASE: bytes(data), STACK: _stack(dice, len(data))}
        source = StackSource(Pieces(pieces), ModuleList((module,)), NoSymbols(), (STACK, STACK + STACK_SIZE))
        context = _context(dice, architecture, len(data))
        unwinder = X64Unwinder() if architecture is Architecture.X64 else Arm64Unwinder()
        started = time.process_time()
        stack = walk(context, unwinder, source)
        assert time.process_time() - started < SECONDS_PER_WALK, seed
        assert 1 <= len(stack.frames) <= FRAME_LIMIT, seed


def _stack(dice: random.Random, image_size: int) -> bytes:
    """Random words: numbers, pointers into the code, pointers into the stack itself."""
    words: list[int] = []
    for _ in range(STACK_SIZE // 8):
        kind = dice.randrange(4)
        if kind == 0:
            words.append(dice.getrandbits(64))
        elif kind == 1:
            words.append(BASE + 0x1000 + dice.randrange(image_size))
        elif kind == 2:
            words.append(STACK + 8 * dice.randrange(STACK_SIZE // 8))
        else:
            words.append(0)
    return b"".join(word.to_bytes(8, "little") for word in words)


def _context(dice: random.Random, architecture: Architecture, image_size: int) -> Context:
    names = REGISTERS if architecture is Architecture.X64 else (*(f"x{n}" for n in range(29)), "fp", "lr")
    registers = {name: STACK + 8 * dice.randrange(STACK_SIZE // 8) for name in names}
    sp, ip = ("rsp", "rip") if architecture is Architecture.X64 else ("sp", "pc")
    registers[sp] = STACK + 8 * dice.randrange(STACK_SIZE // 16)
    registers[ip] = BASE + 0x1000 + dice.randrange(image_size - 0x1000)
    if architecture is Architecture.ARM64:
        registers[ip] &= ~3
    return Context(architecture, "mutant", registers)
