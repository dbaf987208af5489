"""Output of `netstat -ano` → whom the host talks to, which ports it serves.

Source: `netstat`: protocol, local address, foreign address, state (in the language of Windows), process id; -b adds
the program in brackets below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_LINE = re.compile(
    r"^\s*(TCP|UDP)\s+(\S+):(\d+|\*)\s+(\S+):(\d+|\*|\w+)(?:\s+([^\W\d]\w*))?(?:\s+(\d+))?\s*$", re.IGNORECASE
)
_PROGRAM = re.compile(r"^\s*\[([^\]]+)\]\s*$")
_LOCAL = re.compile(r"^(?:0\.0\.0\.0|127\.|\[::1?\]|\*|\[::\])")
_PEERS = 20_000


def probe(source: Source) -> int:
    """Tell by connections."""
    lines = source.head_text[:0x2000].split("\n")[:60]
    return LIKELY if sum(bool(_LINE.match(line)) for line in lines) >= 2 else NO


@evidence_parser("netstat", probe=probe, names=("*netstat*",))
def netstat(source: Source) -> Iterator[Record]:
    """Output of netstat: connections and listening ports."""
    held: Fact | None = None
    count = 0
    for number, line in source.lines():
        program = _PROGRAM.match(line)
        if program and held:
            held = Fact(held.kind, held.name, held.value, held.where, {**held.fields, "program": program[1]})
            continue
        found = _LINE.match(line)
        if not found:
            continue
        if held and count < _PEERS:
            count += 1
            yield held
        held = _fact(found, f"line {number}")
    if held:
        yield held


def _fact(found: re.Match[str], where: str) -> Fact:
    protocol, local, port, remote, remote_port, state, pid = found.groups()
    words = {"protocol": protocol.lower(), "local_port": port, "state": state or "", "pid": pid or ""}
    fields = {key: value for key, value in words.items() if value}
    if _LOCAL.match(remote):
        return Fact("listening_port", f"{protocol.lower()} {port}", local, where, fields)
    return Fact("peer", remote, "connection", where, fields | {"port": remote_port})
