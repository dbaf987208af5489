"""Small numbers of the kernel (IRQL, pool type, page protection, trap, access, machine) → their names.

Source of truth: names.tsv, from Microsoft's documentation (winnt.h, wdm.h, "Managing Hardware Priorities", "Bug Check
0xA, 0x50, 0x7F, 0xD1, 0xFC") and the Intel SDM vol. 3 ch. 6 for traps.

Folklore: x86 has 32 IRQLs and x64, ARM and ARM64 have 16, so 0x1f is HIGH_LEVEL on one and impossible on the other; a
debugger prints 0xff where a driver passed garbage.  Bug check 0xA calls 8 "execute" but 0 and 1 are read and write; on
x86 kernels the old texts know bit 0 only.  0x50 passes 2 for a write and 0x10 for an execute on newer kernels.
"""

from __future__ import annotations

from bugcheck.knowledge.tables import find_row

_X86_IRQLS = {27: "PROFILE_LEVEL", 28: "CLOCK2_LEVEL", 29: "IPI_LEVEL", 30: "POWER_LEVEL", 31: "HIGH_LEVEL"}
_WIDE_IRQLS = {12: "SYNCH_LEVEL", 13: "CLOCK_LEVEL", 14: "IPI_LEVEL", 15: "HIGH_LEVEL"}
_LOW_IRQLS = ("PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL")
_PROTECTION_FLAGS = {0x100: "PAGE_GUARD", 0x200: "PAGE_NOCACHE", 0x400: "PAGE_WRITECOMBINE"}
_POOL_NX, _POOL_SESSION = 0x200, 0x20


def irql_name(irql: int, architecture: str) -> str:
    """Return the name of an interrupt request level: "DISPATCH_LEVEL", "DIRQL 5", "IRQL 0x77 (impossible)".

    Args:
        irql: the level, 0 to 31 on "x86", 0 to 15 elsewhere.
        architecture: "x86", "x64", "arm" or "arm64".
    """
    highest = 31 if architecture == "x86" else 15
    if not 0 <= irql <= highest:
        return f"IRQL {irql:#x} (impossible)"
    if irql < len(_LOW_IRQLS):
        return _LOW_IRQLS[irql]
    named = (_X86_IRQLS if architecture == "x86" else _WIDE_IRQLS).get(irql)
    return named or f"DIRQL {irql}"


def machine_name(machine: int) -> tuple[str, str] | None:
    """Return constant and plain name of an IMAGE_FILE_MACHINE value ("IMAGE_FILE_MACHINE_AMD64", "x64"), or None."""
    return _pair(f"machine:{machine:04x}")


def pool_type_name(pool_type: int) -> tuple[str, str] | None:
    """Return constant and plain words of a POOL_TYPE, or None; quota and raise bits are ignored."""
    return _pair(f"pool:{pool_type & (_POOL_NX | _POOL_SESSION | 7):03x}") if pool_type >= 0 else None


def protection_name(protection: int) -> str:
    """Return a PAGE_… word as the kernel stores it: "PAGE_READWRITE | PAGE_GUARD"; unknown bits in hex."""
    base = _pair(f"protection:{protection & 0xFF:02x}")
    parts = [base[0]] if base else [f"{protection & 0xFF:#x}"] if protection & 0xFF or not protection else []
    parts += [name for bit, name in _PROTECTION_FLAGS.items() if protection & bit]
    rest = protection & ~0x7FF
    return " | ".join(parts + ([f"{rest:#x}"] if rest else []))


def trap_name(trap: int) -> tuple[str, str] | None:
    """Return mnemonic and words of an x86 or x64 processor exception, 0 to 0x15 ("#DF", "double fault: …"), or None."""
    return _pair(f"trap:{trap:02x}")


def _pair(key: str) -> tuple[str, str] | None:
    """Return the second and third column of a line of names.tsv, or None."""
    row = find_row("names.tsv", key)
    return None if row is None else (row[1], row[2])
