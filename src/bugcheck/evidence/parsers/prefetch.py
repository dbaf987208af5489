"""A prefetch file → a program's runs: how often, and its last times.

Source: libscca (J. Metz) reads versions 17 (XP, 2003), 23 (Vista, 7), 26 (8.1), 30 and 31 (10, 11, packed as MAM).

Folklore: the name in the file is cut at 29 characters; run times are up to eight since Windows 8, one before; the
count includes runs whose times are no longer there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bugcheck.errors import LimitExceeded
from bugcheck.evidence.evidence import NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_filetime

_ERRORS = (OSError, ValueError, OverflowError, MemoryError, LimitExceeded)
_SIZE_LIMIT = 16 << 20
_UNPACKED_LIMIT = 32 << 20
_RUNS = 8
_FILES = 4096


def probe(source: Source) -> int:
    """Tell by SCCA at offset 4, or by MAM's magic in a plausible size."""
    head = source.head
    if head[4:8] == b"SCCA":
        return SURE
    size = int.from_bytes(head[4:8], "little")
    return SURE if head[:3] == b"MAM" and head[3:4] in b"\x04\x84" and 84 < size < _UNPACKED_LIMIT else NO


@evidence_parser("prefetch", probe=probe, names=("*.pf",))
def prefetch(source: Source) -> Iterator[Record]:
    """A prefetch file: a program's last runs."""
    if source.size > _SIZE_LIMIT:
        yield Gap(f"the runs in {source.path}", f"a size of at most {_SIZE_LIMIT} bytes", damage=True)
        return
    import pyscca  # a C library: loaded when a prefetch file is there

    library: Any = pyscca
    file = library.file()
    try:
        file.open_file_object(source.file(_SIZE_LIMIT))
        name = str(file.executable_filename or source.base_name.rpartition("-")[0])
        count = int(file.run_count)
        path = _path(file, name)
    except _ERRORS as error:
        yield Gap(f"the runs in {source.path}", f"a sound prefetch file ({str(error)[:120]})", damage=True)
        return
    yield from _runs(file, name.encode("utf-8", "replace").decode(), count, path)


def _path(file: Any, name: str) -> str:
    """Find the program among the files it loaded: its whole path."""
    for index in range(min(int(file.number_of_filenames), _FILES)):
        try:
            loaded = str(file.get_filename(index) or "")
        except _ERRORS:
            continue
        if name and loaded.upper().endswith("\\" + name.upper()):
            return loaded.encode("utf-8", "replace").decode()
    return ""


def _runs(file: Any, name: str, count: int, path: str) -> Iterator[Event]:
    fields = {"program": name, "count": str(count)} | ({"path": path} if path else {})
    for index in range(_RUNS):
        try:
            time = from_filetime(file.get_last_run_time_as_integer(index))
        except _ERRORS:
            return
        if time:
            yield Event(time, "program_run", f"{name} ran", f"last run {index + 1}", "prefetch", None, fields)
