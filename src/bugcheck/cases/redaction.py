"""Text → the same text with every name replaced by its pseudonym: hosts, people, domains, addresses, serial numbers.

Two passes: `learn` and `read` take in every name from fields whose meaning is known and from text whose form gives
names away; the redactor then replaces them wherever they stand.  What nobody can know to be a name, a person adds with
`hide`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, cached_property
from ipaddress import IPv4Address

from bugcheck.cases.name_patterns import (
    FORMS,
    address_of,
    form_pattern,
    forms_in,
    is_account,
    is_version,
    tells_nothing,
)
from bugcheck.cases.names import Names
from bugcheck.cases.pseudonyms import ADDRESS, DOMAIN, HOST, MAC, PUBLIC_ADDRESS, SERIAL, SID, USER, WORD, Pseudonyms
from bugcheck.cases.redaction_words import field_kind, is_kept, words_in

MOST_CACHED = 200_000
LEAST_SERIAL = 6
"""Characters of a serial number that is one wherever it stands."""
_GOES_ON = re.compile(r" [A-Za-z]")
"""Behind a single word: `User Name: Distributed Transaction Coordinator` names a service, and nobody called so."""
PEER = "peer"
"""A field with an address or a host's name."""


class Redactor:
    """Replaces names.

    Attributes:
        names: what is known to be a name. pseudonyms: those given so far.
        versions: four numbers that are a version somewhere. products: names a version stands behind, lower case.
        fixed: our own words, which are left as they are when a whole text is one of them.
    """

    def __init__(self, pseudonyms: Pseudonyms, *, common: Collection[str] = (), products: Collection[str] = ()) -> None:
        """Begin with the pseudonyms a case has."""
        self.pseudonyms = pseudonyms
        self.names = Names(common)
        self.versions: set[str] = set()
        self.addresses: set[str] = set()
        self.products = tuple(product for product in products if len(product) > 3)
        self.fixed: frozenset[str] = frozenset()
        self._read: set[str] = set()
        self._done: dict[str, str] = {}
        self._handlers: Mapping[str, Callable[[re.Match[str]], str]] = {
            "mail": self._mail, "sid": self._sid, "mac": self._mac, "ipv6": self._ipv6, "ipv4": self._ipv4,
            "product_id": self._serial, "usb": self._usb, "profile": self._profile, "share": self._share,
            "account": self._account, "own": self._own, "named": self._named, "cue": self._cue,
        }  # fmt: skip
        for kind, name, spelled in pseudonyms.named():
            if kind in (HOST, USER, DOMAIN, WORD, SERIAL) and name == spelled.casefold():
                self.names.add(kind, spelled)

    # --- taking names in ---

    def hide(self, name: str) -> None:
        """Enter any other text that must not be told."""
        self.names.add(WORD, name)

    def learn(self, field: str, value: str) -> None:
        """Take in the value of a field ("event.user") by what stands in it."""
        kind = field_kind(field)
        if field.endswith((".version", ".definitions")):
            self.versions.add(value)
        for each in re.split(r"[,;\n]\s*", value) if kind in (HOST, ADDRESS, MAC) else [value]:
            if each and kind:
                self._learn(kind, each.strip())

    def _learn(self, kind: str, value: str) -> None:
        domain, slash, rest = value.rpartition("\\")
        if value.startswith("$("):
            return  # a text that Windows looks up in a file
        if address_of(value):
            self.addresses.add(value)
        elif slash and kind in (USER, HOST) and not domain.startswith("\\"):
            self.names.add_domain(domain)
            self._learn(kind, rest)
        elif kind == HOST:
            self.names.add_host(value)
        elif kind == USER and not value.upper().startswith("S-1-"):
            self.names.add_user(value.partition("@")[0])
        elif kind == DOMAIN:
            self.names.add_domain(value)
        elif kind in (SERIAL, MAC):
            self.names.add(kind, value)
        elif kind == PEER and re.fullmatch(r"[\w-]{3,}(\.[\w-]+)*", value):
            self.names.add_host(value)

    def read(self, text: str) -> None:
        """Take in the names whose form gives them away."""
        if text in self._read:
            return
        if len(self._read) < MOST_CACHED:
            self._read.add(text)
        for found in _compiled(forms_in(text)).finditer(text):
            form = _form(found)
            if form == "mail":
                name, _, domain = found[0].partition("@")
                self.names.add_user(name)
                self.names.add(DOMAIN, domain)
            elif form == "profile":
                self.names.add_user(found["profile_name"].strip("."))
            elif form == "share" and self._is_host(found["server"]):
                self.names.add_host(found["server"])
            elif form == "account" and self._is_account(found):
                self.names.add_domain(found["account_domain"])
                self.names.add_user(found["account_name"].rstrip("."))
            elif form == "own":
                self.names.add_host(found[0])
            elif form == "named" and self._is_name(found) and not _GOES_ON.match(text, found.end()):
                (self.names.add_user if found["user_cue"] else self.names.add_host)(found["named_as"])
            elif form in ("cue", "usb"):
                serial = found["serial" if form == "cue" else "usb_serial"]
                self.names.add(SERIAL, serial if len(serial) >= LEAST_SERIAL else "")

    # --- replacing them ---

    def __call__(self, text: str) -> str:
        """Replace every name in a text."""
        if text in self.fixed or not text:
            return text
        known = self._done.get(text)
        if known is None:
            known = self._whole(text) or self._replaced(text)
            if len(self._done) >= MOST_CACHED:
                self._done.clear()
            self._done[text] = known
        return known

    def left(self, text: str) -> str:
        """The first distinct name that is still in a text, "" when none is."""
        found = self.names.loud.search(text) if self._names else None
        return found[0] if found else ""

    @cached_property
    def _names(self) -> re.Pattern[str]:
        """What finds every name; none may be taken in from now on."""
        return re.compile(self.names.pattern())

    def _replaced(self, text: str) -> str:
        """Forms first, then the names between them."""
        out, at = list[str](), 0
        for found in _compiled(forms_in(text)).finditer(text):
            out += [self._plain(text, at, found.start()), self._handlers[_form(found)](found)]
            at = found.end()
        return "".join([*out, self._plain(text, at, len(text))])

    def _plain(self, text: str, start: int = 0, end: int | None = None) -> str:
        """A piece of text without forms, its names replaced."""
        out, at, end = list[str](), start, len(text) if end is None else end
        for found in self._names.finditer(text, start, end):
            out += [text[at : found.start()], self._of(WORD, found[0])]
            at = found.end()
        return "".join([*out, text[at:end]])

    def _whole(self, text: str) -> str:
        folded = text.casefold()
        if folded in self.names.kinds and folded not in self.names.common:
            return self._of(self.names.kinds[folded], text)
        return ""

    def _of(self, kind: str, spelled: str) -> str:
        folded = spelled.casefold()
        kind = self.names.kinds.get(folded, kind)
        return self.pseudonyms.of(kind, self.names.canonical.get(folded, folded), spelled)

    def _mail(self, found: re.Match[str]) -> str:
        name, _, domain = found[0].partition("@")
        return f"{self._of(USER, name)}@{self._of(DOMAIN, domain)}"

    def _sid(self, found: re.Match[str]) -> str:
        return self._of(SID, found[0])

    def _mac(self, found: re.Match[str]) -> str:
        digits = re.sub(r"\W", "", found[0]).lower()
        return found[0] if len(set(digits)) == 1 else self.pseudonyms.of(MAC, digits, found[0])

    def _address(self, text: str) -> str:
        address = address_of(text)
        if address is None or tells_nothing(address):
            return text if address else self._plain(text)
        kind = PUBLIC_ADDRESS if address.is_global else ADDRESS
        return self.pseudonyms.of(kind, str(address), text)

    def _ipv6(self, found: re.Match[str]) -> str:
        return self._address(found[0])

    def _ipv4(self, found: re.Match[str]) -> str:
        text = found[0]
        address = address_of(text)
        private = isinstance(address, IPv4Address) and address.is_private
        is_one = text in self.addresses or private
        if not is_one and (
            text in self.versions or is_version(found.string, found.start(), found.end(), self.products)
        ):
            return text
        return self._address(text)

    def _serial(self, found: re.Match[str]) -> str:
        return self._of(SERIAL, found[0])

    def _usb(self, found: re.Match[str]) -> str:
        serial = found["usb_serial"]
        return self._plain(found[0][: -len(serial)]) + self._of(SERIAL, serial)

    def _profile(self, found: re.Match[str]) -> str:
        name = found["profile_name"]
        shown = name if is_kept(USER, name) else self._of(USER, name)
        return found[0][: -len(name)] + shown

    def _share(self, found: re.Match[str]) -> str:
        server = found["server"]
        if address_of(server):
            return found[0][: -len(server)] + self._address(server)
        if not self._is_host(server):
            return found[0]
        short, dot, domain = server.partition(".")
        shown = self._of(HOST, short) + (dot + self._of(DOMAIN, domain) if domain else dot)
        return found[0][: -len(server)] + shown

    @staticmethod
    def _is_host(server: str) -> bool:
        if not any(char.isalpha() for char in server.partition(".")[0]):
            return False
        return server.lower() not in words_in("keep.unc") and not is_kept(HOST, server)

    def _account(self, found: re.Match[str]) -> str:
        domain, name = found["account_domain"], found["account_name"]
        if not self._is_account(found):
            return self._plain(found[0])
        between = found[0][len(domain) : -len(name)]
        shown = name if is_kept(USER, name) else self._of(USER, name.rstrip("$"))
        return (domain if is_kept(DOMAIN, domain) else self._of(DOMAIN, domain)) + between + shown

    def _is_account(self, found: re.Match[str]) -> bool:
        domain, name = found["account_domain"], found["account_name"]
        if name.rpartition(".")[2].lower() in words_in("keep.file"):
            return False
        if is_kept(DOMAIN, domain):
            return domain.lower() in words_in("domain.of_people")
        return domain.casefold() in self.names.kinds or is_account(domain, name)

    def _own(self, found: re.Match[str]) -> str:
        short, _, domain = found[0].partition(".")
        return f"{self._of(HOST, short)}.{domain if is_kept(DOMAIN, domain) else self._of(DOMAIN, domain)}"

    def _is_name(self, found: re.Match[str]) -> bool:
        """Behind `User=` or `Computer Name:` stands a name, or a word about it."""
        name, kind = found["named_as"], USER if found["user_cue"] else HOST
        return name.casefold() not in self.names.common and not is_kept(kind, name)

    def _named(self, found: re.Match[str]) -> str:
        name = found["named_as"]
        if not self._is_name(found):
            return self._plain(found[0])
        before, kind = found[0][: -len(name)], USER if found["user_cue"] else HOST
        return before + (self._plain(name) if kind == HOST else self._of(kind, name))

    def _cue(self, found: re.Match[str]) -> str:
        serial = found["serial"]
        return self._plain(found[0][: -len(serial)]) + self._of(SERIAL, serial)


def _form(found: re.Match[str]) -> str:
    """The form that was found: the one of the outer groups that matched."""
    groups = found.groupdict()
    return next(form for form in FORMS if groups.get(form) is not None)


@cache
def _compiled(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(form_pattern(forms))
