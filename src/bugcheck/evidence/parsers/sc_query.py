"""Output of `sc query`, `queryex`, `qc` and `net start` → services and their states.

Source: `sc` prints English keywords (SERVICE_NAME, TYPE, STATE, START_TYPE) in every language but for a few (German
has "SERVICE_NAME" too); numbers before the words are winsvc.h's: state 1 stopped to 7 paused, start 0 boot to 4
disabled.

Folklore: `sc qc` without `sc query` says how a service starts, not whether it runs; `net start` lists running ones
by display name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_NAME = re.compile(r"^SERVICE_NAME\s*:\s*(.+)|^NOM_SERVICE\s*:\s*(.+)|^NOMBRE_SERVICIO\s*:\s*(.+)", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s+\S[^:]*:\s*([0-9a-f]+)\s+(\S.*)?$", re.IGNORECASE)
_STARTS = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_STATES = {
    1: "stopped", 2: "start pending", 3: "stop pending", 4: "running", 5: "continue pending", 6: "pause pending",
    7: "paused",
}  # fmt: skip
_FIELDS = {
    "BINARY_PATH_NAME": "path", "DISPLAY_NAME": "display_name", "LOAD_ORDER_GROUP": "group",
    "SERVICE_START_NAME": "account", "DEPENDENCIES": "needs",
}  # fmt: skip
_TYPES = {0x1: "kernel driver", 0x2: "file system driver", 0x10: "own process", 0x20: "shared process"}
_NET_START = (
    "these windows services are started:", "diese windows-dienste sind gestartet:",
    "les services windows suivants ont démarré :", "se han iniciado estos servicios de windows:",
    "已经启动以下 windows 服务:", "以下の windows サービスが開始されています:",
)  # fmt: skip


def probe(source: Source) -> int:
    """Tell by SERVICE_NAME lines with a TYPE below, or by net start's first line."""
    head = source.head_text[:0x4000].lstrip()
    first = " ".join(head[:200].split("\n", 1)[0].split()).lower()
    if first in _NET_START:
        return SURE
    return SURE if re.search(r"^SERVICE_NAME\s*:.*\n(?:.*\n)?\s+(?:TYPE|TYP)\s*:", head, re.MULTILINE) else NO


@evidence_parser(
    "sc_query", probe=probe, names=("*sc_query*", "*services*.txt", "sc*.txt", "*netstart*", "*net_start*")
)
def sc_query(source: Source) -> Iterator[Record]:
    """Output of sc query, queryex, qc and of net start."""
    first = " ".join(source.head_text.lstrip()[:200].split("\n", 1)[0].split()).lower()
    if first in _NET_START:
        yield from _net_start(source)
        return
    name, at, fields = "", 0, dict[str, str]()
    for number, line in source.lines():
        found = _NAME.match(line)
        if found:
            if name:
                yield _fact(name, fields, at)
            name, at, fields = next(part for part in found.groups() if part).strip(), number, {}
        elif name and ":" in line:
            _take(line, fields)
    if name:
        yield _fact(name, fields, at)


def _take(line: str, fields: dict[str, str]) -> None:
    word, _, value = (part.strip() for part in line.partition(":"))
    numbered = _NUMBERED.match(line)
    if word in _FIELDS and value:
        fields[_FIELDS[word]] = value
    elif numbered and word in ("TYPE", "TYP"):
        code = int(numbered[1], 16) & 0x33
        fields["type"] = _TYPES.get(code & 0x30 or code, numbered[2] or "")
    elif numbered and word in ("STATE", "STATUS", "ETAT", "ESTADO"):
        fields["state"] = _STATES.get(int(numbered[1], 16), numbered[2] or "")
    elif numbered and word in ("START_TYPE", "STARTTYP"):
        fields["start_type"] = _STARTS.get(int(numbered[1], 16), numbered[2] or "")
    elif word == "PID" and value.isdecimal() and value != "0":
        fields["pid"] = value
    elif word == "WIN32_EXIT_CODE" and numbered and int(numbered[1], 16 if "x" in numbered[1] else 10):
        fields["exit_code"] = numbered[1]


def _fact(name: str, fields: dict[str, str], line: int) -> Fact:
    value = fields.get("state") or fields.get("start_type", "")
    if "driver" in fields.get("type", ""):
        path = fields.get("path", "")
        file = path.replace("/", "\\").rpartition("\\")[2] or f"{name}.sys"
        return Fact("driver", file, "", f"line {line}", {"service": name, **fields})
    return Fact("service", name, value, f"line {line}", fields)


def _net_start(source: Source) -> Iterator[Fact]:
    for number, line in source.lines():
        if line.startswith("   ") and line.strip():
            fields = {"display_name": line.strip(), "state": "running"}
            yield Fact("service", line.strip(), "running", f"line {number}", fields)
