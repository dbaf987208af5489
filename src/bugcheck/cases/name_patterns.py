"""Text → where names stand in it that their form gives away: addresses, profiles, shares, accounts, serial numbers.

Source: RFC 5321 (mail), RFC 4291 (IPv6), [MS-DTYP] (SIDs), Microsoft's "Naming Files, Paths, and Namespaces" (UNC) and
"User Name Formats"; product ids as Windows shows them.

Folklore: `3.6.0.66` is a driver's version and an address of somebody's.  What stands behind "version", a file's name
or a product's name is a version, and so is what the evidence gives as one somewhere; all else is an address: a version
less is a smaller harm than an address too many.
"""

from __future__ import annotations

import re
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from bugcheck.cases.redaction_words import redaction_words, words_in

_OWN_DOMAINS = (".local", ".lan", ".localdomain", ".corp", ".internal", ".intranet", ".home.arpa")
_FILE_WORD = r"[^\\/:*?\"<>|\s,;()\[\]%]+"
_FORMS = {
    "mail": r"(?<![\w.+@?%-])[\w.+%-]{1,64}@(?:[\w-]+\.)+[A-Za-z]{2,}(?![\w@])",
    "sid": r"\b[Ss]-1-(?:5-21|12-1)(?:-\d+){3,14}(?!\w)",
    "mac": r"(?<![\w:.-])(?:[0-9A-Fa-f]{2}(?P<sep>[:-])(?:[0-9A-Fa-f]{2}(?P=sep)){4}[0-9A-Fa-f]{2}|"
    r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![\w:.-])",
    "ipv6": r"(?<![\w:.!~])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
    r"(?:\d{0,3}(?:\.\d{1,3}){3})?(?![\w:])",
    "ipv4": r"(?<![A-Za-z0-9.])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9])(?!\.\d)",
    "product_id": r"(?<![\w-])(?:\d{5}-(?:\d{3}|OEM)-\d{7}-\d{5}|\d{5}-\d{5}-\d{5}-[A-Z0-9]{5}|"
    r"[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4})(?![\w-])",
    "usb": r"\b(?i:USB|USBSTOR)\\{1,2}[^\\\s\"']+\\{1,2}(?P<usb_serial>[^\\\s\"'&]{4,})",
    "profile": rf"[\\/](?i:PROFILES)[\\/]{{1,4}}"
    rf"(?P<profile_name>{_FILE_WORD}(?: {_FILE_WORD}){{1,3}}(?=[\\/])|{_FILE_WORD})",
    "share": r"(?<![\\\w:%}])(?:\\\\|\\\\\\\\)(?P<server>[\w.-]+)(?![\w.-])",
    "account": r"(?<![\\\w/:.%@&-])(?P<account_domain>\w[\w.-]{0,62})\\{1,2}(?P<account_name>[\w.$-]{1,64})(?![\w\\$])",
    "own": rf"(?<![\w.-])(?:[\w-]+\.)*[\w-]+(?i:{'|'.join(map(re.escape, _OWN_DOMAINS))})(?![\w-])(?!\.\w)",
    "named": r"(?<!\w)(?i:(?P<user_cue>user|user[ _-]?name|account[ _-]?name)|(?:computer|workstation|host)[ _-]?name)"
    r" ?[=:] ?[\"']?(?P<named_as>[^\W\d][\w.-]{2,63})(?![\w.\\@-])",
    "cue": r"(?<!\w)(?i:CUES)(?: (?:is|:))?\s*[:=#.]?\s*[\"']?(?P<serial>(?=[\w/-]*\d)[A-Za-z0-9][\w/-]{3,63})",
}
FORMS = tuple(_FORMS)
"""Names of the forms; where two fit at one place the former is meant."""
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:file|product|driver)?[ _]?(?:version|ver|build|release|rev)\.?[\"']?[ :=]*[\"']?|"
    r"\.(?:sys|dll|exe|ocx|cpl|cab|msi|inf|drv)[\"')\]]?,?[ (:=]+(?:v\.?)?)$",
    re.IGNORECASE,
)
_PACKAGE_BEHIND = re.compile(r"_(?:x64|x86|arm|neutral|amd64)")


@cache
def _needed() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Form → texts (lower case) of which one must be there: most texts hold hardly any, and to search is dear."""
    words = redaction_words()
    needed: dict[str, tuple[str, ...]] = {
        "mail": ("@",), "sid": ("s-1-",), "mac": (":", "-", "."), "ipv6": (":",), "ipv4": (".",), "product_id": ("-",),
        "usb": ("usb",), "profile": tuple(words["folder.profile"].lower().split("|")), "share": ("\\\\",),
        "account": ("\\",), "own": _OWN_DOMAINS, "named": ("user", "account", "computer", "workstation", "host"),
        "cue": tuple({word[:4] for word in words["cue.serial"].split("|")}),
    }  # fmt: skip
    return tuple((form, needed[form]) for form in FORMS)


def forms_in(text: str) -> tuple[str, ...]:
    """The forms that may be in a text; most that are named are not."""
    if text.isalnum():
        return ()
    lower = text.lower()
    return tuple([form for form, words in _needed() if any(word in lower for word in words)])


@cache
def form_pattern(forms: tuple[str, ...]) -> str:
    """The expression of forms, each a named group; "(?!)" for none."""
    folders = "|".join(re.escape(word) for word in redaction_words()["folder.profile"].split("|"))
    cues = "|".join(re.escape(word).replace("\\ ", "[ _-]?") for word in redaction_words()["cue.serial"].split("|"))
    text = "|".join(f"(?P<{form}>{_FORMS[form]})" for form in forms) or "(?!)"
    return text.replace("PROFILES", folders).replace("CUES", cues)


def is_version(text: str, start: int, end: int, products: tuple[str, ...]) -> bool:
    """Tell whether the four numbers from `start` to `end` are a version by what stands around; products are lower case.

    A folder's name, a package's (`Name_1.2.3.4_x64`), or what ends in a nought (no host has that) is a version as well.
    """
    before, behind = text[max(0, start - 80) : start].lower(), text[end : end + 9].lower()
    if _VERSION_BEFORE.search(before) or (before.endswith(" ") and before.rstrip().endswith(products)):
        return True
    if behind.startswith("\\"):
        return not before.endswith("\\\\")
    return bool(_PACKAGE_BEHIND.match(behind)) or (text[:end].endswith(".0") and not behind.startswith("/"))


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Four numbers or groups of hexadecimal digits as an address; None when they are none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def tells_nothing(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is the same everywhere: loopback, unspecified, broadcast, a mask, a well-known group."""
    if isinstance(address, IPv4Address) and int(address) >= 0xFF000000:
        return True
    known = address.is_multicast and (address.version == 6 or int(address) < 0xE0000200)
    return address.is_loopback or address.is_unspecified or known


def is_account(domain: str, name: str) -> bool:
    """Tell whether DOMAIN\\name looks like an account and not like a path, a key or a device."""
    if domain.lower() in words_in("keep.prefix") or name.rpartition(".")[2].lower() in words_in("keep.file"):
        return False
    letters = [char for char in domain if char.isalpha()]
    return len(letters) >= 2 and domain == domain.upper() and any(char.isalpha() for char in name)
