"""A symbol server's address → verified files in the cache, several at a time.

Source: "HTTP Symbol Stores", "Symbol Store Folder Tree" (windows-driver-docs); dbghelp's log (`!sym noisy`) for what is
asked for and in which order: the file, its compressed form, file.ptr.

Nothing is sent unless a caller made a SymbolClient.

Folklore:
    A server may keep its files two tiers deep (index2.txt); that is asked once, after the first file it does not have.
    file.ptr on a server points into its owner's network.  An address in it is followed, a path is not: opening a share
    that a stranger named would hand him a Windows user's credentials.
    A server that cannot be reached once is not asked again for the other two hundred files.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from urllib.parse import quote, urlsplit

from bugcheck.archives.files import map_file
from bugcheck.errors import DumpError
from bugcheck.records import dataclass, field
from bugcheck.symbols.cache import SymbolCache, drop
from bugcheck.symbols.download import Patience, Surroundings, Transfer, Transferred
from bugcheck.symbols.http import HttpClient, HttpFault, HttpSettings, redirected
from bugcheck.symbols.identify import mismatch
from bugcheck.symbols.path import is_url
from bugcheck.symbols.store import POINTER_LIMIT, Attempt, Search, read_pointer, unpack_verified
from bugcheck.symbols.unpack import is_packed
from bugcheck.symbols.wanted import WantedFile

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How symbols are fetched.

    Attributes:
        http: proxy, time-outs and redirects. patience: attempts and limits of one file.
        parallel: files at a time. missing_age: seconds for which "the server has none" is believed; 0 asks again.
    """

    http: HttpSettings = field(default_factory=HttpSettings)
    patience: Patience = field(default_factory=Patience)
    parallel: int = 4
    missing_age: float = DAY


def _no_progress(name: str, done: int, total: int) -> None:
    """Take note of nothing."""


