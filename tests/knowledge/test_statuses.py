"""Status names against Microsoft's [MS-ERREF] and well-known exception codes."""

from __future__ import annotations

import pytest

from bugcheck.knowledge.statuses import describe_status, hresult_name, status_name, status_words, win32_name
from bugcheck.knowledge.tables import table


@pytest.mark.parametrize(
    ("code", "words"),
    [
        # [MS-ERREF] 2.3.1 NTSTATUS values
        (0xC0000005, "STATUS_ACCESS_VIOLATION"),
        (0, "STATUS_SUCCESS"),
        (0xC0000006, "STATUS_IN_PAGE_ERROR"),
        (0xC000009C, "STATUS_DEVICE_DATA_ERROR"),
        (0xC000009D, "STATUS_DEVICE_NOT_CONNECTED"),
        (0xC0000185, "STATUS_IO_DEVICE_ERROR"),
        (0xC0000221, "STATUS_IMAGE_CHECKSUM_MISMATCH"),
        (0x80000003, "STATUS_BREAKPOINT"),
        (0xC00000FD, "STATUS_STACK_OVERFLOW"),
        # a bug check parameter of a 64-bit kernel, sign-extended
        (0xFFFFFFFFC0000005, "STATUS_ACCESS_VIOLATION"),
        (-0x3FFFFFFB, "STATUS_ACCESS_VIOLATION"),
        # Microsoft: "C++ exception 0xE06D7363", CoreCLR EXCEPTION_COMPLUS 0xE0434352, EXCEPTION_MSVC
        (0xE06D7363, "C++ exception (MSVC)"),
        (0xE0434352, "CLR exception (.NET 4 and later)"),
        # [MS-ERREF] 2.1 HRESULT, 2.1.2 HRESULT from Win32; HRESULT_FROM_NT sets bit 28
        (0x80004005, "E_FAIL"),
        (0x80070005, "E_ACCESSDENIED"),
        (0x80070020, "HRESULT_FROM_WIN32(ERROR_SHARING_VIOLATION)"),
        (0xC0070020, "NTSTATUS_FROM_WIN32(ERROR_SHARING_VIOLATION)"),
        (0xD0000034, "HRESULT_FROM_NT(STATUS_OBJECT_NAME_NOT_FOUND)"),
        # unknown ones are taken apart
        (0xC0009999, "0xc0009999 (error)"),
        (0xC01E7777, "0xc01e7777 (error, graphics kernel)"),
        (0x8FFE0001, "0x8ffe0001 (warning, facility 0xffe)"),
        (0xE1234567, "0xe1234567 (a code of the program's own)"),
        (0x80079999, "0x80079999 (warning, Win32)"),
    ],
)
def test_describe(code: int, words: str) -> None:
    assert describe_status(code) == words


def test_each_table_answers_its_own_kind() -> None:
    assert status_name(0xC0000022) == "STATUS_ACCESS_DENIED"
    assert win32_name(5) == "ERROR_ACCESS_DENIED"
    # winerror.h: WSAECONNREFUSED is WSABASEERR (10000) + 61
    assert win32_name(10061) == "WSAECONNREFUSED"
    assert hresult_name(0x887A0006) == "DXGI_ERROR_DEVICE_HUNG"
    assert (status_name(0xDEADBEEF), win32_name(0xDEADBEEF), hresult_name(1 << 70)) == (None, None, None)


def test_words_are_sentences_of_codes_that_have_a_name() -> None:
    lines = table("status_words.tsv").decode().strip().split("\n")
    assert len(lines) >= 120
    for line in lines:
        code, words = line.split("\t")
        assert words[0].isupper() or words.startswith(".NET")
        assert words.endswith((".", ".)"))
        assert not describe_status(int(code, 16)).startswith("0x")
    assert "disk" in (status_words(0xC0000006) or "")
    assert status_words(0xFFFFFFFFC000009C) == status_words(0xC000009C) is not None
    assert status_words(0xC0009999) is None


@pytest.mark.parametrize(
    "name", ["ntstatus.tsv", "hresult.tsv", "win32.tsv", "exception_codes.tsv", "status_words.tsv"]
)
def test_tables_are_sorted_and_unique(name: str) -> None:
    codes = [line.split("\t")[0] for line in table(name).decode().strip().split("\n")]
    assert codes == sorted(set(codes))
    assert all(len(code) == 8 and code == code.lower() for code in codes)
