"""Names of Windows versions against Microsoft's release information and a debugger's words on real dumps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bugcheck.knowledge.windows_versions import suite_names, windows_name


@pytest.mark.parametrize(
    ("build", "product", "pack", "ubr", "name", "certain"),
    [
        # Microsoft's "Operating System Version" page (OSVERSIONINFOEX) and the release information pages
        (2195, 3, 4, None, "Windows 2000 Server SP4", True),
        (2600, 1, 3, None, "Windows XP SP3", True),
        (3790, 3, 1, None, "Windows Server 2003 SP1", True),
        (3790, 2, 0, None, "Windows Server 2003", True),
        (3790, 1, 2, None, "Windows XP Professional x64 Edition SP2", True),
        (6001, 3, 1, None, "Windows Server 2008", True),
        (6003, 3, 2, None, "Windows Server 2008 SP2", True),
        (7601, 1, 1, None, "Windows 7 SP1", True),
        (7601, 3, 1, None, "Windows Server 2008 R2 SP1", True),
        (9600, 1, None, None, "Windows 8.1", True),
        (14393, 3, None, None, "Windows Server 2016", True),
        (17763, 3, None, None, "Windows Server 2019", True),
        (19045, 1, None, None, "Windows 10 22H2", True),
        (20348, 3, None, None, "Windows Server 2022", True),
        (22631, 1, None, None, "Windows 11 23H2", True),
        (26100, 3, None, None, "Windows Server 2025", True),
        (26200, 1, None, None, "Windows 11 25H2", True),
        # enablement packages: the kernel's build names a range
        (19041, 1, None, None, "Windows 10 2004–22H2", False),
        (22621, 1, None, None, "Windows 11 22H2 or 23H2", False),
        (18362, 1, None, None, "Windows 10 1903 or 1909", False),
        # revisions: 20H2 = 19042.572 (2020-10-20), 21H1's last = 19043.2364, 20H2's last = 19042.2965
        (19041, 1, None, 388, "Windows 10 2004", True),
        (19041, 1, None, 804, "Windows 10 2004 or 20H2", False),
        (19041, 1, None, 3448, "Windows 10 21H2 or 22H2", False),
        (19041, 1, None, 5247, "Windows 10 22H2 or LTSC 2021 (21H2)", False),
        (18362, 1, None, 1316, "Windows 10 1909", True),
        (22621, 1, None, 2283, "Windows 11 22H2", True),
        (22621, 1, None, 6100, "Windows 11 23H2", True),
        (26100, 1, None, 2314, "Windows 11 24H2", True),
        (26100, 1, None, 7000, "Windows 11 24H2 or 25H2", False),
    ],
)
def test_names(build: int, product: int, pack: int | None, ubr: int | None, name: str, certain: bool) -> None:
    found = windows_name(build, product, pack, ubr=ubr)
    assert (found.name, found.certain) == (name, certain)


def test_an_unknown_product_type_names_both() -> None:
    found = windows_name(14393, 0)
    assert (found.name, found.product, found.certain) == ("Windows 10 1607 / Windows Server 2016", "", False)


def test_the_registrys_words_for_the_product_type() -> None:
    # HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions\ProductType: WinNT, LanmanNT, ServerNT
    assert windows_name(9600, "WinNt").product == "client"
    assert windows_name(9600, "LanmanNT").product == "domain controller"
    assert windows_name(9600, "ServerNT").name == "Windows Server 2012 R2"


@pytest.mark.parametrize(("build", "product"), [(12345, 1), (0, 3), (-1, 1), (22000, 3)])
def test_an_unknown_build_is_called_by_its_number(build: int, product: int) -> None:
    found = windows_name(build, product)
    assert (found.name, found.certain) == (f"Windows (build {build})", False)


def test_suites() -> None:
    # winnt.h: VER_SUITE_ENTERPRISE 2, TERMINAL 0x10, DATACENTER 0x80, SINGLEUSERTS 0x100, PERSONAL 0x200
    assert suite_names(0x300) == ("single-session Remote Desktop", "Home")
    assert suite_names(0x92) == ("Enterprise", "Terminal Server", "Datacenter")
    assert suite_names(0) == ()
    assert windows_name(2600, 1, 2, 0x200).editions == ("Home",)


@pytest.mark.corpus
def test_a_debugger_agrees_on_the_corpus(corpus: Path) -> None:
    # dbgeng.jsonl: "Windows 8.1 Kernel Version 9600 MP …", "Windows 10 Kernel Version 19041 …"
    compared = 0
    for line in (corpus / "expected" / "dbgeng.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        words, _, rest = record.get("os", "").partition(" Kernel Version ")
        if not rest:
            continue
        build = int(rest.split()[0])
        ours = windows_name(build, record["product"].split(",")[0])
        if build < 22000:
            assert ours.name.startswith(words.removesuffix(" "))
        else:
            # that debugger is from 2017 and knows no Windows 11
            assert ours.name.startswith("Windows 11")
        compared += 1
    assert compared >= 20
