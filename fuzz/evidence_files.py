"""Evidence files → seeds, damage that reaches their records, and a full use of what came of it.

Seeds are the samples of the parsers' tests, the demo's files and those of ../shared/corpus/evidence, a few of every
parser.
A use reads the file as `bugcheck investigate` does; every eighth mutant is also ordered, weighed and rendered.

Source: base block checksum of hives: msuhanov, "Windows registry file format specification", Base block; chunk
checksums of EVTX: libyal, "Windows XML Event Log (EVTX)".  They are put right again, or nothing behind them is met.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

from bugcheck.api.incident import investigate, render_case
from bugcheck.archives.packed import container_of
from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import Quality, Record, parser_of
from bugcheck.evidence.intake import Intake, Unreadable
from bugcheck.evidence.reading import read_source
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.synth.story import write_story
from bugcheck.timeline.store import EventStore
from fuzz.examine import STEERING
from fuzz.symbol_files import EXTREMES
from fuzz.text_damage import spoil

EVIDENCE_FORMATS = ("hive", "registry_log", "event_log", "evidence_binary", "evidence_text", "evidence_archive")
HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared"
SAMPLES = HERE / "tests" / "evidence" / "samples"
SEED_LIMIT = 2 << 20
"""Bytes of the largest file that is taken as a seed."""
ARCHIVE_LIMIT = 1 << 18
"""The same for archives: hundreds of files are read in seconds, which is right and tells nothing."""
SEEDS_PER_PARSER = 4
WEIGHED = 8
"""Of so many mutants one goes through the whole investigation."""
NOT_HERE = ("crash_dump",)
"""Parsers whose input has formats of its own."""
_GROUPS = {"registry_hive": "hive", "registry_log": "registry_log", "evtx": "event_log", "evt": "event_log"}
_HIVE_CHECKSUM_AT, _EVTX_CHUNK, _EVTX_FIRST_CHUNK = 508, 0x10000, 0x1000


@cache
def _all_files(real: bool) -> tuple[tuple[str, bytes], ...]:
    with tempfile.TemporaryDirectory() as folder:
        write_story(Path(folder))
        roots = [SAMPLES, Path(folder), *([SHARED / "corpus" / "evidence"] if real else [])]
        paths = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
        small = [path for path in paths if 0 < path.stat().st_size <= SEED_LIMIT]
        named = [(path.name.rpartition("--")[2], path) for path in sorted(small, key=lambda path: path.stat().st_size)]
        return tuple((name, path.read_bytes()) for name, path in named)


def evidence_seeds(format_name: str, *, real: bool) -> Iterator[tuple[str, bytes]]:
    """List name and bytes of undamaged files of a group, the smallest of every parser."""
    taken: dict[str, int] = {}
    for name, data in _all_files(real):
        kind = _kind(name, data)
        small = len(data) <= ARCHIVE_LIMIT
        if (
            not kind
            and small
            and format_name == "evidence_archive"
            and container_of(BinaryView(data, name)) is not None
        ):
            yield name, data
        if not kind or _group(kind, data) != format_name:
            continue
        taken[kind] = taken.get(kind, 0) + 1
        if taken[kind] <= SEEDS_PER_PARSER:
            yield f"{kind}/{name}", data
    if format_name == "evidence_archive":
        files = [(name, data) for name, data in _all_files(False) if len(data) < 1 << 13]
        inner = _zipped(files[:5])
        yield "built/evidence.zip", _zipped(files)
        yield "built/nested.zip", _zipped([("inner.zip", inner), *files[5:8]])
        yield "built/evidence.tar", _tarred(files)
        yield "built/evidence.zip.gz", gzip.compress(inner, mtime=0)


def _zipped(files: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(files):
            archive.writestr(zipfile.ZipInfo(f"{number}/{name}"), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _tarred(files: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for number, (name, data) in enumerate(files):
            info = tarfile.TarInfo(f"{number}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _kind(name: str, data: bytes) -> str:
    parser = parser_of(Source(name, BinaryView(data, name)))
    return "" if parser is None or parser.name in NOT_HERE else parser.name


def _group(kind: str, data: bytes) -> str:
    if kind in _GROUPS:
        return _GROUPS[kind]
    return "evidence_text" if Source(kind, BinaryView(data, kind)).encoding else "evidence_binary"


# --- damage ---


def evidence_mutant(format_name: str, data: bytes, random: Random) -> bytes:
    """Damage a file in a way that reaches what its format holds."""
    if format_name == "evidence_text":
        return _respoiled(data, random)
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16, 64))):
        at = random.randrange(min(random.choice((64, 512, 0x2000, len(made))), len(made)))
        size = random.choice((1, 2, 4, 8))
        other = random.randrange(len(made))
        extreme = random.choice(EXTREMES) & (1 << 8 * size) - 1
        made[at : at + size] = random.choice(
            (extreme.to_bytes(size, "little"), bytes(made[other : other + size]), random.randbytes(size))
        )
    if random.random() < 0.1:
        del made[random.randrange(len(made)) :]
    if format_name in ("hive", "registry_log") and random.random() < 0.8:
        _mend_base_block(made)
    if made.startswith(b"ElfFile\0") and random.random() < 0.8:
        _mend_chunks(made)
    return bytes(made)


def _respoiled(data: bytes, random: Random) -> bytes:
    """Damage a text in its own encoding, so that UTF-16 stays UTF-16 mostly."""
    encoding = Source("seed", BinaryView(data, "seed")).encoding or "utf-8"
    spoiled = spoil(data.decode(encoding, "replace").encode(), random)
    if encoding == "utf-8" or random.random() < 0.2:
        return spoiled
    return spoiled.decode("utf-8", "replace").encode(encoding, "replace")


def _mend_base_block(made: bytearray) -> None:
    if len(made) < 512:
        return
    checksum = 0
    for (word,) in struct.iter_unpack("<I", made[:_HIVE_CHECKSUM_AT]):
        checksum ^= word
    checksum = {0: 1, 0xFFFF_FFFF: 0xFFFF_FFFE}.get(checksum, checksum)
    made[_HIVE_CHECKSUM_AT : _HIVE_CHECKSUM_AT + 4] = checksum.to_bytes(4, "little")


def _mend_chunks(made: bytearray) -> None:
    """Give the header and each chunk of an EVTX file the checksums they should have."""
    made[124:128] = zlib.crc32(made[:120]).to_bytes(4, "little")
    for start in range(_EVTX_FIRST_CHUNK, len(made) - _EVTX_CHUNK + 1, _EVTX_CHUNK):
        chunk = memoryview(made)[start : start + _EVTX_CHUNK]
        free = int.from_bytes(chunk[48:52], "little")
        if 512 <= free <= _EVTX_CHUNK:
            chunk[52:56] = zlib.crc32(chunk[512:free]).to_bytes(4, "little")
        chunk[124:128] = zlib.crc32(bytes(chunk[:120]) + bytes(chunk[128:512])).to_bytes(4, "little")


# --- use ---


def use_evidence(data: bytes, name: str) -> str:
    """Read it as the investigation would; an answer of a parser that failed is a mistake."""
    source = Source(f"case/{name}", BinaryView(data, name), _beside)
    store = EventStore()
    failed: list[str] = []

    def sink(evidence_id: str, record: Record) -> None:
        if isinstance(record, Gap) and _is_mistake(record.missing):
            failed.append(record.missing)
        store.add(evidence_id, record)

    with store.writing():
        evidence = read_source(source, "0", sink)
        store.finish(evidence)
    if failed:
        raise AssertionError(f"{evidence.kind}: {failed[0]}")
    store.close()
    if zlib.crc32(data) % WEIGHED == 0:
        _investigated(data, name)
    return {Quality.UNKNOWN: "refused", Quality.UNREADABLE: "refused", Quality.COMPLETE: "complete"}.get(
        evidence.quality, "partial"
    )


def _beside(name: str) -> Source | None:
    """The sample of that name: a log's hive, a driver's catalog."""
    found = next((path for path in SAMPLES.iterdir() if path.name.rpartition("--")[2].lower() == name.lower()), None)
    return None if found is None else Source(name, BinaryView(found.read_bytes(), name))


def use_archive(data: bytes, name: str) -> str:
    """Take in an archive as the investigation would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        read = sum(not isinstance(each, Unreadable) for each in Intake(folder).sources())
        left = sorted(each.name for each in Path(folder).iterdir())
        if left != [name]:
            raise AssertionError(f"it wrote beside the archive: {left}")
    if zlib.crc32(data) % WEIGHED == 0:
        _investigated(data, name)
    return "complete" if read > 1 else "partial" if read else "refused"


def _investigated(data: bytes, name: str) -> None:
    """Order, weigh and render it in every form."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        investigated = investigate(folder, keep=False, known_issues=str(Path(folder) / "none.db"))
        for form in ("text", "markdown", "html", "json"):
            rendered = render_case(investigated, form, verbose=True)
            rendered.encode()
            if form == "text" and (steering := next((each for each in STEERING if each in rendered), "")):
                raise AssertionError(f"the report holds the control character {steering!r}")


def _is_mistake(words: str) -> bool:
    """Tell a failure's words ("ValueError: …", which `guarded` writes) from what a parser says of a file."""
    head = words.partition(":")[0]
    return head.isidentifier() and head.endswith(("Error", "Exception", "Warning", "Iteration"))


EVIDENCE_USES: dict[str, Callable[[bytes, str], str]] = {
    **dict.fromkeys(EVIDENCE_FORMATS, use_evidence),
    "evidence_archive": use_archive,
}
