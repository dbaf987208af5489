"""A list of hashes of files as they should be → what program files can be held against.

Source: the layouts of sha256sum and its kin (`hash  name`, `SHA256 (name) = hash`), Microsoft's FCIV, `certutil
-hashfile`, PowerShell's Get-FileHash (list, table, CSV), and tables with headings (Sysinternals' sigcheck -h -c; name,
hash, version).

Folklore: a list of *bad* files looks the same.  One whose headings or comments speak of malware or vulnerable drivers
is not taken for a baseline, nor is one of files in general: the check sums of a download or a collection of evidence
(its headings speak of repositories, addresses, licences; few of its files are programs) say nothing of what a machine
should run.  certutil of old puts spaces between the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
SHAPED_LINES = 24
HEADINGS = {
    "name": "name", "file": "name", "filename": "name", "file name": "name", "path": "name", "file path": "name",
    "sha256": "sha256", "sha-256": "sha256", "sha256 hash": "sha256", "sha1": "sha1", "sha-1": "sha1", "md5": "md5",
    "hash": "hash", "checksum": "hash", "digest": "hash", "version": "version", "file version": "version",
    "fileversion": "version", "publisher": "signer", "signer": "signer", "algorithm": "algorithm",
}  # fmt: skip
_BAD = re.compile(r"malware|malicious|vulnerable|threat|virus|ioc\b|blocklist|denylist", re.IGNORECASE)
_ORIGIN = re.compile(r"repo(?:sitory)?|commit|licen[cs]e|url|download", re.IGNORECASE)
_PROGRAM = re.compile(
    r"\.(?:sys|dll|exe|ocx|cpl|drv|scr|com|efi|vxd|386|mui|ax|acm|tsp|ime|mod|cat|inf|msi|cab)(?=[\"'\s,;:)]|$)", re.I
)
_ONE_HASH = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2} ?){16,32}(?![0-9A-Fa-f])")
PROGRAMS_SHARE = 3
"""One of so many files at least must be a program, by its name."""
_HASH = re.compile(r"(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})\Z")
_PLAIN = re.compile(r"\\?([0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8})?(?:[0-9A-Fa-f]{24})?)[ \t]+\*?([^\s].*)")
_BSD = re.compile(r"(SHA256|SHA1|MD5) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,64})")
_CERTUTIL = re.compile(
    r"(?:SHA-?256|SHA-?1|MD5)\b.*?\b(?:of|von|de|di|del fichero|файла)\b(?: file)? ?(.+?) ?:\s*$", re.I
)
_POWERSHELL = re.compile(r"(Algorithm|Hash|Path)\s*: ?(.*)")
_TABLE = re.compile(r"(SHA256|SHA1|MD5)\s+([0-9A-Fa-f]{32,64})\s+(\S.*)")


def probe(source: Source) -> int:
    """Tell by the shape of the first lines, or by headings that name both a file and a hash."""
    text = source.head_text[:0x4000]
    lines = [line for line in text.split("\n")[:SHAPED_LINES] if line.strip()]
    if not lines or any(_BAD.search(line) for line in lines[:3]) or not _of_programs(text):
        return NO
    if "CertUtil:" in text and _CERTUTIL.match(lines[0]):
        return SURE
    if _heading(lines[0]) or (re.match(r"Algorithm\s*:", lines[0]) and "Hash" in text):
        return SURE
    content = [line for line in lines if not line.startswith(("//", "#", "---", "Algorithm"))]
    shaped = [line for line in content if _PLAIN.match(line) or _BSD.match(line) or _TABLE.match(line)]
    return LIKELY if content and len(shaped) >= max(1, len(content) - 1) else NO


def _of_programs(text: str) -> bool:
    """Tell whether the files with hashes are programs, a good share of them at least."""
    hashed = programs = 0
    for line in text.split("\n"):
        hashed += _ONE_HASH.search(line) is not None
        programs += _PROGRAM.search(line) is not None
    return hashed > 0 and programs * PROGRAMS_SHARE >= hashed


def _heading(line: str) -> dict[str, int] | None:
    """Read a heading: role → column, None unless it names a file and a hash, and no origin of downloads."""
    for separator in ",;\t":
        roles: dict[str, int] = {}
        cells = cells_of(line, separator)[:64]
        if any(_ORIGIN.fullmatch(cell.strip()) for cell in cells):
            return None
        for index, cell in enumerate(cells):
            role = HEADINGS.get(cell.strip().lstrip("#").strip().lower())
            if role:
                roles.setdefault(role, index)
        if "name" in roles and roles.keys() & {"sha256", "sha1", "md5", "hash"}:
            return roles
    return None


@evidence_parser("baseline_list", probe=probe, names=("*baseline*", "*sha256*", "*hashes*", "*.sha1", "*.md5"))
def baseline_list(source: Source) -> Iterator[Record]:
    """A list of hashes of files as they should be (sha256sum, certutil, Get-FileHash, CSV)."""
    number_of_lines = unread = 0
    pending: dict[str, str] = {}
    roles: dict[str, int] | None = None
    separator = ","
    for number, line in source.lines():
        text, where = line.strip(), f"line {number}"
        if not text or text.startswith(("//", "#-", "---", "===")):
            continue
        number_of_lines += 1
        if roles is None and number_of_lines == 1 and (roles := _heading(text)):
            separator = max(",;\t", key=text.count)
            continue
        fact = _by_columns(cells_of(line, separator), roles, where, source) if roles else None
        fact = fact or _by_shape(text, where, source) or _by_pairs(text, pending, where, source)
        if fact:
            yield fact
        elif not pending and "CertUtil" not in text and not text.startswith(("Algorithm", "#")):
            unread += 1
    if last := _done(pending, source):
        yield last
    if unread:
        yield Gap(f"{unread} lines of {source.path}", "a hash and a file name")


def _by_columns(cells: list[str], roles: Mapping[str, int], where: str, source: Source) -> Fact | None:
    values = {role: cells[index].strip() for role, index in roles.items() if index < len(cells)}
    found = [value for role in ("sha256", "sha1", "md5", "hash") if _HASH.match(value := values.get(role, ""))]
    if not found or not values.get("name"):
        return None
    return _fact(values["name"], found, where, source, values.get("version", ""), values.get("signer", ""))


def _by_shape(text: str, where: str, source: Source) -> Fact | None:
    if match := _PLAIN.match(text):
        return _fact(match[2], [match[1]], where, source)
    if match := _BSD.match(text):
        return _fact(match[2], [match[3]], where, source)
    if match := _TABLE.match(text):
        return _fact(match[3], [match[2]], where, source)
    return None


def _by_pairs(text: str, pending: dict[str, str], where: str, source: Source) -> Fact | None:
    """Read layouts that spread one file over several lines; `pending` remembers what came before.

    PowerShell's path may go on in the next lines, so its file is done when the next one begins.
    """
    if match := _CERTUTIL.match(text):
        pending.clear()
        pending["Path"] = match[1]
    elif match := _POWERSHELL.match(text):
        done = _done(pending, source) if match[1] == "Algorithm" else None
        pending[match[1]] = match[2].strip()
        pending["where"] = where
        return done
    elif "Algorithm" in pending and pending.get("Path"):
        pending["Path"] += text
    elif "Path" in pending and _HASH.match(text.replace(" ", "")):
        pending.update(Hash=text.replace(" ", ""), where=where)
        return _done(pending, source)
    return None


def _done(pending: dict[str, str], source: Source) -> Fact | None:
    fact = None
    if _HASH.match(pending.get("Hash", "")) and pending.get("Path"):
        fact = _fact(pending["Path"], [pending["Hash"]], pending.get("where", ""), source)
    pending.clear()
    return fact


def _fact(path: str, hashes: list[str], where: str, source: Source, version: str = "", signer: str = "") -> Fact | None:
    by_name = {HASHES[len(each)]: each.lower() for each in hashes if len(each) in HASHES}
    name = path.strip().strip('"').replace("/", "\\").rpartition("\\")[2]
    if not by_name or not name:
        return None
    fields = {
        "source": source.base_name,
        "version": version,
        "signer": "" if signer.lower() in ("n/a", "-") else signer,
        "sha1": by_name.get("sha1", ""),
        "md5": by_name.get("md5", ""),
        "path": path.strip() if path.strip() != name else "",
    }
    known = {key: value for key, value in fields.items() if value}
    return Fact("baseline_file", name, by_name.get("sha256", ""), where, known)
