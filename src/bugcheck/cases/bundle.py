"""Named pieces of bytes → one zip file with a manifest: the same pieces give the same file, byte for byte.

Source: APPNOTE.TXT (PKWARE) for what a zip holds beside its bytes: times, attributes and systems, all fixed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bugcheck.cases.atomic_file import write_atomically
from bugcheck.cases.store import CaseStore
from bugcheck.dump.file_names import DUMP_SUFFIXES
from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import Evidence
from bugcheck.evidence.intake import Intake
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

SCHEMA = "bugcheck.bundle/1"
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest a zip can tell: when a bundle was made is nobody's business and would make two of them differ."""
PIECE = 1 << 20
MEMORY_KINDS = frozenset(["crash_dump"])
MEMORY_SUFFIXES = (*DUMP_SUFFIXES, ".vmem", ".vmss", "hiberfil.sys", "pagefile.sys", "swapfile.sys")


@dataclass(frozen=True, slots=True)
class Piece:
    """A member of a bundle: its name, its bytes as they come, what it is, and the hash it should have ("" for any)."""

    name: str
    chunks: Iterable[bytes]
    what: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A member as it was written."""

    name: str
    size: int
    sha256: str
    what: str
    as_taken_in: bool | None


def write_bundle(
    path: Path, pieces: Iterable[Piece], about: Callable[[], Mapping[str, Any]], *, force: bool = False
) -> list[Written]:
    """Write a bundle; returns its members.

    Args:
        path: of the zip. pieces: its members, in order. about: what the manifest says beside them, asked at the end.
        force: replace a file that is there.

    Raises:
        UsageError: the file is there already, or cannot be written.
    """
    with write_atomically(path, force=force) as file, ZipFile(file, "w") as archive:
        written = [_write(archive, piece) for piece in pieces]
        rows = [
            {"name": each.name, "size": each.size, "sha256": each.sha256, "what": each.what}
            | ({} if each.as_taken_in is None else {"as_taken_in": each.as_taken_in})
            for each in written
        ]
        manifest = json.dumps({"schema": SCHEMA, **about(), "files": rows}, ensure_ascii=True, indent=1) + "\n"
        written.append(_write(archive, Piece(MANIFEST, [manifest.encode()], "this list")))
        sums = "".join(f"{each.sha256}  {each.name}\n" for each in written)
        _write(archive, Piece(SUMS, [sums.encode()], "for `sha256sum -c`"))
    return written


def _write(archive: ZipFile, piece: Piece) -> Written:
    info = ZipInfo(piece.name, _DATE)
    info.compress_type, info.create_system, info.external_attr = ZIP_DEFLATED, 3, 0o644 << 16
    digest, size = sha256(), 0
    with archive.open(info, "w", force_zip64=True) as member:
        for chunk in piece.chunks:
            digest.update(chunk)
            size += len(chunk)
            member.write(chunk)
    same = digest.hexdigest() == piece.sha256 if piece.sha256 else None
    return Written(piece.name, size, digest.hexdigest(), piece.what, same)


def evidence_pieces(
    store: CaseStore, evidence: Iterable[Evidence], *, memory: bool, left_out: list[Gap]
) -> Iterator[Piece]:
    """The files of evidence themselves, as they lie in the folder; dumps only with `memory`.

    What is left out, and why, is added to `left_out`.
    """
    held = {line.path: line.sha256 for line in store.custody()}
    dumps = {each.path for each in evidence if each.kind in MEMORY_KINDS or each.path.lower().endswith(MEMORY_SUFFIXES)}
    intake, names = Intake(store.folder, also=store.kept_dumps()), set[str]()
    for path in intake.files():
        holds_memory = any(dump == path or dump.startswith(f"{path}/") for dump in dumps)
        if not memory and (holds_memory or path.lower().endswith(MEMORY_SUFFIXES)):
            left_out.append(Gap(path, "holds memory of the machine", "--with-memory"))
            continue
        try:
            source = intake.whole(path)
        except BugcheckError as error:
            left_out.append(Gap(path, str(error)))
            continue
        chunks = _chunks(source) if source else ()
        yield Piece(_member_name(path, names), chunks, "evidence", held.get(path, ""))


def _chunks(source: Source) -> Iterator[bytes]:
    for start in range(0, source.size, PIECE):
        yield bytes(source.view.data[start : start + PIECE])


def _member_name(path: str, names: set[str]) -> str:
    """A name that leads nowhere but below `evidence/` on any system, and is there once."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    safe = ["".join("_" if char in '<>:"|?*' or not char.isprintable() else char for char in part) for part in parts]
    name = "evidence/" + "/".join(safe)
    while name.lower() in names:
        name += "_"
    names.add(name.lower())
    return name
