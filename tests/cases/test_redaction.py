"""Redaction: names of every form go, wherever they stand, in any spelling; what only looks like one stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.cases.name_matcher import alternatives
from bugcheck.cases.pseudonyms import Pseudonyms, translated
from bugcheck.cases.redaction import Redactor
from bugcheck.cases.redaction_words import redaction_words
from bugcheck.errors import UsageError

# form → (text, what it becomes); every name below is of a documentation range (RFC 2606, 5737, 3849, 7042) or made up
FORMS = {
    "mail": ("mail to eva.moser@contoso.example", "mail to user-1@domain-1"),
    "sid": ("of S-1-5-21-1004336348-1177238915-682003330-1103.", "of sid-1."),
    "sid_known": ("of S-1-5-18 and S-1-5-32-544", "of S-1-5-18 and S-1-5-32-544"),
    "mac": ("from 00-00-5E-00-53-0A (00:00:5e:00:53:0a)", "from mac-1 (mac-1)"),
    "mac_cisco": ("from 0000.5e00.530a", "from mac-1"),
    "ipv4": ("10.20.30.40:445 to 203.0.113.9/24", "address-1:445 to address-2/24"),
    "ipv4_public": ("from 9.9.9.9", "from public-address-1"),
    "ipv4_file": ("log_10.1.2.3.txt", "log_address-1.txt"),
    "ipv4_nobody": ("127.0.0.1 0.0.0.0 255.255.255.0", "127.0.0.1 0.0.0.0 255.255.255.0"),
    "ipv6": ("[2001:db8::17]:80 and fe80::1%12", "[address-1]:80 and address-2%12"),
    "ipv6_nobody": ("at 11:03:27, ::1, std::vector, nt!A::B", "at 11:03:27, ::1, std::vector, nt!A::B"),
    "version": ("RapDrv.sys 3.6.0.66, version 9.9.9.9", "RapDrv.sys 3.6.0.66, version 9.9.9.9"),
    "version_folder": (r"C:\Engine\20.3.0.36\x.exe, \\9.9.9.9\c$", r"C:\Engine\20.3.0.36\x.exe, \\public-address-1\c$"),
    "version_package": ("Acme_9.9.9.9_x64__kzf9", "Acme_9.9.9.9_x64__kzf9"),
    "version_nought": ("Font Cache 3.0.0.0, net 9.9.9.0/24", "Font Cache 3.0.0.0, net public-address-1/24"),
    "version_long": ("10.0.19041.1 and 1.2.3.4.5", "10.0.19041.1 and 1.2.3.4.5"),
    "profile": (r"C:\Users\moserev\AppData\x.sys", r"C:\Users\user-1\AppData\x.sys"),
    "profile_words": (r"C:\Documents and Settings\Eva Moser\x", r"C:\Documents and Settings\user-1\x"),
    "profile_escaped": (r"C:\\Users\\moserev\\x", r"C:\\Users\\user-1\\x"),
    "profile_public": (r"C:\Users\Public\x; C:\Users\Default", r"C:\Users\Public\x; C:\Users\Default"),
    "profile_home": ("/home/moserev/dumps", "/home/user-1/dumps"),
    "share": (r"robocopy \\FILES07\data$ D:\x", r"robocopy \\host-1\data$ D:\x"),
    "share_address": (r"\\10.20.30.40\data", r"\\address-1\data"),
    "share_none": (r"\\.\PhysicalDrive0 \\?\C:\x", r"\\.\PhysicalDrive0 \\?\C:\x"),
    "account": (r"CONTOSO\moserev logged on", r"domain-1\user-1 logged on"),
    "account_known": (r"NT AUTHORITY\SYSTEM, BUILTIN\Administrators", r"NT AUTHORITY\SYSTEM, BUILTIN\Administrators"),
    "account_cloud": (r"AzureAD\EvaMoser", r"AzureAD\user-1"),
    "path": (r"System32\ACPI.sys HKLM\SAM \SystemRoot\x", r"System32\ACPI.sys HKLM\SAM \SystemRoot\x"),
    "device_revision": (r"PCI\VEN_10EC&REV_00\3&11583659&0", r"PCI\VEN_10EC&REV_00\3&11583659&0"),
    "device": (r"PCI\VEN_8086 ACPI\PNP0C80 \Driver\disk", r"PCI\VEN_8086 ACPI\PNP0C80 \Driver\disk"),
    "named_user": ("query User=moserev&x, User Name: moserev", "query User=user-1&x, User Name: user-1"),
    "named_host": ("Workstation Name: FILES07", "Workstation Name: host-1"),
    "named_nobody": ("User: SYSTEM, user: unknown, host name: error", "User: SYSTEM, user: unknown, host name: error"),
    "own_domain": ("dc07.contoso.local answered", "host-1.domain-1 answered"),
    "serial": ("Serial Number: 5CD7320XYZ; S/N 5CD7320XYZ", "Serial Number: serial-1; S/N serial-1"),
    "serial_tag": ("Service Tag=7GQ4XK2", "Service Tag=serial-1"),
    "serial_other": ("Seriennummer: 5CD7320XYZ, 序列号：PF0ABC12", "Seriennummer: serial-1, 序列号：PF0ABC12"),
    "product_id": ("id 55274-640-1011873-23081 key ABCDE-FGHIJ-KLMNO-PQRST-UVWX1", "id serial-1 key serial-2"),
    "usb": (r"USB\VID_0781&PID_5581\4C530001230831", r"USB\VID_0781&PID_5581\serial-1"),
    "usb_port": (r"USB\VID_0781&PID_5581\5&1a2b3c&0&1", r"USB\VID_0781&PID_5581\5&1a2b3c&0&1"),
}  # fmt: skip


def redactor(*texts: str, **fields: str) -> Redactor:
    made = Redactor(Pseudonyms(), common=["office", "blackice"], products=["blackice server"])
    for name, value in fields.items():
        made.learn(name.replace("__", "."), value)
    for text in texts:
        made.read(text)
    return made


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    text, expected = FORMS[form]
    assert redactor(text)(text) == expected


def test_a_full_width_colon_is_a_colon_too() -> None:
    text = "序列号: PF0ABC12"
    assert redactor(text)(text) == "序列号: serial-1"


def test_a_name_once_known_goes_everywhere_and_in_any_case() -> None:
    made = redactor(r"CONTOSO\moserev", r"\\FILES07\c$", event__workstation="WS-0815", event__user="Eva Moser")
    text = "moserev at FILES07, files07.contoso.example, ws-0815$, WS-0815backup.zip, MOSEREV2, eva and Moser, contoso"
    out = made(text)
    assert not re.search("moser|files07|0815|contoso", out, re.IGNORECASE)
    assert out == (
        "user-1 at host-1, host-1.domain-1.example, host-2$, host-2backup.zip, user-12, eva and user-2, domain-1"
    )


def test_one_host_by_several_names_is_one() -> None:
    made = redactor()
    made.names.add_host("A")
    made.names.add_host("srv-a.contoso.example", like="A")
    assert made("on A, SRV-A, srv-a.contoso.example") == "on host-1, host-1, host-1.domain-1"


def test_common_words_are_names_only_where_they_stand_as_names() -> None:
    made = redactor(event__domain="OFFICE", event__user="sales", event__workstation="A")
    assert made(r"Microsoft Office, OFFICE\sales, sales of A, A:\ and SRV-A") == (
        r"Microsoft Office, domain-1\user-1, sales of host-1, A:\ and SRV-A"
    )


def test_a_version_that_is_an_address_as_well_goes() -> None:
    made = redactor(event__version="3.6.0.66")
    assert (
        made("BlackICE Server 9.9.9.9, 3.6.0.66 from 9.9.9.9")
        == "BlackICE Server 9.9.9.9, 3.6.0.66 from public-address-1"
    )
    made = redactor(event__version="3.6.0.66", event__source="3.6.0.66")
    assert made("from 3.6.0.66") == "from public-address-1"


def test_letters_beyond_ascii() -> None:
    made = redactor(event__user="Jürgen Großmann", fact__user__name="张伟")
    out = made("JÜRGEN GROßMANN, j%c3%bcrgen%20gro%c3%9fmann; 用户张伟登录")
    assert "用户user-2登录" in out
    assert "rgen" not in out.lower().replace("user", "")


def test_machines_own_accounts_stay() -> None:
    made = redactor(event__user="SYSTEM", event__by="NT AUTHORITY\\LOCAL SERVICE", fact__user__name="Администратор")
    for text in ("SYSTEM", "LOCAL SERVICE", "Администратор", "administrator"):
        assert made(text) == text


def test_hidden_texts_go() -> None:
    made = redactor()
    made.hide("Project Bluebird")
    assert made("the project bluebird server") == "the word-1 server"


def test_pseudonyms_come_back_the_same() -> None:
    first = redactor(event__user="moserev")
    out = first("moserev at 10.1.2.3")
    again = Redactor(Pseudonyms.read(first.pseudonyms.text(), "x"))
    assert again("10.9.9.9, moserev, 10.1.2.3") == "address-2, user-1, address-1"
    assert translated(out, first.pseudonyms) == "moserev at 10.1.2.3"
    with pytest.raises(UsageError, match="damaged"):
        Pseudonyms.read("[]", "x")


def test_ten_is_not_one_and_a_nought() -> None:
    made = redactor()
    text = " ".join(f"10.0.0.{number}" for number in range(1, 13))
    assert translated(made(text), made.pseudonyms) == text


@given(st.lists(st.text(alphabet="aB-.$(", min_size=1, max_size=6), min_size=1, max_size=30))
def test_every_name_of_many_is_found_whole(names: list[str]) -> None:
    pattern = re.compile(f"(?:{alternatives(names)})")
    for name in names:
        found = pattern.fullmatch(name)
        assert found
        assert found[0] == name
    assert pattern.fullmatch("never") is None


def test_the_table_says_only_what_is_understood() -> None:
    known = {"user", "host", "domain", "address", "peer", "mac", "serial"}
    for key, what in redaction_words().items():
        kind = key.partition(".")[0]
        assert kind in ("event", "fact", "keep", "cue", "folder", "domain", "words", "versions", "key"), key
        assert what in known or kind not in ("event", "fact"), key
