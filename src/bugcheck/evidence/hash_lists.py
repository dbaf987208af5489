"""A line of a list of hashes → the file it speaks of.

Source: the layouts of sha256sum and its kin (`hash  name`, `SHA256 (name) = hash`), Microsoft's FCIV, `certutil
-hashfile`, PowerShell's Get-FileHash (list, table, CSV), and tables with headings (Sysinternals' sigcheck -h -c; name,
hash, version).

Folklore: certutil of old puts spaces between the bytes.  PowerShell's path may go on in the next lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.source import Source

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
HEADINGS = {
    "name": "name", "file": "name", "filename": "name", "file name": "name", "path": "name", "file path": "name",
    "sha256": "sha256", "sha-256": "sha256", "sha256 hash": "sha256", "sha1": "sha1", "sha-1": "sha1", "md5": "md5",
    "hash": "hash", "checksum": "hash", "digest": "hash", "version": "version", "file version": "version",
    "fileversion": "version", "publisher": "signer", "signer": "signer", "algorithm": "algorithm",
}  # fmt: skip
_ORIGIN = re.compile(r"repo(?:sitory)?|commit|licen[cs]e|url|download", re.IGNORECASE)
_HASH = re.compile(r"(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})\Z")
_PLAIN = re.compile(r"\\?([0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8})?(?:[0-9A-Fa-f]{24})?)[ \t]+\*?([^\s].*)")
_BSD = re.compile(r"(SHA256|SHA1|MD5) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,64})")
_CERTUTIL = re.compile(
    r"(?:SHA-?256|SHA-?1|MD5)\b.*?\b(?:of|von|de|di|del fichero|файла)\b(?: file)? ?(.+?) ?:\s*$", re.I
)
_POWERSHELL = re.compile(r"(Algorithm|Hash|Path)\s*: ?(.*)")
_TABLE = re.compile(r"(SHA256|SHA1|MD5)\s+([0-9A-Fa-f]{32,64})\s+(\S.*)")


def is_hash_line(line: str) -> bool:
    """Tell whether a line holds a hash and a name in a layout that needs no more than one line."""
    return any(layout.match(line) for layout in (_PLAIN, _BSD, _TABLE))


def is_certutil_heading(line: str) -> bool:
    """Tell whether a line is what certutil writes above a hash, the file's name in it."""
    return _CERTUTIL.match(line) is not None


def heading_of(line: str) -> dict[str, int] | None:
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


def file_of_columns(cells: list[str], roles: Mapping[str, int], where: str, source: Source) -> Fact | None:
    """Read a row of a table whose heading told the columns; None without a hash and a name."""
    values = {role: cells[index].strip() for role, index in roles.items() if index < len(cells)}
    found = [value for role in ("sha256", "sha1", "md5", "hash") if _HASH.match(value := values.get(role, ""))]
    if not found or not values.get("name"):
        return None
    return _fact(values["name"], found, where, source, values.get("version", ""), values.get("signer", ""))


def file_of_line(text: str, where: str, source: Source) -> Fact | None:
    """Read a line that holds a hash and a name: sha256sum, BSD, Get-FileHash's table."""
    if match := _PLAIN.match(text):
        return _fact(match[2], [match[1]], where, source)
    if match := _BSD.match(text):
        return _fact(match[2], [match[3]], where, source)
    if match := _TABLE.match(text):
        return _fact(match[3], [match[2]], where, source)
    return None


def file_of_lines(text: str, pending: dict[str, str], where: str, source: Source) -> Fact | None:
    """Read layouts that spread one file over several lines; `pending` remembers what came before.

    PowerShell's path may go on in the next lines, so its file is done when the next one begins.
    """
    if match := _CERTUTIL.match(text):
        pending.clear()
        pending["Path"] = match[1]
    elif match := _POWERSHELL.match(text):
        done = last_file(pending, source) if match[1] == "Algorithm" else None
        pending[match[1]] = match[2].strip()
        pending["where"] = where
        return done
    elif "Algorithm" in pending and pending.get("Path"):
        pending["Path"] += text
    elif "Path" in pending and _HASH.match(text.replace(" ", "")):
        pending.update(Hash=text.replace(" ", ""), where=where)
        return last_file(pending, source)
    return None


def last_file(pending: dict[str, str], source: Source) -> Fact | None:
    """Make a fact of what `pending` holds, when that is a whole file, and forget it."""
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