class SymbolClient:
    """Fetches files from symbol servers into caches. Use it as a context manager, from any number of threads.

    `pause` and `now` are the clock, for tests; `progress` is told (name, bytes done, bytes in total or 0), by one
    thread at a time.
    """

    def __init__(
        self,
        settings: ServerSettings | None = None,
        *,
        progress: Callable[[str, int, int], None] = _no_progress,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Make a client; nothing is sent yet. Raises UsageError for settings that make no sense."""
        self.settings = settings or ServerSettings()
        self._http = HttpClient(self.settings.http)
        self._stopped = Event()
        self._lock = Lock()
        self._progress_lock = Lock()
        self._progress = progress
        self._unreachable: dict[str, str] = {}
        self._tiered: dict[str, bool] = {}
        self._busy: dict[Path, Lock] = {}
        self._world = Surroundings(now, pause or self._sleep, jitter, self._stopped.is_set, self._tell)

    def __enter__(self) -> SymbolClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def map(self, work: Callable[[WantedFile], Search], files: Sequence[WantedFile]) -> list[Search]:
        """Do `work` for several files at once; the results are in the files' order.

        KeyboardInterrupt breaks off all of them, keeps their parts, and is raised again.
        """
        self._stopped.clear()
        pool = ThreadPoolExecutor(max(1, self.settings.parallel), thread_name_prefix="symbols")
        futures: list[Future[Search]] = []
        try:
            futures.extend(pool.submit(work, file) for file in files)
            return [future.result() for future in futures]
        finally:
            if not all(future.done() for future in futures):
                self._stopped.set()
                self._http.abort()
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopped.clear()

    def fetch(self, wanted: WantedFile, server: str, cache: SymbolCache) -> Search:
        """Get a file from one server into a cache, unless the cache has it or the server is known not to.

        Raises DownloadCancelled. Everything else, the disk's refusals included, is told in the attempts.
        """
        server = server.rstrip("/")
        with self._exclusively(cache.path_of(wanted)):
            if known := self._known(wanted, server, cache):
                return known
            attempts: list[Attempt] = []
            try:
                path = self._fetch(wanted, server, cache, attempts)
            except DumpError as error:
                attempts.append(Attempt(error.file, "refused", error.reason))
                path = None
            if attempts and all(attempt.outcome == "missing" for attempt in attempts):
                cache.note_missing(wanted, server, self._world.now())
            return Search(wanted, path, path is not None, tuple(attempts))

    def _known(self, wanted: WantedFile, server: str, cache: SymbolCache) -> Search | None:
        final = cache.path_of(wanted)
        if final.is_file():
            try:
                if not mismatch(map_file(str(final)), wanted.identity):
                    return Search(wanted, final, True, (Attempt(str(final), "found", "in the cache"),))
            except DumpError:  # an empty file, say: fetched anew
                pass
        since = cache.missing_since(wanted, server, self._world.now(), self.settings.missing_age)
        if since is not None:
            hours = (self._world.now() - since) / 3600
            detail = f"the server did not have it {hours:.1f} hours ago"
            return Search(wanted, None, False, (Attempt(f"{server}/{_route(wanted)}", "missing", detail),))
        if reason := self._unreachable.get(_host(server)):
            return Search(wanted, None, False, (Attempt(server, "skipped", f"not asked again after: {reason}"),))
        return None

    def _fetch(self, wanted: WantedFile, server: str, cache: SymbolCache, attempts: list[Attempt]) -> Path | None:
        path, missed = self._fetch_variants(wanted, f"{server}/{_route(wanted)}", cache, attempts)
        if path is None and missed and self._is_tiered(server):
            route = f"{server}/{quote(wanted.name[:2].lower())}/{_route(wanted)}"
            path, _ = self._fetch_variants(wanted, route, cache, attempts)
        return path

    def _fetch_variants(
        self, wanted: WantedFile, route: str, cache: SymbolCache, attempts: list[Attempt]
    ) -> tuple[Path | None, bool]:
        """Try the file, its compressed form and its pointer; also say whether the server has none of them."""
        missed = True
        for name in (wanted.name, wanted.packed_name, "file.ptr"):
            url = f"{route}/{quote(name)}"
            attempt, path = self._fetch_one(wanted, url, cache, pointer=name == "file.ptr")
            attempts.append(attempt)
            missed = missed and attempt.outcome == "missing"
            if path is not None or attempt.outcome == "failed":
                return path, False
        return None, missed

    def _fetch_one(
        self, wanted: WantedFile, url: str, cache: SymbolCache, pointer: bool = False
    ) -> tuple[Attempt, Path | None]:
        got = Transfer(self._http, cache, wanted, url, self.settings.patience, self._world).run()
        if got.path is None:
            self._note_unreachable(url, got)
            return Attempt(url, got.outcome, got.detail), None
        try:
            if pointer:
                return self._follow(wanted, url, got.path, cache)
            return self._judge(wanted, url, got.path, cache)
        except DumpError as error:
            return Attempt(url, "damaged", error.reason), None
        finally:
            drop(got.path)

    def _judge(self, wanted: WantedFile, url: str, new: Path, cache: SymbolCache) -> tuple[Attempt, Path | None]:
        """Verify what has arrived, unpacked if need be, and let it into the cache."""
        view = map_file(str(new))
        if is_packed(view):
            final, fault = unpack_verified(view, wanted, cache)
        else:
            fault = mismatch(view, wanted.identity)
            del view  # Windows renames no mapped file
            final = None if fault else cache.adopt(new, wanted)
        outcome = "found" if final else "mismatch" if fault.startswith("it is ") else "damaged"
        return Attempt(url, outcome, fault), final

    def _follow(self, wanted: WantedFile, url: str, pointer: Path, cache: SymbolCache) -> tuple[Attempt, Path | None]:
        with pointer.open("rb") as file:
            text = read_pointer(file.read(POINTER_LIMIT))
        if text.upper().startswith("MSG:"):
            return Attempt(url, "missing", f"the server says: {ascii(text[4:].strip())[1:-1]}"), None
        if not is_url(text):
            return Attempt(url, "refused", f"points to {text[:200]!a}, which is not opened on a server's word"), None
        try:
            target = redirected(url, text)
        except HttpFault as fault:
            return Attempt(url, "refused", str(fault)), None
        return self._fetch_one(wanted, target, cache)

    def _is_tiered(self, server: str) -> bool:
        """Tell whether a server keeps its files two tiers deep; asked once."""
        with self._lock:
            known = self._tiered.get(server)
        if known is None:
            try:
                with self._http.get(f"{server}/index2.txt") as answer:
                    known = answer.status == 200
            except HttpFault:
                known = False
            with self._lock:
                self._tiered[server] = known
        return known

    def _note_unreachable(self, url: str, got: Transferred) -> None:
        if got.unreachable:
            with self._lock:
                self._unreachable.setdefault(_host(url), got.detail)

    def _exclusively(self, path: Path) -> Lock:
        """Lock a file of the cache against the other threads of this client."""
        with self._lock:
            return self._busy.setdefault(path, Lock())

    def _sleep(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def _tell(self, name: str, done: int, total: int) -> None:
        with self._progress_lock:
            self._progress(name, done, total)


def _route(wanted: WantedFile) -> str:
    return f"{quote(wanted.name)}/{wanted.key}"


def _host(url: str) -> str:
    return urlsplit(url).netloc
