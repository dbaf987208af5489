"""What kind of address an access went to."""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.findings.access import access_word
from bugcheck.findings.address_kinds import kind_of_address

CASES = [
    (0, Architecture.X64, "null"),
    (0x4, Architecture.X86, "null"),
    (0xFFFF, Architecture.X64, "null"),
    (0x7FFE_0320, Architecture.X64, "user"),
    (0x4000_010B, Architecture.X64, "user"),
    (0xFFFF_BD0E_4CF6_A558, Architecture.X64, "kernel"),
    (0x0000_8000_0000_0000, Architecture.X64, "non_canonical"),
    (0x2000_0000_0000_0068, Architecture.X64, "non_canonical"),
    (0xFFFF_FFFF_FFFF_FFFF, Architecture.X64, "unrecorded"),
    (0xFF11_0000_0000_0000, Architecture.X64, "kernel"),
    (0xBADB_0D00, Architecture.X86, "fill_pattern"),
    (0xDEAD_BEEF_DEAD_BEEF, Architecture.X64, "fill_pattern"),
    (0xDEAD_BEEF, Architecture.X64, "user"),
    (0x8080_0000, Architecture.X86, "kernel"),
    (0x7FFF_0000, Architecture.X86, "user"),
]


@pytest.mark.parametrize(("address", "architecture", "kind"), CASES)
def test_kind(address: int, architecture: Architecture, kind: str) -> None:
    assert kind_of_address(address, architecture).name == kind


# bug check reference: 0A and D1 (0 read, 1 write, 8 execute); 50 (0 read, 2 write, 0x10 execute)
ACCESSES = [
    (0, "access_type", "read"),
    (1, "access_type", "write"),
    (8, "access_type", "execute"),
    (0, "access_type_50", "read"),
    (2, "access_type_50", "write"),
    (0x10, "access_type_50", "execute"),
    (7, "access_type", "touched"),
]


@pytest.mark.parametrize(("value", "role", "word"), ACCESSES)
def test_access_word(value: int, role: str, word: str) -> None:
    assert access_word(value, role) == word
