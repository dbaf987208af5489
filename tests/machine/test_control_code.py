"""Control codes taken apart and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.machine.control_code import ControlCode

KNOWLEDGE = Path(__file__).parents[2] / "src/bugcheck/knowledge"


def test_the_storys_code_is_a_vendors() -> None:
    # story/README.md: "control code 0x00222034 (device type 0x22, function 0x80D, buffered)".
    code = ControlCode(0x00222034)
    assert (code.device_type, code.function, code.method, code.access) == (0x22, 0x80D, 0, 0)
    assert code.names == ()
    assert code.is_vendor
    assert str(code) == "0x00222034: FILE_DEVICE_UNKNOWN, function 0x80d, METHOD_BUFFERED, FILE_ANY_ACCESS"


@pytest.mark.parametrize(
    ("value", "name", "device", "method", "access"),
    [
        # learn.microsoft.com, "IOCTL_DISK_GET_DRIVE_GEOMETRY" and the others: winioctl.h's CTL_CODE arguments.
        (0x00070000, "IOCTL_DISK_GET_DRIVE_GEOMETRY", "FILE_DEVICE_DISK", "METHOD_BUFFERED", "FILE_ANY_ACCESS"),
        (0x002D1400, "IOCTL_STORAGE_QUERY_PROPERTY", "FILE_DEVICE_MASS_STORAGE", "METHOD_BUFFERED", "FILE_ANY_ACCESS"),
        (0x000900A8, "FSCTL_GET_REPARSE_POINT", "FILE_DEVICE_FILE_SYSTEM", "METHOD_BUFFERED", "FILE_ANY_ACCESS"),
        (0x0004D014, "IOCTL_SCSI_PASS_THROUGH_DIRECT", "FILE_DEVICE_CONTROLLER", "METHOD_BUFFERED",
         "FILE_READ_ACCESS | FILE_WRITE_ACCESS"),
        (0x0009004F, "FSCTL_MARK_AS_SYSTEM_HIVE", "FILE_DEVICE_FILE_SYSTEM", "METHOD_NEITHER", "FILE_ANY_ACCESS"),
    ],
)  # fmt: skip
def test_published_codes_have_their_names(value: int, name: str, device: str, method: str, access: str) -> None:
    code = ControlCode(value)
    assert name in code.names
    assert not code.is_vendor
    assert (code.device_name, code.method_name, code.access_name) == (device, method, access)


def test_a_vendors_device_type_is_a_number() -> None:
    code = ControlCode(0x9C402580)
    assert (code.device_name, code.is_vendor) == ("0x9c40", True)


def test_every_line_of_the_table_is_a_code_of_its_class() -> None:
    lines = (KNOWLEDGE / "control_codes.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert len(rows) == 802
    assert len({row[0] for row in rows}) == len(rows)
    for code, names, headers in rows:
        assert ControlCode(int(code, 16)).names == tuple(names.split(" "))
        assert headers
        if names.startswith("FSCTL_") and headers == "winioctl.h":
            assert ControlCode(int(code, 16)).device_name == "FILE_DEVICE_FILE_SYSTEM", names


@given(st.integers(0, (1 << 32) - 1))
def test_the_parts_make_the_code_again(value: int) -> None:
    code = ControlCode(value)
    # CTL_CODE of wdm.h: (DeviceType << 16) | (Access << 14) | (Function << 2) | Method.
    assert code.device_type << 16 | code.access << 14 | code.function << 2 | code.method == value
    assert str(code).startswith(f"{value:#010x}")
