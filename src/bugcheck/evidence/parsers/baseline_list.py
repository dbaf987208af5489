"""A list of hashes of files as they should be → what program files can be held against.

Source: the layouts of sha256sum and its kin (`hash  name`, `SHA256 (name) = hash`), Microsoft's FCIV, `certutil
-hashfile`, PowerShell's Get-FileHash (list, table, CSV), and tables with headings (Sysinternals' sigcheck -h -c; name,
hash, version).

Folklore: a list of *bad* files looks the same.  One whose headings or comments speak of malware or vulnerable drivers
is not taken for a baseline, nor is one of files in general: the check sums of a download or a collection of evidence
(its headings speak of repositories, addresses, licences; few of its files are programs) say nothing of what a machine
should run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.hash_lists import (
    file_of_columns,
    file_of_line,
    file_of_lines,
    heading_of,
    is_certutil_heading,
    is_hash_line,
    last_file,
)
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

SHAPED_LINES = 24
_BAD = re.compile(r"malware|malicious|vulnerable|threat|virus|ioc\b|blocklist|denylist", re.IGNORECASE)
_PROGRAM = re.compile(
    r"\.(?:sys|dll|exe|ocx|cpl|drv|scr|com|efi|vxd|386|mui|ax|acm|tsp|ime|mod|cat|inf|msi|cab)(?=[\"'\s,;:)]|$)", re.I
)
_ONE_HASH = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2} ?){16,32}(?![0-9A-Fa-f])")
PROGRAMS_SHARE = 3
"""One of so many files at least must be a program, by its name."""


def probe(source: Source) -> int:
    """Tell by the shape of the first lines, or by headings that name both a file and a hash."""
    text = source.head_text[:0x4000]
    lines = [line for line in text.split("\n")[:SHAPED_LINES] if line.strip()]
    if not lines or any(_BAD.search(line) for line in lines[:3]) or not _of_programs(text):
        return NO
    if "CertUtil:" in text and is_certutil_heading(lines[0]):
        return SURE
    if heading_of(lines[0]) or (re.match(r"Algorithm\s*:", lines[0]) and "Hash" in text):
        return SURE
    content = [line for line in lines if not line.startswith(("//", "#", "---", "Algorithm"))]
    shaped = [line for line in content if is_hash_line(line)]
    return LIKELY if content and len(shaped) >= max(1, len(content) - 1) else NO


def _of_programs(text: str) -> bool:
    """Tell whether the files with hashes are programs, a good share of them at least."""
    hashed = programs = 0
    for line in text.split("\n"):
        hashed += _ONE_HASH.search(line) is not None
        programs += _PROGRAM.search(line) is not None
    return hashed > 0 and programs * PROGRAMS_SHARE >= hashed


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
        if roles is None and number_of_lines == 1 and (roles := heading_of(text)):
            separator = max(",;\t", key=text.count)
            continue
        fact = file_of_columns(cells_of(line, separator), roles, where, source) if roles else None
        fact = fact or file_of_line(text, where, source) or file_of_lines(text, pending, where, source)
        if fact:
            yield fact
        elif not pending and "CertUtil" not in text and not text.startswith(("Algorithm", "#")):
            unread += 1
    if last := last_file(pending, source):
        yield last
    if unread:
        yield Gap(f"{unread} lines of {source.path}", "a hash and a file name")
