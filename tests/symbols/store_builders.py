"""Small PDBs, compressed files and a real HTTP server over a store, made without bugcheck's readers."""

from __future__ import annotations

import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bugcheck.images.identity import PdbId
from bugcheck.symbols.wanted import WantedFile, wanted_file
from tests.archives.cabinets import MSZIP, cabinet, mszip_blocks

BLOCK = 512
GUID = "5278AFF8-6C34-1677-D7D7-835C85B7B844"


def pdb_bytes(guid: str = GUID, age: int = 1, dbi_age: int | None = None, padding: int = 0) -> bytes:
    """Write an MSF 7.00 file with a PDB stream and a DBI stream (LLVM: "The MSF File Format"), ages in both."""
    info = struct.pack("<III", 20000404, 0x5F5E1000, age) + uuid.UUID(guid).bytes_le + struct.pack("<I", 0)
    dbi = struct.pack("<iII", -1, 19990903, age if dbi_age is None else dbi_age).ljust(64, b"\0")
    streams = [b"", info, b"", dbi, bytes(range(256)) * (padding // 256)]
    blocks: list[bytes] = []
    places: list[list[int]] = []
    for stream in streams:
        pieces = [stream[start : start + BLOCK].ljust(BLOCK, b"\0") for start in range(0, len(stream), BLOCK)]
        places.append(list(range(3 + len(blocks), 3 + len(blocks) + len(pieces))))
        blocks.extend(pieces)
    directory = struct.pack(f"<{1 + len(streams)}I", len(streams), *map(len, streams))
    directory += b"".join(struct.pack(f"<{len(place)}I", *place) for place in places)
    first = 3 + len(blocks)
    pieces = [directory[start : start + BLOCK].ljust(BLOCK, b"\0") for start in range(0, len(directory), BLOCK)]
    block_map = struct.pack(f"<{len(pieces)}I", *range(first, first + len(pieces))).ljust(BLOCK, b"\0")
    blocks += [*pieces, block_map]
    magic = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
    count, map_block = 3 + len(blocks), 2 + len(blocks)
    head = magic + struct.pack("<6I", BLOCK, 1, count, len(directory), 0, map_block)
    return head.ljust(3 * BLOCK, b"\0") + b"".join(blocks)


def pdb_id(name: str = "nt.pdb", guid: str = GUID, age: int = 1) -> PdbId:
    return PdbId(name, guid, age)


def wanted_pdb(name: str = "nt.pdb", guid: str = GUID, age: int = 1) -> WantedFile:
    return wanted_file(pdb_id(name, guid, age))


def packed(data: bytes, name: str = "nt.pdb") -> bytes:
    """Compress as symstore does: a cabinet of one file."""
    return cabinet([(name, len(data), 0, 0)], [(MSZIP, mszip_blocks(data))])


def szdd(data: bytes) -> bytes:
    """Write SZDD with literals only (libmspack: "COMPRESS.EXE file formats")."""
    body = b"".join(b"\xff" + data[start : start + 8] for start in range(0, len(data), 8))
    return b"SZDD\x88\xf0\x27\x33A\0" + struct.pack("<I", len(data)) + body


Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers from `server.files`, with ETag and ranges; `server.replies` holds answers that misbehave."""

    protocol_version = "HTTP/1.1"
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, self.headers.get("Range", "")))
            queue = self.server.replies.get(self.path, [])
            reply = queue.pop(0) if queue else None
        if reply is not None:
            reply(self)
            return
        data = self.server.files.get(self.path)
        if data is None:
            self.answer(404, b"no such file")
            return
        self.file(data)

    def file(self, data: bytes) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        headers = {"ETag": f'"{hash(data) & 0xFFFFFF:x}"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(206 if start else 200, data[start:], headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None) -> None:
        """Send a whole answer, or only the first `cut` bytes of its body and hang up."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """A server on the loopback interface.

    Attributes:
        files: what it has, by path. replies: misbehaviour to come, by path. requests: (path, Range) seen.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/symbols"

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


@contextmanager
def running() -> Iterator[Server]:
    """Run a server in a thread."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def put(folder: Path, data: bytes, *names: str) -> Path:
    """Write a file below a folder."""
    path = folder.joinpath(*names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
