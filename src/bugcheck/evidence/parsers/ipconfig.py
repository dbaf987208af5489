"""Output of `ipconfig /all` → host name, interfaces, name and address servers.

Source: `ipconfig` itself: blocks under a line that ends in a colon, "Heading . . . : value", more values in lines
below. Values are told by their headings in English and by their form and order elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.knowledge.tables import table

_LINE = re.compile(r"^\s{2,}(\S.*?)[ .]*\s?\.\s*:\s?(.*)$")
_MAC = re.compile(r"^(?:[0-9A-F]{2}-){5}[0-9A-F]{2}$")
_ADDRESS = re.compile(r"^((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}:[0-9a-f:]+(?:%\d+)?)\b", re.IGNORECASE)


@cache
def _words() -> tuple[tuple[str, str], ...]:
    rows = [line.split("\t") for line in table("ipconfig_words.tsv").decode().splitlines() if not line.startswith("#")]
    return tuple((row[0], row[2]) for row in rows if len(row) == 3)


def probe(source: Source) -> int:
    """Tell by dotted headings and a hardware address or the title."""
    head = source.head_text[:0x3000]
    dotted = sum(" . . " in line and ":" in line for line in head.split("\n")[:60])
    physical = any(_MAC.match(line.rpartition(":")[2].strip()) for line in head.split("\n"))
    known = "Windows IP Configuration" in head or physical
    return LIKELY + 2 if dotted >= 3 and known else NO


@evidence_parser("ipconfig", probe=probe, names=("*ipconfig*", "*network*.txt"))
def ipconfig(source: Source) -> Iterator[Record]:
    """Output of ipconfig /all."""
    title, at, held, last = "", 0, dict[str, list[str]](), ""
    for number, line in source.lines():
        found = _LINE.match(line)
        if line[:1].strip() and not found:
            yield from _block(title, held, at)
            title, at, held, last = line.strip().rstrip(":"), number, {}, ""
        elif found:
            last = _word(found[1], found[2])
            if last and found[2].strip():
                held.setdefault(last, []).append(found[2].strip())
        elif line.strip() and last in ("dns", "gateway") and _ADDRESS.match(line.strip()):
            held.setdefault(last, []).append(line.strip())
    yield from _block(title, held, at)


def _word(heading: str, value: str) -> str:
    lower = heading.lower().rstrip(" .")
    if _MAC.match(value.strip()):
        return "mac"
    return next((word for word, part in _words() if part in lower), "")


def _block(title: str, held: dict[str, list[str]], line: int) -> Iterator[Fact]:
    where = f"line {line}"
    if held.get("name"):
        yield Fact(
            "computer_name", "", held["name"][0], where, {"domain": held["domain"][0]} if held.get("domain") else {}
        )
        return
    addresses = [found[1] for text in held.get("address", ()) if (found := _ADDRESS.match(text))]
    if not addresses:
        return
    words = {word: ", ".join(held[word]) for word in ("mac", "dns", "gateway", "dhcp_server") if held.get(word)}
    yield Fact("network_interface", title, ", ".join(addresses), where, words)
    for word, what in (("dns", "name server"), ("dhcp_server", "address server")):
        for address in held.get(word, ()):
            yield Fact("peer", address, what, where, {"service": word.partition("_")[0]})
