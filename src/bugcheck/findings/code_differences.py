"""Code in memory and the same bytes of the image file → differences that no loader or kernel makes.

Source: PE Format (base relocations); Microsoft, "Mitigating Spectre variant 2 with Retpoline on Windows" and "import
optimization": the kernel turns `call/jmp [import]` sites into direct ones or into calls of retpolines when a driver is
loaded; /hotpatch leaves five bytes before and two bytes at a function's start to be replaced; windbg.md: debuggers
accept 90 for F0 (lock prefixes taken out on one processor).

Folklore: old debuggers took `48 ff 15` → `4c 8b 15 / e8` for damaged memory.  So every difference inside such a call
site is accepted, whatever it became, and a jump written over a function's start is told apart as a hook.
"""

from __future__ import annotations

import re

from bugcheck.records import dataclass

CALL_SITES = (b"\x48\xff\x15", b"\x48\xff\x25", b"\xff\x15", b"\xff\x25")
"""Calls and jumps through the import table, as compilers write them."""
FILLING = b"\x0f\x1f\x44\x00\x00"
"""Five bytes that compilers leave behind such a call for the kernel to rewrite."""
LONGEST_SITE = 12
SWITCH_JUMP = re.compile(rb"(?:\xff[\xe0-\xe7]\xcc{3}|\x41\xff[\xe0-\xe7]\xcc{2})")
"""A jump through a register with the int3s that leave room for a jump to a retpoline."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A run of bytes that differ. `offset` from the start of what was compared; `file`, `memory`: the bytes."""

    offset: int
    file: bytes
    memory: bytes

    @property
    def flipped_bits(self) -> int:
        """How many bits differ."""
        pairs = zip(self.file, self.memory, strict=True)
        return sum((a ^ b).bit_count() for a, b in pairs)

    @property
    def is_hook(self) -> bool:
        """Tell whether memory has a jump where the file has something else."""
        return len(self.memory) >= 2 and (self.memory[0] in (0xE9, 0xEB) or self.memory[:2] == b"\xff\x25")


def differences(file: bytes, memory: bytes, relocation: int, pointer_size: int) -> list[Difference]:
    """Compare code; `relocation` is the distance the image was moved from the address its header names."""
    found: list[Difference] = []
    size = min(len(file), len(memory))
    at = 0
    while at < size:
        if file[at] == memory[at] or {file[at], memory[at]} == {0x90, 0xF0}:
            at += 1
            continue
        accepted = _relocated_until(file, memory, at, relocation, pointer_size) or _call_site_until(file, at)
        if accepted:
            at = accepted
            continue
        end = at + 1
        while end < size and file[end : end + 2] != memory[end : end + 2]:
            end += 1
        found.append(Difference(at, file[at:end], memory[at:end]))
        at = end
    return found


def _relocated_until(file: bytes, memory: bytes, at: int, relocation: int, pointer_size: int) -> int:
    """Find the end of a pointer around byte `at` that was moved by just the image's distance; 0 when there is none."""
    mask = (1 << 8 * pointer_size) - 1
    for start in range(max(0, at - pointer_size + 1), at + 1) if relocation else ():
        stop = start + pointer_size
        old, new = file[start:stop], memory[start:stop]
        if len(old) == len(new) == pointer_size:
            moved = int.from_bytes(old, "little") + relocation & mask
            if moved == int.from_bytes(new, "little"):
                return stop
    return 0


def _call_site_until(file: bytes, at: int) -> int:
    """Find the end of a rewritable call or jump of the file around byte `at`, filling included; 0 for none."""
    for start in range(max(0, at - LONGEST_SITE), at + 1):
        switch = SWITCH_JUMP.match(file, start)
        if switch and switch.end() > at:
            return switch.end()
        if file.startswith(CALL_SITES, start):
            end = start + (7 if file[start] == 0x48 else 6)
            end += len(FILLING) if file.startswith(FILLING, end) else 0
            if end > at:
                return end
    return 0
