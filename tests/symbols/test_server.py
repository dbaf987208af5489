"""A real HTTP server on the loopback interface: the cache stays right whatever it answers."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bugcheck.errors import UsageError
from bugcheck.images.identity import ImageId
from bugcheck.symbols.cache import SymbolCache
from bugcheck.symbols.download import DownloadCancelled, Patience
from bugcheck.symbols.http import HttpFault, HttpSettings, redirected
from bugcheck.symbols.server import ServerSettings, SymbolClient
from bugcheck.symbols.store import Search
from bugcheck.symbols.wanted import WantedFile, wanted_file
from tests.images.builders import pe
from tests.symbols.store_builders import GUID, Handler, Server, packed, pdb_bytes, running, szdd, wanted_pdb

OTHER = "00000000-0000-0000-0000-000000000001"
KEY = GUID.replace("-", "") + "1"
ROUTE = f"/symbols/nt.pdb/{KEY}"
PDB = pdb_bytes(padding=0x20000)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


class Clock:
    """A clock that only moves when someone waits."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def client(clock: Clock, **settings: object) -> SymbolClient:
    http = HttpSettings(connect_timeout=2, read_timeout=2)
    made = ServerSettings(**{"http": http, **settings})  # pyright: ignore[reportArgumentType]
    return SymbolClient(made, now=clock.now, pause=clock.pause, jitter=lambda: 0.5)


def fetch(server: Server, tmp_path: Path, clock: Clock, wanted: WantedFile | None = None, **settings: object) -> Search:
    with client(clock, **settings) as made:
        return made.fetch(wanted or wanted_pdb(), server.url, SymbolCache(tmp_path))


