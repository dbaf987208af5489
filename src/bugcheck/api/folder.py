"""A folder → the files in it that may be dumps, archives of dumps, or debuggers' logs.

Source: a dump's first bytes, an archive's name, a log's words.

Folklore: people rename what they collect (`MEMORY.DMP.old`, `crash1`), so dumps are known by their first bytes;
archives are known by their names, or every office document would be unpacked.
"""

from __future__ import annotations

import os

from bugcheck.dump.file_names import ARCHIVE_SUFFIXES, DUMP_SUFFIXES, TEXT_SUFFIXES
from bugcheck.errors import NotADump

MAGIC = (b"PAGEDUMP", b"PAGEDU64", b"MDMP")


def files_in(folder: str) -> list[str]:
    """List them, sorted. Raises NotADump where there is none."""
    found = [
        path
        for root, _, names in os.walk(folder)
        for name in names
        if _is_wanted(path := os.path.join(root, name), name.lower())  # noqa: PTH118 (pathlib costs 10 ms)
    ]
    if not found:
        raise NotADump(folder, "the folder holds no dump, no archive of dumps and no log of a debugger")
    return sorted(found)


def _is_wanted(path: str, name: str) -> bool:
    if name.endswith(DUMP_SUFFIXES + ARCHIVE_SUFFIXES):
        return True
    from bugcheck.dump.log.sniff import SNIFFED, looks_like_log

    is_text = name.endswith(TEXT_SUFFIXES)
    try:
        if not os.path.isfile(path):  # a pipe would be waited for  # noqa: PTH113
            return False
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(SNIFFED if is_text else 16)
    except OSError:
        return False
    return head.startswith(MAGIC) or (is_text and looks_like_log(head))
