"""Kernel number names against Microsoft's documentation and the Intel SDM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.knowledge.kernel_names import (
    irql_name,
    machine_name,
    pool_type_name,
    protection_name,
    trap_name,
)


@pytest.mark.parametrize(
    ("irql", "architecture", "name"),
    [
        # wdm.h: PASSIVE 0, APC 1, DISPATCH 2; x86 CLOCK2 28, IPI 29, POWER 30, HIGH 31; amd64 CLOCK 13, IPI 14, HIGH 15
        (0, "x64", "PASSIVE_LEVEL"),
        (1, "x86", "APC_LEVEL"),
        (2, "arm64", "DISPATCH_LEVEL"),
        (5, "x64", "DIRQL 5"),
        (13, "x64", "CLOCK_LEVEL"),
        (14, "arm64", "IPI_LEVEL"),
        (15, "x64", "HIGH_LEVEL"),
        (15, "x86", "DIRQL 15"),
        (28, "x86", "CLOCK2_LEVEL"),
        (31, "x86", "HIGH_LEVEL"),
        (31, "x64", "IRQL 0x1f (impossible)"),
        (0xFF, "x86", "IRQL 0xff (impossible)"),
        (-1, "x86", "IRQL -0x1 (impossible)"),
    ],
)
def test_irqls(irql: int, architecture: str, name: str) -> None:
    assert irql_name(irql, architecture) == name


def test_machines_pools_and_traps() -> None:
    # PE format: IMAGE_FILE_MACHINE_AMD64 0x8664; wdm.h: PagedPool 1, NonPagedPoolNx 512; Intel SDM 6.15
    assert machine_name(0x8664) == ("IMAGE_FILE_MACHINE_AMD64", "x64")
    assert machine_name(0x1C4) == ("IMAGE_FILE_MACHINE_ARMNT", "ARM (Thumb-2)")
    assert machine_name(0x1234) is None
    assert (pool_type_name(1) or ("",))[0] == "PagedPool"
    assert (pool_type_name(0x200) or ("",))[0] == "NonPagedPoolNx"
    # POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8 and POOL_RAISE_IF_ALLOCATION_FAILURE 16 do not change the type
    assert pool_type_name(0x200 | 8 | 16) == pool_type_name(0x200)
    assert (trap_name(8) or ("",))[0] == "#DF"
    assert (trap_name(0xE) or ("", ""))[1] == "page fault"
    assert trap_name(0xF) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        # winnt.h: PAGE_READWRITE 4, PAGE_GUARD 0x100, PAGE_EXECUTE_READWRITE 0x40
        (4, "PAGE_READWRITE"),
        (0x104, "PAGE_READWRITE | PAGE_GUARD"),
        (0x40, "PAGE_EXECUTE_READWRITE"),
        (0, "0x0"),
        (3, "0x3"),
        (0x1002, "PAGE_READONLY | 0x1000"),
    ],
)
def test_protections(value: int, name: str) -> None:
    assert protection_name(value) == name


@given(st.integers(-(1 << 64), 1 << 64), st.sampled_from(["x86", "x64", "arm", "arm64", "?"]))
def test_no_number_breaks_a_name(value: int, architecture: str) -> None:
    assert irql_name(value, architecture)
    pool_type_name(value)
    trap_name(value)
    machine_name(value)
