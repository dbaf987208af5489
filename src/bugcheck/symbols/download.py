"""An address → a file in the cache that nobody has judged yet: one transfer, resumed and repeated as needed.

Source: RFC 9110 sections 14 (ranges) and 8.8 (validators); AWS "Exponential Backoff and Jitter" for the pauses.

A part is continued only when the server proves by ETag or Last-Modified that it still has the same file.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from bugcheck.archives.spool import system_words
from bugcheck.errors import BugcheckError, DumpError
from bugcheck.records import dataclass
from bugcheck.symbols.cache import SymbolCache
from bugcheck.symbols.http import Answer, HttpClient, HttpFault
from bugcheck.symbols.wanted import WantedFile

PAUSE_LIMIT = 60.0
"""Longest pause between attempts, in seconds, whatever a server asks for."""

_MISSING = (404, 410)
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class DownloadCancelled(BugcheckError):
    """The user broke off; parts are kept."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How far a transfer goes.

    Attributes:
        attempts: requests for one address. first_pause: seconds before the second, doubled for each further one.
        size_limit: bytes of one file as it is sent. time_limit: seconds for one file, all attempts together.
    """

    attempts: int = 4
    first_pause: float = 0.5
    size_limit: int = 2 << 30
    time_limit: float = 3600.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a transfer needs of the world.

    Attributes:
        now: wall clock, seconds since 1970. pause: sleeps for some seconds. random: a number from 0 to below 1.
        cancelled: tells that the user broke off.
        progress: is told (name, bytes done, bytes in total or 0), from the thread that downloads.
    """

    now: Callable[[], float]
    pause: Callable[[float], None]
    random: Callable[[], float]
    cancelled: Callable[[], bool]
    progress: Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came of a transfer: a private file (the receiver adopts or deletes it), or why there is none.

    `outcome` is "got", "missing" (the server has none), "refused" or "failed".
    """

    path: Path | None
    outcome: str
    detail: str = ""
    unreachable: bool = False


class _Stop(BugcheckError):
    """A transfer that it makes no sense to repeat."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class Transfer:
    """One file on its way from one address.

    Attributes:
        mine: the private file. done: bytes in it. validator: tells which version of the file they belong to.
    """

    def __init__(
        self,
        http: HttpClient,
        cache: SymbolCache,
        wanted: WantedFile,
        url: str,
        patience: Patience,
        world: Surroundings,
    ) -> None:
        self.http = http
        self.wanted = wanted
        self.url = url
        self.patience = patience
        self.world = world
        self.started = world.now()
        self.source = sha256(url.encode()).hexdigest()[:12]
        self.cache = cache
        self.mine, self.validator, self.done = cache.take_part(wanted, self.source, self.started)

    def run(self) -> Transferred:
        """Fetch the file. Raises DownloadCancelled, and DumpError when the disk refuses."""
        whole = False
        try:
            result = self._repeat()
            whole = result.path is not None
            return result
        except OSError as error:
            raise DumpError(str(self.mine), f"cannot be written: {system_words(error)}") from error
        finally:
            if not whole:
                self.cache.leave_part(self.mine, self.source, self.validator)

    def _repeat(self) -> Transferred:
        fault = HttpFault("no attempt was made", passing=False)
        for attempt in range(self.patience.attempts):
            try:
                self._attempt()
                return Transferred(self.mine, "got")
            except _Stop as stop:
                return Transferred(None, stop.outcome, stop.detail)
            except HttpFault as error:
                fault = error
            self._check()
            if not fault.passing:
                break
            if attempt + 1 < self.patience.attempts:
                self._wait(attempt, fault)
        return Transferred(None, "failed", str(fault), fault.unreachable)

    def _wait(self, attempt: int, fault: HttpFault) -> None:
        """Pause between half and one and a half of the doubled time, or as long as the server asked for."""
        pause = self.patience.first_pause * 2**attempt * (0.5 + self.world.random())
        if isinstance(fault, _ServerBusy):
            pause = max(pause, fault.retry_after)
        self.world.pause(min(pause, PAUSE_LIMIT))
        self._check()

    def _attempt(self) -> None:
        with self.http.get(self.url, self.done if self.validator else 0) as answer:
            self._accept(answer)
            total = self._total(answer)
            if total > self.patience.size_limit:
                raise _Stop("refused", f"{total:#x} bytes (the limit is {self.patience.size_limit:#x})")
            self._receive(answer, total)
        if total and self.done != total:
            raise HttpFault(f"the answer ended after {self.done} of {total} bytes", passing=True)

    def _accept(self, answer: Answer) -> None:
        """Judge status and range; what is already there is kept only when the answer continues it."""
        if answer.status in _MISSING:
            raise _Stop("missing", f"HTTP {answer.status}")
        if answer.status in _PASSING:
            raise _ServerBusy(answer)
        validator = _validator(answer)
        continues = answer.headers.get("content-range", "").startswith(f"bytes {self.done}-")
        if answer.status == 206 and continues and self.done and validator and validator == self.validator:
            return
        if answer.status in (206, 416):
            self._discard("")
            raise HttpFault("the server's file has changed since the last part", passing=True)
        if answer.status != 200:
            raise _Stop("refused", f"HTTP {answer.status}")
        self._discard(validator)

    def _discard(self, validator: str) -> None:
        self.done = 0
        self.validator = validator
        self.mine.write_bytes(b"")

    def _total(self, answer: Answer) -> int:
        """Size of the whole file in bytes, 0 when the server does not say."""
        size = answer.number("content-length")
        return 0 if size is None or answer.encoded else self.done + size

    def _receive(self, answer: Answer, total: int) -> None:
        with self.mine.open("ab") as file:
            for chunk in answer.chunks():
                self._check()
                file.write(chunk)
                self.done += len(chunk)
                if self.done > self.patience.size_limit:
                    raise _Stop("refused", f"more than {self.patience.size_limit:#x} bytes (the limit)")
                self.world.progress(self.wanted.name, self.done, total)

    def _check(self) -> None:
        if self.world.cancelled():
            raise DownloadCancelled(f"the download of {self.wanted.name} was broken off")
        if self.world.now() - self.started > self.patience.time_limit:
            raise _Stop("failed", f"not finished after {self.patience.time_limit:.0f} seconds (the limit)")


class _ServerBusy(HttpFault):
    """A status that may pass; `retry_after` is the pause in seconds that the server asks for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}", passing=True)
        self.retry_after = float(answer.number("retry-after") or 0)


def _validator(answer: Answer) -> str:
    """Shorten what tells a file's versions apart; "" when the server gives nothing of use."""
    if answer.encoded:  # bytes on the wire are not the file's
        return ""
    text = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
    return "" if not text or text.startswith("W/") else sha256(text.encode()).hexdigest()[:12]