def names(folder: Path) -> list[str]:
    """Files in the cache that are not markers."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".missing")


def test_a_pdb_arrives_under_the_stores_layout(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    found = fetch(server, tmp_path, clock)
    assert found.path == tmp_path / "nt.pdb" / KEY / "nt.pdb"
    assert found.path.read_bytes() == PDB
    assert [a.outcome for a in found.attempts] == ["found"]
    fetch(server, tmp_path, clock)
    assert server.paths() == [f"{ROUTE}/nt.pdb"]  # the second time from the cache


def test_an_image_is_verified_by_stamp_and_size(server: Server, tmp_path: Path, clock: Clock) -> None:
    image = pe(stamp=0x05F5E100)
    wanted = wanted_file(ImageId("drv.sys", 0x05F5E100, 0x3000))
    # the leading zero is kept (microsoft/perfview#2417)
    server.files["/symbols/drv.sys/05F5E1003000/drv.sys"] = image
    assert fetch(server, tmp_path, clock, wanted).path is not None
    wrong = wanted_file(ImageId("drv.sys", 0x05F5E101, 0x3000))
    server.files["/symbols/drv.sys/05F5E1013000/drv.sys"] = image
    found = fetch(server, tmp_path, clock, wrong)
    assert found.path is None
    assert found.attempts[0].outcome == "mismatch"
    assert "TimeDateStamp 05F5E100" in found.attempts[0].detail


@pytest.mark.parametrize("pack", [packed, szdd])
def test_compressed_files_are_asked_for_second_and_unpacked(
    pack: Callable[[bytes], bytes], server: Server, tmp_path: Path, clock: Clock
) -> None:
    server.files[f"{ROUTE}/nt.pd_"] = pack(PDB)
    found = fetch(server, tmp_path, clock)
    assert found.path is not None
    assert found.path.read_bytes() == PDB
    assert server.paths() == [f"{ROUTE}/nt.pdb", f"{ROUTE}/nt.pd_"]
    assert names(tmp_path) == ["nt.pdb"]


def test_file_ptr_is_asked_for_third(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/file.ptr"] = f"PATH:{server.url}/elsewhere/nt.pdb".encode()
    server.files["/symbols/elsewhere/nt.pdb"] = PDB
    assert fetch(server, tmp_path, clock).path is not None
    assert server.paths()[:3] == [f"{ROUTE}/nt.pdb", f"{ROUTE}/nt.pd_", f"{ROUTE}/file.ptr"]


@pytest.mark.parametrize("text", [b"PATH:\\\\evil\\share\\nt.pdb", b"/etc/passwd", b"PATH:file:///etc/passwd", b""])
def test_a_server_cannot_make_us_open_a_path(text: bytes, server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/file.ptr"] = text
    found = fetch(server, tmp_path, clock)
    assert found.path is None
    assert found.attempts[-1].outcome == "refused"


def test_a_message_for_people_is_passed_on(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/file.ptr"] = b"MSG: Filtered"
    assert "Filtered" in fetch(server, tmp_path, clock).attempts[-1].detail


def test_two_tiers_are_found_after_the_first_miss(server: Server, tmp_path: Path, clock: Clock) -> None:
    # "Symbol Store Folder Tree": with index2.txt, the first two letters of the name come first
    server.files["/symbols/index2.txt"] = b""
    server.files[f"/symbols/nt/nt.pdb/{KEY}/nt.pdb"] = PDB
    assert fetch(server, tmp_path, clock).path is not None


def test_wrong_content_never_enters_the_cache(server: Server, tmp_path: Path, clock: Clock) -> None:
    answers = {
        "a web page": b"<!DOCTYPE html><html>Sign in to the proxy</html>",
        "cut off": PDB[:-BLOCKS],
        f"it is a PDB {{{OTHER}}} age 1": pdb_bytes(OTHER),
        f"it is a PDB {{{GUID}}} age 2": pdb_bytes(age=2),
        "zeros": bytes(5000),
    }
    for words, data in answers.items():
        server.files[f"{ROUTE}/nt.pdb"] = data
        found = fetch(server, tmp_path, clock)
        assert found.path is None
        assert found.attempts[0].outcome in ("mismatch", "damaged")
        assert words in found.attempts[0].detail
        assert names(tmp_path) == []


BLOCKS = 0x1000


def test_a_damaged_cabinet_never_enters_the_cache(server: Server, tmp_path: Path, clock: Clock) -> None:
    data = packed(PDB)
    for damaged in (data[: len(data) // 2], data[:200] + bytes(50) + data[250:], packed(PDB[:-BLOCKS])):
        server.files[f"{ROUTE}/nt.pd_"] = damaged
        found = fetch(server, tmp_path, clock)
        assert found.path is None
        assert found.attempts[1].outcome == "damaged"
        assert names(tmp_path) == []


def test_a_file_missing_is_remembered_for_a_day(server: Server, tmp_path: Path, clock: Clock) -> None:
    assert [a.outcome for a in fetch(server, tmp_path, clock).attempts] == ["missing"] * 3
    asked = len(server.requests)
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    clock.time += 3600
    found = fetch(server, tmp_path, clock)
    assert found.attempts[0].detail == "the server did not have it 1.0 hours ago"
    assert len(server.requests) == asked
    clock.time += 86_400
    assert fetch(server, tmp_path, clock).path is not None


def test_only_a_plain_no_is_remembered(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.replies[f"{ROUTE}/nt.pdb"] = [lambda handler: handler.answer(403, b"")]
    assert fetch(server, tmp_path, clock).attempts[0].detail == "HTTP 403"
    assert list(tmp_path.rglob("*.missing")) == []


def test_a_busy_server_is_asked_again_later(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    server.replies[f"{ROUTE}/nt.pdb"] = [
        lambda handler: handler.answer(500, b""),
        lambda handler: handler.answer(503, b"", {"Retry-After": "7"}),
        lambda handler: handler.answer(429, b"", {"Retry-After": "100000"}),
    ]
    assert fetch(server, tmp_path, clock).path is not None
    assert clock.pauses == [0.5, 7.0, 60.0]  # 0.5 s doubled each time; the server's wish; the limit


def test_a_server_that_stays_broken_is_given_up(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.replies[f"{ROUTE}/nt.pdb"] = [lambda handler: handler.answer(500, b"")] * 9
    found = fetch(server, tmp_path, clock)
    assert [a.outcome for a in found.attempts] == ["failed"]
    assert clock.pauses == [0.5, 1.0, 2.0]
    assert list(tmp_path.rglob("*.missing")) == []


def cut_at(size: int) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(200, PDB, {"ETag": f'"{hash(PDB) & 0xFFFFFF:x}"'}, cut=size)


def test_a_cut_off_answer_is_continued_where_it_ended(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    server.replies[f"{ROUTE}/nt.pdb"] = [cut_at(70_000)]
    found = fetch(server, tmp_path, clock)
    assert found.path is not None
    assert found.path.read_bytes() == PDB
    assert [ranges for _, ranges in server.requests] == ["", "bytes=70000-"]


def test_the_next_process_continues_a_part(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    server.replies[f"{ROUTE}/nt.pdb"] = [cut_at(70_000)]
    assert fetch(server, tmp_path, clock, patience=Patience(attempts=1)).path is None
    assert [name.rpartition(".")[2] for name in names(tmp_path)] == ["part"]
    clock.time = time.time()
    found = fetch(server, tmp_path, clock)
    assert found.path is not None
    assert found.path.read_bytes() == PDB
    assert server.requests[-1][1] == "bytes=70000-"
    assert names(tmp_path) == ["nt.pdb"]


def test_a_part_of_another_version_is_not_continued(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.replies[f"{ROUTE}/nt.pdb"] = [
        lambda handler: handler.answer(200, bytes(len(PDB)), {"ETag": '"old"'}, cut=70_000)
    ]
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    found = fetch(server, tmp_path, clock)
    assert found.path is not None
    assert found.path.read_bytes() == PDB


def test_old_parts_are_dropped(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    server.replies[f"{ROUTE}/nt.pdb"] = [cut_at(70_000)]
    fetch(server, tmp_path, clock, patience=Patience(attempts=1))
    clock.time = time.time() + 8 * 86_400
    assert fetch(server, tmp_path, clock).path is not None
    assert server.requests[-1][1] == ""
    assert names(tmp_path) == ["nt.pdb"]


def test_size_limit(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(PDB)
        handler.close_connection = True

    server.replies[f"{ROUTE}/nt.pdb"] = [endless]
    for _ in range(2):  # once without a length, once with
        found = fetch(server, tmp_path, clock, patience=Patience(size_limit=100_000))
        assert found.attempts[0].outcome == "refused"
        assert "limit" in found.attempts[0].detail
    assert "nt.pdb" not in names(tmp_path)


def test_a_server_that_drips_is_given_up(server: Server, tmp_path: Path) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"M")
            handler.wfile.flush()
            time.sleep(0.02)

    server.replies[f"{ROUTE}/nt.pdb"] = [drip]
    started = time.monotonic()
    settings = ServerSettings(patience=Patience(time_limit=0.2), http=HttpSettings(read_timeout=1))
    with SymbolClient(settings) as made:
        found = made.fetch(wanted_pdb(), server.url, SymbolCache(tmp_path))
    assert "not finished" in found.attempts[0].detail
    assert time.monotonic() - started < 2


def test_a_server_that_says_nothing_is_given_up(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.replies[f"{ROUTE}/nt.pdb"] = [lambda handler: time.sleep(1)]
    http = HttpSettings(read_timeout=0.2)
    found = fetch(server, tmp_path, clock, http=http, patience=Patience(attempts=1))
    assert found.attempts[0].outcome == "failed"


def test_a_server_that_cannot_be_reached_is_asked_once(server: Server, tmp_path: Path, clock: Clock) -> None:
    url = server.url
    server.shutdown()
    server.server_close()
    with client(clock) as made:
        first = made.fetch(wanted_pdb(), url, SymbolCache(tmp_path))
        second = made.fetch(wanted_pdb("other.pdb"), url, SymbolCache(tmp_path))
    assert first.attempts[0].outcome == "failed"
    assert second.attempts[0].outcome == "skipped"


def test_redirects_are_followed_so_far(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files["/moved/nt.pdb"] = PDB
    server.replies[f"{ROUTE}/nt.pdb"] = [lambda handler: handler.answer(302, b"", {"Location": "/moved/nt.pdb"})]
    assert fetch(server, tmp_path, clock).path is not None
    circle = wanted_pdb("circle.pdb")
    route = f"/symbols/circle.pdb/{KEY}/circle.pdb"
    server.replies[route] = [lambda handler: handler.answer(301, b"", {"Location": route})] * 9
    found = fetch(server, tmp_path, clock, circle)
    assert found.attempts[0].detail == "more than 5 redirects"
    assert server.paths().count(route) == 6


@pytest.mark.parametrize("target", ["http://example.test/a", "file:///etc/passwd", "", "//[", "ftp://a/b"])
def test_redirects_that_are_not_followed(target: str) -> None:
    with pytest.raises(HttpFault):
        redirected("https://server.test/symbols", target)


def test_redirects_that_are() -> None:
    assert redirected("http://server.test/a/b", "https://other.test/c") == "https://other.test/c"
    assert redirected("https://server.test/a/b", "c?d=e") == "https://server.test/a/c?d=e"


def test_gzip_on_the_way_is_undone(server: Server, tmp_path: Path, clock: Clock) -> None:
    import gzip

    body = gzip.compress(PDB)
    server.replies[f"{ROUTE}/nt.pdb"] = [lambda handler: handler.answer(200, body, {"Content-Encoding": "gzip"})]
    found = fetch(server, tmp_path, clock)
    assert found.path is not None
    assert found.path.read_bytes() == PDB


def test_several_files_at_once_in_order_and_with_progress(server: Server, tmp_path: Path, clock: Clock) -> None:
    files = [wanted_pdb(f"d{index}.pdb") for index in range(12)]
    for file in files:
        server.files[f"/symbols/{file.name}/{KEY}/{file.name}"] = PDB
    seen: list[tuple[str, int, int]] = []
    made = SymbolClient(now=clock.now, progress=lambda *step: seen.append(step))
    with made:
        found = made.map(lambda file: made.fetch(file, server.url, SymbolCache(tmp_path)), files)
    assert [search.wanted for search in found] == files
    assert all(search.path and search.path.read_bytes() == PDB for search in found)
    assert {(name, done) for name, done, total in seen if done == total} == {(file.name, len(PDB)) for file in files}


def test_one_client_fetches_a_file_once(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    with client(clock) as made:
        found = made.map(lambda file: made.fetch(file, server.url, SymbolCache(tmp_path)), [wanted_pdb()] * 8)
    assert all(search.path for search in found)
    assert len(server.requests) == 1


def test_two_clients_at_once_share_a_cache(server: Server, tmp_path: Path, clock: Clock) -> None:
    together = threading.Barrier(2, timeout=5)

    def slowly(handler: Handler) -> None:
        together.wait()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(PDB)))
        handler.end_headers()
        for start in range(0, len(PDB), 16_384):
            handler.wfile.write(PDB[start : start + 16_384])
            time.sleep(0.005)

    server.replies[f"{ROUTE}/nt.pdb"] = [slowly, slowly]
    found: list[Search] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(server, tmp_path, clock))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [search.path and search.path.read_bytes() == PDB for search in found] == [True, True]
    assert names(tmp_path) == ["nt.pdb"]


def test_two_processes_at_once_share_a_cache(server: Server, tmp_path: Path) -> None:
    files = [wanted_pdb(f"d{index}.pdb") for index in range(6)]
    for file in files:
        server.files[f"/symbols/{file.name}/{KEY}/{file.name}"] = PDB
    program = (
        "import sys\nfrom bugcheck.symbols.server import SymbolClient\nfrom bugcheck.symbols.cache import SymbolCache\n"
        "from bugcheck.symbols.wanted import wanted_by_key\n"
        "files = [wanted_by_key(f'd{index}.pdb', sys.argv[3]) for index in range(6)]\n"
        "with SymbolClient() as client:\n"
        "    found = client.map(lambda f: client.fetch(f, sys.argv[1], SymbolCache(sys.argv[2])), files)\n"
        "sys.exit(sum(search.path is None for search in found))\n"
    )
    command = [sys.executable, "-c", program, server.url, str(tmp_path), KEY]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert names(tmp_path) == [file.name for file in files]
    assert all(SymbolCache(tmp_path).path_of(file).read_bytes() == PDB for file in files)


def test_any_answer_leaves_the_cache_right(server: Server, tmp_path: Path, clock: Clock) -> None:
    """Statuses, lengths, ranges and encodings at random: only the right file ever arrives."""
    source = random.Random(6)
    bodies = [PDB, pdb_bytes(age=3), packed(PDB), b"<html>", b"", PDB[:5000]]

    def anything(handler: Handler) -> None:
        body = source.choice(bodies)
        headers = {"ETag": source.choice(['"a"', '"b"', ""]), "Content-Range": source.choice(["", "bytes 0-9/10", "x"])}
        headers["Content-Length"] = str(source.choice([len(body), len(body) + 3, max(0, len(body) - 3), "x"]))
        headers["Content-Encoding"] = source.choice(["", "", "identity", "gzip", "br", "x"])
        headers["Location"] = source.choice(["", "//[", "http://", f"{ROUTE}/nt.pdb"])
        handler.answer(source.choice([200, 200, 200, 206, 204, 302, 403, 404, 416, 500, 599]), body, headers, cut=10**9)

    final = SymbolCache(tmp_path).path_of(wanted_pdb())
    for _ in range(60):
        server.replies = {f"{ROUTE}/{name}": [anything] * 9 for name in ("nt.pdb", "nt.pd_", "file.ptr")}
        found = fetch(server, tmp_path, clock, missing_age=0, http=HttpSettings(read_timeout=0.5))
        assert (found.path is None) == (not final.is_file())
        if final.is_file():
            assert final.read_bytes() == PDB
            final.unlink()


def test_breaking_off_leaves_parts_and_no_file(server: Server, tmp_path: Path) -> None:
    begun = threading.Event()

    def stall(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(PDB)))
        handler.send_header("ETag", '"x"')
        handler.end_headers()
        handler.wfile.write(PDB[:50_000])
        handler.wfile.flush()
        time.sleep(1)

    server.replies[f"{ROUTE}/nt.pdb"] = [stall]
    progressed = threading.Event()
    made = SymbolClient(progress=lambda name, done, total: progressed.set())
    other = wanted_pdb("other.pdb")

    def work(file: WantedFile) -> Search:
        if file is other:  # what Ctrl-C does to the thread that waits
            assert progressed.wait(5)
            begun.set()
            raise KeyboardInterrupt
        return made.fetch(file, server.url, SymbolCache(tmp_path))

    started = time.monotonic()
    with made, pytest.raises(KeyboardInterrupt):
        made.map(work, [other, wanted_pdb()])
    assert begun.is_set()
    assert time.monotonic() - started < 0.9  # the stalled answer was broken off
    assert [name.rpartition(".")[2] for name in names(tmp_path)] == ["part"]


def test_a_cancelled_transfer_says_so(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    with client(clock) as made:
        made._stopped.set()  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(DownloadCancelled):
            made.fetch(wanted_pdb(), server.url, SymbolCache(tmp_path))
    assert "nt.pdb" not in names(tmp_path)


def test_a_cache_that_cannot_be_written_is_told(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with client(clock) as made:
        found = made.fetch(wanted_pdb(), server.url, SymbolCache(blocked))
    assert found.path is None
    assert found.attempts[-1].outcome == "refused"


def test_a_damaged_cache_is_mended(server: Server, tmp_path: Path, clock: Clock) -> None:
    server.files[f"{ROUTE}/nt.pdb"] = PDB
    final = SymbolCache(tmp_path).path_of(wanted_pdb())
    final.parent.mkdir(parents=True)
    for damaged in (b"", PDB[:1000], b"<html>"):
        final.write_bytes(damaged)
        found = fetch(server, tmp_path, clock)
        assert found.path is not None
        assert found.path.read_bytes() == PDB


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError):
        SymbolClient(ServerSettings(http=HttpSettings(proxy="nonsense://")))
    with pytest.raises(UsageError):
        SymbolClient(ServerSettings(http=HttpSettings(certificates="/no/such/file")))
